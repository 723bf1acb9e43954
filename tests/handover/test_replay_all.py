"""A run's findings on one bench, as a table: what passes, what fails, and that what was not tested does neither."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.document import read_document
from harness.errors import UsageError
from harness.handover.replay_all import Row, Word, exit_code_of, replay_all
from harness.handover.replaying import Replays
from harness.triage.replay import Replay
from harness.verdict import Kind, Observation

CRASH = read_document(Path(__file__).parents[2] / "targets" / "pump" / "controls" / "crash.json")
OTHER = Replay(False, observations=(Observation(Kind.HANG, "device", "it hangs", 1.0, ("elsewhere",)),))
ROWS = {
    Word.FAILED: Row(CRASH.finding, Replays((Replay(True), Replay(False)))),
    Word.PASSED: Row(CRASH.finding, Replays((Replay(False),))),
    Word.NOT_TESTED: Row(CRASH.finding, Replays((Replay(False), Replay(False, untested="no state")))),
}


def on(state="infusing", interface="network"):
    case = replace(CRASH.finding.case, state=state, interface=interface)
    return replace(CRASH, finding=replace(CRASH.finding, window=(case,)))


@pytest.mark.parametrize("word", ROWS)
def test_a_row_says_what_its_tries_come_to(word):
    assert ROWS[word].word == word


def test_a_row_says_why():
    assert ROWS[Word.FAILED].why == "flaky"
    assert ROWS[Word.PASSED].why == ""
    assert ROWS[Word.NOT_TESTED].why == "not tested: no state"
    other = Row(CRASH.finding, Replays((OTHER, OTHER)))
    assert (other.word, other.why) == (Word.FAILED, "another fault: it hangs")
    never = Row(CRASH.finding, Replays(()), "the bench has no interface 'x'")
    assert (never.word, never.why) == (Word.NOT_TESTED, "the bench has no interface 'x'")


@given(st.lists(st.sampled_from(list(ROWS)), min_size=1))
def test_only_a_table_of_passes_is_a_pass_and_one_failure_is_a_failure(words):
    code = exit_code_of([ROWS[word] for word in words])
    assert (code == 0) == (set(words) == {Word.PASSED})
    assert (code == 1) == (Word.FAILED in words)
    assert code in (0, 1, 4)


def test_what_the_bench_cannot_play_is_not_tested_and_the_rest_is():
    told = []
    rows = replay_all([on(), on(interface="netwrok"), on(state="asleep")], times=1, tell=told.append)
    assert [row.word for row in rows] == [Word.FAILED, Word.NOT_TESTED, Word.NOT_TESTED]
    assert (rows[1].why, rows[2].why.partition(",")[0]) == (
        "the bench has no interface 'netwrok'",
        "'network' has no state 'asleep'",
    )
    assert tuple(told) == rows


def test_a_run_whose_interfaces_the_bench_does_not_have_at_all_is_a_usage_error():
    with pytest.raises(UsageError, match="'network'"):
        replay_all([on(interface="netwrok")], times=1, tell=lambda row: None)
