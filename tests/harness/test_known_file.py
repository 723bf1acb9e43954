"""The file of known findings: what it says of a bucket on a day, and where it is nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nouns import finding

from harness.errors import UsageError
from harness.kinship import causes_of
from harness.known.baseline import Baseline, KnownFinding, baseline_in, statuses_of
from harness.known.file import baseline_beside, load_baseline
from harness.serialize import to_plain

BUCKET = "0123456789abcdef"
ENTRY = f'[[finding]]\nbucket = "{BUCKET}"\ndecision = "defer"\n'
DAY = "2026-06-15"


@pytest.fixture
def read(tmp_path):
    """Reads a file of known findings with this text, as of a day."""

    def reading(text, day=DAY):
        (tmp_path / "known.toml").write_bytes(text.encode() if isinstance(text, str) else text)
        return load_baseline(tmp_path / "known.toml", day)

    return reading


def test_an_entry_is_read_with_all_that_it_says(read):
    baseline = read(
        ENTRY + 'reason = "r"\nowner = "Ada"\nexpires = 2026-12-31\nkind = "crash"\nsummary = "s"\nfault = "f"\n'
        'run = "../runs/a"\nreproducer = "known/F-01234567.json"\ncase = "c"\nfixed = true\n'
    )
    assert baseline.findings == (
        KnownFinding(
            BUCKET,
            "defer",
            "r",
            "Ada",
            "2026-12-31",
            True,
            "crash",
            "s",
            "f",
            "../runs/a",
            "known/F-01234567.json",
            "c",
        ),
    )
    assert len(baseline.sha256) == 64


@pytest.mark.parametrize("bucket", [BUCKET, BUCKET.upper(), "F-01234567", "f-01234567"])
def test_a_bucket_may_be_written_as_a_findings_id(read, bucket):
    baseline = read(ENTRY.replace(BUCKET, bucket))
    assert baseline.status(finding(BUCKET)).word == "known"
    assert baseline.status(finding("f" * 16)).word == "new"


@pytest.mark.parametrize("decision", ["accept", "fix", "defer"])
@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ("", "known"),
        ("expires = 2026-06-15", "known"),
        ("expires = 2026-06-14", "expired"),
        ("fixed = true", "regressed"),
        ("fixed = true\nexpires = 2026-12-31", "regressed"),
        ("fixed = false", "known"),
    ],
)
def test_a_decision_holds_to_its_last_day_unless_what_was_fixed_is_back(read, decision, keys, word):
    status = read(ENTRY.replace("defer", decision) + keys).status(finding(BUCKET))
    assert (status.word, status.fails) == (word, word != "known")
    assert status.words.startswith(f"{word}: ")


@pytest.mark.parametrize(
    ("keys", "word"), [("", "known"), ("expires = 2026-06-14", "expired"), ("fixed = true", "regressed")]
)
def test_what_is_the_same_fault_as_a_known_one_is_what_that_is_unless_it_has_an_entry_of_its_own(read, keys, word):
    other = finding("f" * 16, same_as="F-" + BUCKET[:8])
    assert read(ENTRY + keys).status(other).word == word
    own = f'[[finding]]\nbucket = "{other.bucket}"\ndecision = "accept"\n'
    assert read(ENTRY + keys + "\n" + own).status(other).word == "known"


def test_a_finding_under_another_bucket_is_known_by_a_cause_that_is_written_of_the_same_fault(read):
    other = finding("f" * 16, reproduced=3)
    (cause, *_) = causes_of(other) - {other.bucket}
    assert read(ENTRY).status(other).word == "new"
    assert read(ENTRY + f'also = ["{cause}"]\n').status(other).word == "known"


@given(st.dates(), st.dates())
def test_the_last_day_is_part_of_it(last, day):
    entry = KnownFinding(BUCKET, "fix", expires=last.isoformat())
    assert entry.has_expired(day.isoformat()) == (day > last)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY + "owne = 'Ada'", ("[[finding]] 1", BUCKET, "'owne'", "'owner'")),
        (ENTRY + "expires = '2026-12-31'", ("[[finding]] 1", "expires", "without quotes")),
        (ENTRY + "expires = 2026-12-31T10:00:00", ("expires", "without quotes")),
        (ENTRY + "expires = 2026-13-01", ("not valid TOML", "line 4")),
        (ENTRY + "fixed = 'yes'", ("fixed", "'yes'")),
        (ENTRY + "reason = 3", ("reason", "it is 3")),
        (ENTRY.replace("defer", "ignore"), ("decision", "'accept', 'fix' or 'defer'", "'ignore'")),
        (ENTRY.replace("defer", "Fix"), ("decision", "'Fix'")),
        (ENTRY.replace(BUCKET, "F-1"), ("bucket", "sixteen hex digits", "'F-1'")),
        (ENTRY.replace(f'"{BUCKET}"', "17"), ("bucket", "it is 17")),
        ('[[finding]]\ndecision = "fix"', ("[[finding]] 1", "needs the key 'bucket'")),
        (f'[[finding]]\nbucket = "{BUCKET}"', ("needs the key 'decision'",)),
        (ENTRY + ENTRY, ("[[finding]] 2", "F-01234567", "[[finding]] 1 already")),
        (ENTRY + ENTRY.replace(BUCKET, "F-01234567"), ("[[finding]] 2", "already")),
        (ENTRY.replace("[[finding]]", "[[findings]]"), ("unknown key 'findings'", "'finding'")),
        (ENTRY.replace("[[finding]]", "[finding]"), ("finding", "array of tables")),
        ("finding = 3", ("array of tables",)),
        ("finding = [3]", ("array of tables", "it is 3")),
        ("[[finding", ("not valid TOML",)),
        (b"\xff\xfe\x00", ("not valid TOML",)),
        (b"\x00" * 100, ("not valid TOML",)),
    ],
)
def test_nonsense_is_a_usage_error_that_says_where(read, text, words):
    with pytest.raises(UsageError) as error:
        read(text)
    assert all(word in str(error.value) for word in ("known.toml", *words)), str(error.value)
    assert error.value.exit_code == 2


@given(st.binary(max_size=60))
def test_any_bytes_are_a_baseline_or_a_usage_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data)
    try:
        assert load_baseline(path, DAY).day == DAY
    except UsageError as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("name", ["nowhere.toml", "."])
def test_a_file_that_is_not_there_is_a_usage_error(tmp_path, name):
    with pytest.raises(UsageError, match="baseline update"):
        load_baseline(tmp_path / name, DAY)


def test_an_empty_file_knows_nothing(read):
    assert read("# nothing yet\n").findings == ()


def test_the_file_beside_a_bench_is_found(tmp_path):
    assert baseline_beside(tmp_path / "bench.toml") is None
    (tmp_path / "known.toml").write_text("")
    assert baseline_beside(tmp_path / "bench.toml") == tmp_path / "known.toml"


def test_a_manifest_keeps_the_baseline_as_it_was():
    baseline = Baseline("/k.toml", "ab", DAY, (KnownFinding(BUCKET, "fix", expires="2026-01-01"),))
    manifest = {"baseline": to_plain(baseline)}
    assert baseline_in(manifest) == baseline
    assert statuses_of(manifest, [finding()])[BUCKET].words == "expired: fix, no owner, until 2026-01-01"
    assert statuses_of({}, [finding()]) == statuses_of({"baseline": None}, [finding()]) == {}
