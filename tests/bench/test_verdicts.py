"""Labelled events that are over soon, of each kind one: the whole matrix is `python -m benchmarks.verdicts`."""

import pytest

from benchmarks.labelled_event import Result
from benchmarks.labels import LABELS, Class, Group
from benchmarks.verdicts import events, matrix, misses, run_events, told

SLOW = (
    "answers again",
    "hangs",
    "serves on a new",
    "connection open",
    "back after",
    "60 %",
    "two bugs",
    "earlier message",
    "at a close per case",
    "one slot, a connection",
    "slow, within",
    "held once",
    "adapter gone",
    "cable",
    "raises",
    "bits",
    "dropped",
    "paced",
    "echo",
    "as it was",
    "never back",
    "slow to boot",
    "idle timeout",
    "probe only",
    "signals",
)
SOON = [label for label in LABELS if not any(word in label.name for word in SLOW)]
LABEL = {label.name: label for label in LABELS}


@pytest.mark.slow
def test_every_verdict_on_labelled_events_is_right():
    results = list(run_events(events(SOON, len(SOON), 3), at_once=12))
    grave = {goal: missed for goal, missed in misses(results).items() if missed}
    assert not grave  # no bench event is a finding, no device fault a pass, whatever else runs on the machine
    missed = [(result.label, result.seed) for result in results if not result.right]
    results = [result for result in results if result.right] + list(run_events(missed, at_once=1))
    lines, met = told(results)
    assert met, "\n".join(lines)
    assert {result.label.group for result in results} == set(Group)
    assert sum(result.set_off for result in results) > 0.8 * len(results)


def result(name, verdict, fired=("exit",), kinds=("exit",)):
    return Result(LABEL[name], 0, verdict, fired, kinds, "", 1.0)


@pytest.mark.parametrize(
    ("wrong", "goal"),
    [
        (result("plain", Class.FINDING), "bench events called findings: 1"),
        (result("nothing listens", Class.FINDING), "bench events called findings: 1"),
        (result("exit status", Class.PASS), "device faults called pass or fixed: 1"),
        (result("replay: exit, as it was", Class.FIXED), "device faults called pass or fixed: 1"),
        (result("channel without signals", Class.PASS), "green runs that tested nothing: 1"),
    ],
)
def test_one_grave_miss_misses_the_goals_and_is_told_with_the_way_to_run_it_alone(wrong, goal):
    right = [result("exit status", Class.FINDING) for _ in range(99)]
    lines, met = told([*right, wrong])
    assert not met
    assert f"{goal} (goal: 0)" in lines
    assert any(f"--only '{wrong.label.name}' --seed 0" in line for line in lines)


def test_a_finding_of_another_kind_is_wrong_and_a_fault_that_was_not_set_off_is_none():
    assert result("exit status", Class.FINDING).right
    assert not result("exit status", Class.FINDING, kinds=("silence",)).right
    assert not result("two bugs", Class.FINDING, fired=("exit", "hang")).right
    assert result("exit status", Class.PASS, fired=(), kinds=()).right
    rows = matrix([result("exit status", Class.PASS, fired=(), kinds=())])
    assert "| **nothing** | 1 | 1/1 |" in rows
