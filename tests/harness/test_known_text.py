"""Edits of a file of known findings: never an entry lost, and what people wrote between them stays."""

import tomllib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.known.baseline import KnownFinding
from harness.known.file import read_known
from harness.known.text import block, edited

WRITTEN = """\
# our pump, ask Ada

# the framer, see ticket 7
[[finding]]
bucket = "aaaaaaaaaaaaaaaa"   # first
decision = "fix"
fixed = false                 # not yet

# a matter of taste
[[finding]]
decision = "accept"
bucket = "F-BBBBBBBB"
expires = 2026-12-31

# end of file
"""
buckets = st.text("0123456789abcdef", min_size=16, max_size=16)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
days = st.dates().map(lambda day: day.isoformat())
entries = st.builds(
    KnownFinding,
    buckets,
    st.sampled_from(["accept", "fix", "defer"]),
    words,
    words,
    st.just("") | days,
    st.booleans(),
    words,
    words,
)
lists = st.lists(entries, max_size=4, unique_by=lambda entry: entry.bucket[:8])


@pytest.fixture
def read(tmp_path):
    """The entries of a text."""

    def reading(text):
        (tmp_path / "k.toml").write_text(text, encoding="utf-8", newline="")
        return read_known(tmp_path / "k.toml")[1]

    return reading


def entries_of(text):
    return [KnownFinding(**{**table, "expires": str(table.get("expires", ""))}) for table in _tables(text)]


def _tables(text):
    return tomllib.loads(text).get("finding", [])


@given(lists, lists, st.data())
def test_what_is_put_in_marked_and_taken_out_is_what_is_held(before, more, data):
    start = edited("", (), new=before)
    assert entries_of(start.text) == before
    known = {entry.bucket[:8] for entry in before}
    new = [entry for entry in more if entry.bucket[:8] not in known]
    chosen = st.lists(st.sampled_from(before), unique=True) if before else st.just([])
    gone, fixed = data.draw(chosen), data.draw(chosen)
    after = edited(start.text, before, gone=gone, fixed=fixed, new=new)
    kept = [replace(entry, fixed=entry.fixed or entry in fixed) for entry in before if entry not in gone]
    assert entries_of(after.text) == kept + new


def test_comments_and_order_stay(read):
    first, second = read(WRITTEN)
    after = edited(WRITTEN, (first, second), fixed=[first], new=[KnownFinding("c" * 16, "defer")])
    assert after.kept
    assert after.text.startswith(WRITTEN.replace("fixed = false", "fixed = true").rstrip())
    assert [entry.bucket for entry in read(after.text)] == ["a" * 16, "b" * 8, "c" * 16]


def test_what_is_taken_out_goes_with_the_comment_right_above_it(read):
    first, second = read(WRITTEN)
    after = edited(WRITTEN, (first, second), gone=[first])
    assert "ticket 7" not in after.text
    assert "ask Ada" in after.text
    assert "a matter of taste" in after.text
    assert read(after.text) == (second,)
    rest = edited(WRITTEN, (first, second), gone=[second])
    assert "matter of taste" not in rest.text
    assert "ask Ada" in rest.text


def test_a_comment_at_the_top_is_the_files(read):
    text = f"# of our pump\n{block(KnownFinding('a' * 16, 'fix'))}"
    assert edited(text, read(text), gone=read(text)).text == "# of our pump\n"


def test_line_ends_of_another_system_stay(read):
    text = WRITTEN.replace("\n", "\r\n")
    after = edited(text, read(text), fixed=read(text)[1:])
    assert "# a matter of taste\r\n" in after.text
    assert [entry.fixed for entry in read(after.text)] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        'finding = [{bucket = "aaaaaaaaaaaaaaaa", decision = "fix", reason = "r"}]\n',
        '[[finding]]\nbucket = "aaaaaaaaaaaaaaaa"\ndecision = "fix"\nreason = """\n[[finding]]\nfixed = false"""\n',
    ],
)
def test_what_cannot_be_edited_is_written_anew_with_all_its_entries(read, text):
    before = read(text)
    new = KnownFinding("b" * 16, "defer")
    after = edited(text, before, fixed=before, new=[new])
    assert not after.kept
    assert read(after.text) == (replace(before[0], fixed=True), new)


def test_nothing_to_do_changes_nothing(read):
    assert edited(WRITTEN, read(WRITTEN)).text == WRITTEN
    assert edited("", ()).text == ""


@pytest.mark.parametrize("text", ['"]\n[[finding]]', "\x7f\x00\x1b[31m", "\ud800", "\u2028\u0085", "'''\"\"\"\\"])
def test_whatever_a_device_says_is_one_string(read, text):
    (entry,) = read(edited("", (), new=[KnownFinding("a" * 16, "fix", summary=text)]).text)
    assert entry.summary == text.replace("\ud800", "?")
