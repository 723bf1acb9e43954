"""Which cases are followed, how far, and that no kind is followed twice."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from toy import case, message

from harness.case import Wait
from harness.outcome import Outcome
from harness.slow_lane import SlowLane
from harness.transcript import Transcript

EMPTY = Outcome(Transcript("", (), 0.0, 0.0))


@pytest.fixture
def lane():
    """A lane over a fake runner; `pending` is what the safety monitor says."""
    pending, waited, entered = {}, [], []

    def follow(one, seconds):
        waited.append(seconds)
        for name in pending:
            pending[name] -= seconds
        for name in [name for name, due in pending.items() if due <= 0]:
            del pending[name]
        return replace(one, steps=(*one.steps, Wait(seconds))), EMPTY

    runner = SimpleNamespace(follow=follow, enter=lambda *words: entered.append(words), interfaces={"toy": None})

    def left(known=()):
        return {name: due for name, due in pending.items() if name not in known}

    safety = SimpleNamespace(pending=left)
    return SimpleNamespace(lane=SlowLane(runner, safety, 1000.0), pending=pending, waited=waited, entered=entered)


def test_every_kind_is_looked_at_once(lane):
    stages = list(lane.lane.follow(case(message(b"a")), EMPTY, 1))
    assert (lane.waited, stages[0][0].steps[-1]) == ([2.0], Wait(2.0))
    assert list(lane.lane.follow(case(message(b"a")), EMPTY, 2)) == []
    assert len(list(lane.lane.follow(case(message(b"b")), EMPTY, 3))) == 1


def test_a_new_obligation_is_followed_to_its_decision_the_near_one_first(lane):
    lane.lane.note_baseline(case(message(b"a")))
    lane.pending.update(near=120.0, far=900.0, beyond=5000.0)
    list(lane.lane.follow(case(message(b"a")), EMPTY, 1))
    assert lane.waited == [2.0, 119.0, 780.0]


def test_what_the_state_has_pending_by_itself_is_not_followed(lane):
    lane.pending.update(own=100.0)
    lane.lane.note_baseline(case(message(b"a")))
    lane.lane.note_baseline(case(message(b"b")))
    assert len(lane.entered) == 1
    list(lane.lane.follow(case(message(b"a")), EMPTY, 1))
    assert lane.waited == [2.0]


def test_only_a_share_of_the_cases_is_looked_at(lane):
    cases = [case(message(f"m{i}".encode())) for i in range(300)]
    looked = sum(bool(list(lane.lane.follow(one, EMPTY, number))) for number, one in enumerate(cases))
    assert 300 // 6 < looked <= 300 // 6 + 55
