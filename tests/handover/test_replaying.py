"""What tries come to: fixed only where all were clean, and nothing that was not tested passes."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.case import TestCase
from harness.document import Handover, read_document
from harness.errors import BenchError, UsageError
from harness.handover import regression, replaying
from harness.handover.regression import replayed
from harness.handover.replaying import Device, Replays, Standing, replay_on
from harness.reliability import Rate
from harness.triage.replay import Replay
from harness.verdict import Kind, Observation

CRASH_FILE = Path(__file__).parents[2] / "targets" / "pump" / "controls" / "crash.json"
CRASH = read_document(CRASH_FILE)
OTHER = Replay(False, observations=(Observation(Kind.HANG, "device", "it hangs", 1.0, ("elsewhere",)),))
TRIES = {
    "hit": Replay(True),
    "clean": Replay(False),
    "other": OTHER,
    "untested": Replay(False, untested="no state"),
    "bench": Replay(False, bench_error="unplugged"),
}


@given(st.lists(st.sampled_from(list(TRIES)), max_size=4))
def test_fixed_means_that_every_try_was_clean_and_reproduced_that_every_try_showed_it(names):
    replays = Replays(tuple(TRIES[name] for name in names))
    kinds = set(names)
    assert (replays.standing is Standing.FIXED) == (kinds == {"clean"})
    assert (replays.standing is Standing.REPRODUCED) == (kinds == {"hit"})
    assert (replays.standing is Standing.UNTESTED) == (
        not names or ("hit" not in kinds and bool(kinds & {"untested", "bench"}))
    )
    assert bool(replays.seen) == (kinds != {"clean"})


def test_a_finding_is_played_on_its_own_bench_and_on_another():
    numbers = []
    again = replay_on(CRASH, times=2, tell=lambda number, _again: numbers.append(number))
    assert (again.standing, again.rate, numbers) == (Standing.REPRODUCED, Rate(2, 2), [1, 2])
    assert str(again) == "reproduced: 2 of 2 (95 % interval 34-100 %)"
    assert replay_on(CRASH, bench="pump-fixed", times=1).standing is Standing.FIXED


@pytest.mark.parametrize(
    ("hits", "tries", "telling"), [(3, 3, 3), (6, 6, 3), (2, 3, 6), (1, 3, 10), (1, 10, 26), (0, 0, 7)]
)
def test_what_came_back_seldom_is_fixed_only_behind_more_clean_tries(hits, tries, telling):
    assert Rate(hits, tries).telling == telling
    clean = Replays((TRIES["clean"],) * (telling - 1), telling)
    assert clean.standing is Standing.UNSEEN
    assert f"--times {telling}" in str(clean)
    assert Replays((TRIES["clean"],) * telling, telling).standing is Standing.FIXED


def test_an_emulator_tells_by_one_try_and_a_server_by_as_many_as_it_takes(monkeypatch):
    seldom = replace(CRASH.finding, reproduced=1, tries=3)
    assert replay_on(replace(CRASH, finding=seldom), bench="pump-fixed", times=1).standing is Standing.FIXED
    monkeypatch.setattr(replaying, "replay_once", lambda *_: TRIES["clean"])
    server = Device(SimpleNamespace(runner=SimpleNamespace(independent=False)))
    assert len(server.replay(seldom, None).tries) == 10
    assert server.replay(seldom, 3).standing is Standing.UNSEEN


@pytest.mark.parametrize(
    ("case", "said"),
    [({"state": "infusin"}, "'infusing'"), ({"interface": "netwrok"}, "'network'")],
)
def test_a_state_or_an_interface_that_the_bench_does_not_have_is_a_usage_error(case, said):
    first = CRASH.finding.window[0]
    bent = TestCase(
        **{"interface": first.interface, "state": first.state, **case}, steps=first.steps, origin=first.origin
    )
    with pytest.raises(UsageError, match=said):
        replay_on(replace(CRASH, finding=replace(CRASH.finding, window=(bent,))), times=1)


def test_a_finding_of_no_bench_wants_one():
    with pytest.raises(UsageError, match="--bench"):
        replay_on(Handover(CRASH.finding))


def test_what_was_not_tested_is_an_error_with_its_reason(monkeypatch):
    tries = (TRIES["untested"], TRIES["clean"], TRIES["bench"])
    monkeypatch.setattr(regression, "replay_on", lambda *_words, **_options: Replays(tries))
    with pytest.raises(BenchError, match=r"2 of 3 tries say nothing.*no state.*unplugged"):
        replayed(CRASH_FILE)


def test_tries_that_say_nothing_are_no_part_of_the_rate():
    replays = Replays((TRIES["hit"], TRIES["untested"], TRIES["clean"]))
    assert (replays.standing, replays.rate) == (Standing.FLAKY, Rate(1, 2))
    assert str(replays).endswith("; 1 more say nothing about the device")


def test_a_failure_says_what_was_seen():
    assert Replays((OTHER, OTHER)).seen == "not the same: 0 of 2 (95 % interval 0-66 %); it hangs"
