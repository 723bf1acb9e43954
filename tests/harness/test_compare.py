"""Two runs side by side: new, gone and on which evidence, still there, flaky now."""

import json
from contextlib import ExitStack
from dataclasses import replace

import pytest
from nouns import finding

from harness.events import KnownReplayed
from harness.finding import Minimized, Size
from harness.known.baseline import FIXED, NOT_TESTED, STILL_THERE, KnownFinding, Seen
from harness.known.compare import FLAKY, GONE, NEW, STILL, compare, document
from harness.known.update import Decided, gone_by, update_by
from harness.record import StoreWriter
from harness.store import STORE_NAME, Store
from harness.verdict import Verdict

HERE, THERE = "0123456789abcdef", "fedcba9876543210"
FOUND = finding(reproduced=3, tries=3)
CASE = FOUND.case


@pytest.fixture
def stored(tmp_path):
    """A run with findings, verdicts of the finding's case, and what was seen of known ones."""
    with ExitStack() as open_stores:

        def made(*findings, verdicts=(), known=(), manifest=None, end="budget"):
            path = tmp_path / f"run{len(list(tmp_path.iterdir()))}" / STORE_NAME
            store = open_stores.enter_context(Store.create(path, {"bench": "b", **(manifest or {})}))
            for found in findings:
                store.add_finding(found)
            for number, verdict in enumerate(verdicts, 12):
                store.add_case(number, CASE, verdict, 1.0)
            for seen in known:
                StoreWriter(store)(KnownReplayed(seen))
            store.finish({"reason": end, "seconds": 1.0})
            return store

        yield made


def groups(comparison):
    return {name: [d.finding.bucket for d in entries] for name, entries in comparison.groups.items() if entries}


def why(comparison, group):
    (difference,) = comparison.groups[group]
    return difference.why


def test_what_only_the_later_run_has_is_new(stored):
    told = compare(stored(FOUND), stored(FOUND, finding(THERE, reproduced=1, tries=3)))
    assert groups(told) == {NEW: [THERE], STILL: [HERE]}
    assert told.exit_code == 1


def test_a_fault_under_another_id_is_still_there_and_another_sight_of_it_is_nothing_new(stored):
    other = finding(THERE, reproduced=3, fingerprint=FOUND.observation.fingerprint)
    told = compare(stored(FOUND), stored(other))
    assert (groups(told), told.exit_code) == ({STILL: [THERE]}, 0)
    again = finding("e" * 16, reproduced=3, same_as=FOUND.id)
    told = compare(stored(FOUND), stored(FOUND, again))
    assert (groups(told), told.exit_code) == ({STILL: [HERE]}, 0)
    told = compare(stored(FOUND, again), stored(again))
    assert (groups(told), told.exit_code) == ({STILL: ["e" * 16]}, 0)


def test_the_baseline_gets_one_entry_for_a_fault_however_often_it_was_seen(stored, tmp_path):
    again = finding("e" * 16, reproduced=3, same_as=FOUND.id)
    update = update_by(stored(FOUND, again), (), tmp_path, Decided("accept"))
    assert [entry.bucket for _finding, entry in update.new] == [HERE]


def test_what_was_only_suspected_before_is_new(stored):
    told = compare(stored(finding(reproduced=0, tries=3)), stored(FOUND))
    assert (groups(told), why(told, NEW)) == ({NEW: [HERE]}, "it was not reproduced before")


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ((), "its case was not run"),
        ((Verdict.PASS,), "its case ran again and passed"),
        ((Verdict.PASS, Verdict.PASS), "its case ran again and passed"),
        ((Verdict.PASS, Verdict.INCONCLUSIVE), "its case ran again and did not pass"),
        ((Verdict.FINDING,), "its case ran again and did not pass"),
    ],
)
def test_what_is_gone_says_whether_its_case_ran_again(stored, verdicts, words):
    told = compare(stored(FOUND), stored(verdicts=verdicts))
    assert (groups(told), why(told, GONE), told.exit_code) == ({GONE: [HERE]}, words, 0)


def test_a_pass_of_a_case_that_needs_others_says_so(stored):
    other = replace(CASE, state="busy")
    passed = {"verdicts": [Verdict.PASS]}
    longer = replace(FOUND, window=(other, other, CASE))
    assert why(compare(stored(longer), stored(**passed)), GONE).endswith("without the 2 before it that it takes")
    flaky = replace(FOUND, reproduced=2)
    assert why(compare(stored(flaky), stored(**passed)), GONE).endswith("by chance: it came back in 2 of 3 replays")
    followed = replace(FOUND, window=(replace(CASE, steps=CASE.steps[:1]),), case_number=12)
    earlier = stored(followed, verdicts=[Verdict.FINDING])
    assert why(compare(earlier, stored(**passed)), GONE).endswith("without the time behind it that it takes")


def test_the_case_is_the_one_before_it_was_made_smaller(stored):
    size = Size(1, 1)
    told = Minimized(size, size, 1, 1.0, True, (CASE,))
    smaller = replace(FOUND, window=(replace(CASE, steps=CASE.steps[:1]),), minimized=told)
    assert why(compare(stored(smaller), stored(verdicts=[Verdict.PASS])), GONE) == "its case ran again and passed"


@pytest.mark.parametrize(
    ("later", "group", "words"),
    [
        (finding(reproduced=0, tries=3), FLAKY, "not reproduced"),
        (finding(reproduced=1, tries=3, doubt="chance"), FLAKY, "not believed, 1/3: chance"),
        (finding(reproduced=0, tries=0), STILL, "seen again, and not replayed"),
    ],
)
def test_what_is_seen_again_and_not_confirmed_is_flaky(stored, later, group, words):
    told = compare(stored(FOUND), stored(later))
    assert (groups(told), why(told, group), told.exit_code) == ({group: [HERE]}, words, 0)


@pytest.mark.parametrize("bucket", [HERE, HERE[:8]])
def test_a_replayed_reproducer_outranks_the_case(stored, bucket):
    told = compare(stored(FOUND), stored(known=[Seen(bucket, "fix", STILL_THERE)]))
    assert groups(told) == {STILL: [HERE]}
    told = compare(stored(FOUND), stored(known=[Seen(bucket, "fix", FIXED, "3 replays")]))
    assert (groups(told), why(told, GONE)) == ({GONE: [HERE]}, "fixed: 3 replays")
    told = compare(stored(FOUND), stored(known=[Seen(bucket, "fix", NOT_TESTED, "no time")]))
    assert why(told, GONE) == "its case was not run"


def test_runs_that_are_hardly_alike_say_so(stored):
    one = {"target": {"name": "pump"}, "interfaces": {"network": {}, "serial": {}}}
    other = {"bench": "c", "target": {"name": "meter"}, "interfaces": {"serial": {}}}
    remarks = compare(stored(manifest=one), stored(manifest=other, end="bench")).remarks
    assert remarks == (
        "the benches differ: b, then c",
        "the devices differ: pump, then meter",
        "not fuzzed in the later run: network",
        "the later run ended as: bench",
    )
    assert compare(stored(manifest=one), stored(manifest=one)).remarks == ()


def test_two_empty_runs_have_nothing_to_tell(stored):
    assert groups(compare(stored(), stored())) == {}


def test_the_document_is_strict_json_with_every_group(stored):
    told = document(compare(stored(FOUND), stored(finding(THERE, reproduced=1, tries=1), verdicts=[Verdict.PASS])))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert set(told) == {
        *("schema", "exit_code", "earlier", "later", "remarks", "new", "gone", "still_there", "flaky_now")
    }
    assert [entry["bucket"] for entry in told["new"]] == [THERE]
    assert told["gone"][0]["case"] == {"id": CASE.id, "runs": 1, "passed": 1}


# -- what a run changes in a baseline ----------------------------------------------------------------------------------


def test_a_run_adds_its_confirmed_new_findings(stored, tmp_path):
    run = stored(FOUND, finding(THERE, reproduced=3, tries=3), finding("a" * 16, reproduced=0, tries=3))
    entries = [KnownFinding(THERE[:8], "accept")]
    changes = update_by(run, entries, tmp_path, Decided("fix", "r", "Ada", "2026-12-31"))
    ((found, entry),) = changes.new
    assert found.bucket == entry.bucket == HERE
    assert (entry.decision, entry.reason, entry.owner, entry.expires) == ("fix", "r", "Ada", "2026-12-31")
    assert (entry.run, entry.reproducer, entry.case) == (run.path.parent.name, "known/F-01234567.json", CASE.id)
    assert (changes.fixed, changes.back) == ((), ())


def test_an_entry_names_its_case_only_where_that_alone_decides(stored, tmp_path):
    run = stored(replace(FOUND, window=(replace(CASE, state="busy"), CASE)))
    ((_, entry),) = update_by(run, [], tmp_path, Decided()).new
    assert entry.case == ""


def test_what_was_replayed_in_vain_is_marked_fixed_and_what_is_back_is_told(stored, tmp_path):
    gone, back = KnownFinding(THERE, "fix"), KnownFinding(HERE, "fix", fixed=True)
    run = stored(FOUND, known=[Seen(THERE, "fix", FIXED), Seen(HERE, "fix", STILL_THERE)])
    changes = update_by(run, [gone, back], tmp_path, Decided())
    assert (changes.new, changes.fixed, changes.back) == ((), (gone,), (back,))


@pytest.mark.parametrize(
    ("run", "evidence"),
    [
        ({"known": [Seen(HERE, "fix", FIXED, "3 replays")]}, "3 replays"),
        ({"verdicts": [Verdict.PASS]}, "its case ran again and passed"),
        ({"verdicts": [Verdict.PASS], "known": [Seen(HERE, "fix", STILL_THERE)]}, ""),
        ({"verdicts": [Verdict.PASS, Verdict.FINDING]}, ""),
        ({"known": [Seen(HERE, "fix", NOT_TESTED, "no time")]}, ""),
        ({}, ""),
    ],
)
def test_an_entry_is_gone_only_on_evidence(stored, run, evidence):
    entry = KnownFinding(HERE, "fix", case=CASE.id)
    assert gone_by(stored(**run), [entry]) == ([(entry, evidence)] if evidence else [])


@pytest.mark.parametrize("met", [FOUND, finding(reproduced=0, tries=3)])
def test_an_entry_that_was_seen_again_is_not_gone(stored, met):
    entry = KnownFinding(HERE[:8], "fix", case=CASE.id)
    run = stored(met, verdicts=[Verdict.PASS], known=[Seen(HERE[:8], "fix", FIXED, "3 replays")])
    assert gone_by(run, [entry]) == []
    assert update_by(run, [entry], run.path.parent, Decided()).fixed == ()
