"""What it takes until a fault is believed: windows, two of three, a control, one case to blame, and the time."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signs import seen as made
from test_replay import A, B, X, crashes, dies, sight
from toy import arming, case, message

from harness.case import Wait
from harness.errors import BenchError, TargetError
from harness.finding import bucket_of
from harness.transcript import Service, Transcript, Way
from harness.triage import confirm
from harness.triage.confirm import Confirmation, needed_of
from harness.triage.replay import Replay
from harness.verdict import KINDS, UNSERVING, Kind, Observation

drawn = settings(deadline=None, derandomize=True, database=None)


def confirmed(t, finding, history=None, *, tries=3, stop=lambda: False):
    return Confirmation(t.runner, tries, stop).confirm(finding, (X,) if history is None else history)


def numbered(*numbers):
    return tuple(case(message(f"n{number}".encode())) for number in numbers)


class NoClock:
    """A runner for which no time passes."""

    @staticmethod
    def effort():
        return 0.0


class Played:
    """Stands for `replay_once`: notes each window, and shows the fault where `shows(window, number of replay)`.

    The number of a control is 0.
    """

    def __init__(self, monkeypatch, shows, **failing):
        self.windows, self.controls, self.shows, self.failing = [], [], shows, failing
        monkeypatch.setattr(confirm, "replay_once", self.replay)

    def replay(self, _runner, window, finding, stop=None, _presumed=(), *, ends=True):
        window = tuple(window)
        if window[-1].origin.fuzzer == "control":
            self.controls.append(window)
            return Replay(self.shows(window, 0))
        self.windows.append(window)
        if self.shows(window, len(self.windows)):
            return Replay(True, again=finding.observation, case=window[-1])
        return Replay(False, **self.failing)

    @property
    def sizes(self):
        return [len(window) for window in self.windows]


# -- windows -----------------------------------------------------------------------------------------------------------


def test_a_fault_that_the_case_shows_alone_is_played_as_often_as_was_asked(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    finding = confirmed(t, sight())
    assert (finding.window, finding.reproduced, finding.tries, finding.confirmed) == ((X,), 3, 3, True)
    assert t.target.resets == 6  # three more without the case


def test_windows_grow_by_doubling_and_end_with_all_since_the_start(toy, monkeypatch):
    history = numbered(*range(40))
    played = Played(monkeypatch, lambda window, _n: False)
    finding = confirmed(toy(), sight(of=history[-1]), history)
    assert played.windows == [history[-n:] for n in (1, 2, 4, 8, 16, 40)]
    assert (finding.reproduced, finding.tries, finding.confirmed, finding.replays) == (0, 6, False, "not reproduced")


@pytest.mark.parametrize(("size", "sizes"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (16, [1, 2, 4, 8, 16])])
def test_no_window_is_larger_than_the_history(toy, monkeypatch, size, sizes):
    history = numbered(*range(size))
    played = Played(monkeypatch, lambda window, _n: False)
    confirmed(toy(), sight(of=history[-1]), history)
    assert played.sizes == sizes


def test_the_shortest_window_that_shows_it_is_the_one_that_is_played_again(toy, monkeypatch):
    history = numbered(*range(12))
    played = Played(monkeypatch, lambda window, _n: len(window) >= 3)
    finding = confirmed(toy(), sight(of=history[-1]), history)
    assert finding.window == history[-4:]
    assert played.sizes == [1, 2, 4, 1, 1, 1, 4, 4]  # three cases are tried alone on the way
    assert (finding.reproduced, finding.tries) == (3, 3)


def test_an_earlier_case_that_shows_it_alone_is_the_one_to_blame(toy, monkeypatch):
    history = numbered(*range(8))
    Played(monkeypatch, lambda window, _n: history[5] in window)
    finding = confirmed(toy(), sight(of=history[-1]), history)
    assert (finding.window, finding.reproduced) == ((history[5],), 3)


def test_the_first_of_two_cases_may_be_the_one_to_blame(toy, monkeypatch):
    Played(monkeypatch, lambda window, _n: A in window)
    assert confirmed(toy(), sight(), (B, A, X)).window == (A,)


def test_a_window_of_sixteen_is_short_enough(toy, monkeypatch):
    history = numbered(*range(16))
    played = Played(monkeypatch, lambda window, _n: len(window) >= 16)
    finding = confirmed(toy(), sight(of=history[-1]), history)
    assert (finding.window, played.sizes[-3:]) == (history, [1, 16, 16])


def test_a_replay_ends_with_the_time_in_its_midst(toy):
    t, over = toy(), []
    t.device.planted[b"a"] = lambda _device: over.append(1) or [b"<A>"]
    finding = replace(sight(), window=(A, X))
    finding = confirmed(t, finding, (A, X), stop=lambda: bool(over))
    assert (b"<x>" in t.transport.sent, finding.tries) == (False, 0)


def test_the_latest_cases_are_tried_alone_first_and_no_more_than_seven(toy, monkeypatch):
    history = numbered(*range(16))
    played = Played(monkeypatch, lambda window, _n: len(window) == 16)
    confirmed(toy(), sight(of=history[-1]), history)
    alone = [window for window in played.windows[5:] if len(window) == 1]
    assert alone == [(c,) for c in history[-2:-9:-1]]


def test_a_window_ends_with_the_case_that_showed_it_in_the_replay(toy, monkeypatch):
    history = numbered(*range(4))
    played = Played(monkeypatch, lambda window, _n: len(window) >= 3)
    plays = played.replay

    def earlier(_runner, window, finding, stop=None, _presumed=(), **_options):
        again = plays(_runner, window, finding, stop)
        return Replay(True, again=again.again, case=history[2]) if again.reproduced else again

    monkeypatch.setattr(confirm, "replay_once", earlier)
    assert confirmed(toy(), sight(of=history[-1]), history).window == history[:3]


def test_a_long_window_is_halved_while_a_half_still_shows_it(toy, monkeypatch):
    history = numbered(*range(100))
    played = Played(monkeypatch, lambda window, _n: len(window) >= 20 and window[-1] == history[-1])
    finding = confirmed(toy(), sight(of=history[-1]), history)
    assert len(finding.window) == 25
    assert finding.window == history[-25:]
    assert [size for size in played.sizes if size > 16] == [100, 50, 25, 25, 25]


def test_a_fault_that_needs_an_earlier_case_keeps_both(toy):
    t = toy()
    arming(t.device)
    finding = confirmed(t, sight(), (B, A, X))
    assert (finding.window, finding.reproduced, finding.tries) == ((A, X), 3, 3)


def test_a_case_that_must_come_three_times_is_kept_three_times(toy):
    t = toy()
    counted = []

    def count(device):
        counted.append(1)
        device.dead = len(counted) == 3
        return [] if device.dead else [b"<X>"]

    t.device.planted[b"x"] = count
    forget = t.device.reset
    t.device.reset = lambda: (counted.clear(), forget())
    finding = confirmed(t, sight(), (X, A, X, B, X))
    assert (finding.window, finding.reproduced, finding.tries) == ((X, A, X, B, X), 3, 3)


@drawn
@given(size=st.integers(1, 60), needs=st.integers(1, 60), late=st.booleans())
def test_a_confirmed_window_is_no_longer_than_the_history_and_shows_the_fault_itself(size, needs, late):
    history = numbered(*range(size))
    shows = (lambda window, _n: len(window) >= needs) if late else (lambda window, _n: history[0] in window)
    with pytest.MonkeyPatch.context() as patch:
        played = Played(patch, shows)
        finding = Confirmation(NoClock, 3, lambda: False).confirm(sight(of=history[-1]), history)
        assert set(finding.window) <= set(history)
        if finding.confirmed:
            assert played.windows.count(finding.window) >= 3 and shows(finding.window, 0)
        assert all(len(window) <= size for window in played.windows)


# -- the rule ----------------------------------------------------------------------------------------------------------


TIMED = [kind for kind in Kind if KINDS[kind].timed]
SELF_EVIDENT = [Kind.CRASH, Kind.HANG, Kind.EXIT, Kind.REBOOT, Kind.LEAK, Kind.UNSAFE_STATE]


@pytest.mark.parametrize("kind", TIMED)
@pytest.mark.parametrize(("shown", "believed"), [((1,), False), ((1, 2), False), ((1, 3), False), ((1, 2, 3), True)])
def test_what_is_only_late_or_missing_needs_every_replay(toy, monkeypatch, kind, shown, believed):
    Played(monkeypatch, lambda window, number: number in shown and window == (X,))
    finding = confirmed(toy(), sight(kind))
    assert (finding.reproduced, finding.tries, finding.confirmed) == (len(shown), 3, believed)
    assert finding.doubt == ("" if believed else f"it came back in {len(shown)} of 3 replays, which chance can do")
    assert finding.replays == ("3/3" if believed else f"not believed, {len(shown)}/3")


@pytest.mark.parametrize("kind", SELF_EVIDENT)
def test_what_tells_of_itself_needs_one(toy, monkeypatch, kind):
    Played(monkeypatch, lambda _window, number: number == 1)
    finding = confirmed(toy(), sight(kind))
    assert (finding.reproduced, finding.tries, finding.confirmed, finding.doubt) == (1, 3, True, "")


@drawn
@given(kind=st.sampled_from(Kind), shown=st.sets(st.integers(1, 12)), tries=st.integers(2, 6))
def test_a_timed_kind_is_never_confirmed_by_one_replay(kind, shown, tries):
    with pytest.MonkeyPatch.context() as patch:
        Played(patch, lambda _window, number: number in shown)
        patch.setattr(confirm, "explained", lambda _runner, finding: finding)
        finding = Confirmation(NoClock, tries, lambda: False).confirm(sight(kind), (A, B, X))
        assert finding.reproduced <= finding.tries
        assert not (finding.confirmed and KINDS[kind].timed and finding.reproduced < 2)


def test_a_run_that_wants_one_replay_believes_one(toy, monkeypatch):
    Played(monkeypatch, lambda window, _n: window == (X,))
    finding = confirmed(toy(), sight(), tries=1)
    assert (finding.reproduced, finding.tries, finding.confirmed) == (1, 1, True)


def late():
    return sight(sign=(Way.LATE.value, "x"))


def test_a_late_answer_must_be_late_in_every_replay_and_in_none_without_the_case(toy, monkeypatch):
    played = Played(monkeypatch, lambda window, _n: window == (X,))
    assert confirmed(toy(), late()).confirmed
    assert [(c.interface, c.state, c.steps, c.origin.fuzzer) for (c,) in played.controls] == [
        ("toy", "idle", (Wait(1.0),), "control")
    ] * 3


def test_a_device_that_is_late_without_the_case_is_not_late_by_it(toy, monkeypatch):
    played = Played(monkeypatch, lambda window, _n: True)
    finding = confirmed(toy(), late())
    assert (finding.confirmed, finding.reproduced, finding.tries) == (False, 3, 3)
    assert finding.doubt == "it came back in 3 of 3 replays, and without the case, too"
    assert (len(played.windows), len(played.controls)) == (3, 1)


def test_an_answer_that_is_late_in_two_of_three_replays_is_not_believed_and_needs_no_control(toy, monkeypatch):
    played = Played(monkeypatch, lambda window, number: number != 2)
    assert not confirmed(toy(), late()).confirmed
    assert len(played.windows) == 3


def test_a_device_that_answers_late_by_itself_is_never_confirmed_silent(toy):
    t = toy()
    t.transport.delay = 3.1  # whatever it is asked
    finding = confirmed(t, late())
    assert not finding.confirmed


def test_how_many_replays_are_needed_is_said_by_the_kind():
    finding = late()
    assert needed_of(finding) == 2
    assert needed_of(sight(Kind.DISCONNECT)) == 2
    assert needed_of(replace(sight(Kind.SILENCE), tries=4)) == 4
    assert needed_of(sight(Kind.CRASH)) == 1
    many = replace(finding, tries=5)
    assert needed_of(many) == 5


# -- whom it blames ----------------------------------------------------------------------------------------------------


def test_a_slow_death_that_was_seen_behind_another_message_blames_the_one_of_the_replay(toy, monkeypatch):
    seen = made(Kind.EXIT, "device", "ended", 0.0, ("139", "x"))
    monkeypatch.setattr(confirm, "replay_once", lambda *_words, **_options: Replay(True, again=seen, case=X))
    finding = confirmed(toy(), sight(Kind.EXIT, ("139", "probe")))
    assert (finding.observation, finding.bucket) == (seen, bucket_of(seen))


@pytest.mark.parametrize(
    ("kind", "monitor", "blamed"),
    [
        (Kind.SILENCE, "m", True),
        (Kind.DISCONNECT, "m", True),
        (Kind.REBOOT, "liveness", True),
        (Kind.REBOOT, "device", False),
        (Kind.CRASH, "device", False),
        (Kind.LEAK, "m", False),
    ],
)
def test_only_kinds_that_know_nothing_better_take_the_blame_of_the_replay(toy, monkeypatch, kind, monitor, blamed):
    seen = made(kind, monitor, "seen again", 0.0, ("s", "b"))
    monkeypatch.setattr(confirm, "replay_once", lambda *_words, **_options: Replay(True, again=seen, case=X))
    monkeypatch.setattr(confirm, "explained", lambda _runner, finding: finding)
    first = sight(kind, ("s", "x"), monitor=monitor)
    finding = confirmed(toy(), first)
    assert finding.observation == (seen if blamed else first.observation)
    assert finding.bucket == (bucket_of(seen) if blamed else first.bucket)


def test_a_link_that_is_lost_in_the_replay_says_nothing_of_the_blame(toy, monkeypatch):
    seen = Observation(Kind.LINK_LOST, "link", "lost", 0.0)
    monkeypatch.setattr(confirm, "replay_once", lambda *_words, **_options: Replay(True, again=seen, case=X))
    first = sight(Kind.REBOOT, ("restart", "x"), monitor="liveness")
    assert confirmed(toy(), first).observation is first.observation


@pytest.mark.parametrize(
    ("kind", "cause"), [(Kind.EXIT, Kind.CRASH), (Kind.SILENCE, Kind.CRASH), (Kind.REBOOT, Kind.EXIT)]
)
def test_what_explains_it_in_the_replay_is_the_fault(toy, monkeypatch, kind, cause):
    seen, why = made(kind, "liveness", "gone", 0.0, ("s", "x")), made(cause, "program", "it says why", 0.0, ("w", "f"))
    monkeypatch.setattr(
        confirm, "replay_once", lambda *_words, **_options: Replay(True, observations=(seen, why), again=seen)
    )
    finding = confirmed(toy(), sight(kind, ("s", "x"), monitor="liveness"))
    assert (finding.observation, finding.bucket) == (why, bucket_of(why))


def test_another_fault_beside_it_in_the_replay_does_not_take_its_place(toy, monkeypatch):
    seen, other = made(Kind.EXIT, "device", "ended", 0.0, ("1", "x")), made(Kind.LEAK, "m", "leaks", 0.0, ("l", "x"))
    monkeypatch.setattr(
        confirm, "replay_once", lambda *_words, **_options: Replay(True, observations=(seen, other), again=seen)
    )
    assert confirmed(toy(), sight(Kind.EXIT, ("1", "x"), monitor="device")).observation.kind is Kind.EXIT


# -- what says nothing -------------------------------------------------------------------------------------------------


def test_windows_that_could_not_be_played_are_not_counted_as_played_in_vain(toy, monkeypatch):
    Played(monkeypatch, lambda window, _n: False, untested="the state was not reached")
    finding = confirmed(toy(), sight(), (A, B, X))
    assert (finding.reproduced, finding.tries, finding.replays) == (0, 0, "not replayed")


def test_a_bench_that_fails_in_every_window_is_told_with_its_first_words(toy, monkeypatch):
    words = iter(["the relay does not answer", "it is on fire"])
    monkeypatch.setattr(confirm, "replay_once", lambda *_words, **_options: Replay(False, bench_error=next(words)))
    with pytest.raises(BenchError, match="the relay does not answer"):
        confirmed(toy(), sight(), (A, X))


def test_a_bench_that_failed_once_and_then_played_a_window_has_replayed(toy, monkeypatch):
    tries = iter([Replay(False, bench_error="the relay does not answer"), Replay(False), Replay(False)])
    monkeypatch.setattr(confirm, "replay_once", lambda *_words, **_options: next(tries))
    finding = confirmed(toy(), sight(), (B, A, X))
    assert (finding.reproduced, finding.tries) == (0, 2)


def test_a_replay_that_tested_nothing_is_no_vote(toy, monkeypatch):
    tries = iter([True, "over", True, "", True])

    def replay(_runner, window, finding, stop=None, _presumed=(), **_options):
        if window[-1].origin.fuzzer == "control":
            return Replay(False)
        if (shown := next(tries)) is True:
            return Replay(True, again=finding.observation, case=window[-1])
        return Replay(False, untested=shown, bench_error="" if shown else "no power")

    monkeypatch.setattr(confirm, "replay_once", replay)
    assert confirmed(toy(), sight()).replays == "3/3"


def test_replays_that_test_nothing_are_tried_again_but_not_for_ever(toy, monkeypatch):
    played = Played(monkeypatch, lambda window, n: window == (X,) and n == 1, untested="not reached")
    finding = confirmed(toy(), sight())
    assert (finding.replays, len(played.windows)) == ("not believed, 1/1", 6)


def test_a_target_that_does_not_start_is_the_benchs(toy):
    t = toy()

    def no_reset():
        raise TargetError("no power")

    t.target.reset = no_reset
    with pytest.raises(BenchError, match="no power"):
        confirmed(t, sight())


# -- the time ----------------------------------------------------------------------------------------------------------


def after(count):
    """Over after so many questions."""
    left = iter([False] * count)
    return lambda: next(left, True)


def test_a_time_that_is_over_before_the_first_replay_dismisses_nothing(toy):
    finding = confirmed(toy(), sight(), stop=after(0))
    assert (finding.tries, finding.replays, finding.confirmed) == (0, "not replayed", False)


def test_windows_that_were_played_before_the_time_was_over_are_counted(toy, monkeypatch):
    Played(monkeypatch, lambda window, _n: False)
    finding = confirmed(toy(), sight(), numbered(*range(30)), stop=after(2))
    assert (finding.reproduced, finding.tries) == (0, 2)


def test_a_crash_that_came_back_once_counts_although_the_time_is_over(toy, monkeypatch):
    Played(monkeypatch, lambda window, _n: True)
    finding = confirmed(toy(), sight(Kind.CRASH), stop=after(1))
    assert (finding.reproduced, finding.tries, finding.confirmed) == (1, 1, True)


def test_when_the_time_is_over_no_case_is_tried_alone_and_no_window_halved(toy, monkeypatch):
    history = numbered(*range(100))
    played = Played(monkeypatch, lambda window, _n: len(window) > 16)
    finding = confirmed(toy(), sight(Kind.CRASH, of=history[-1]), history, stop=after(6))
    assert (played.sizes, len(finding.window)) == ([1, 2, 4, 8, 16, 100], 100)


# -- why it happened ---------------------------------------------------------------------------------------------------


def explaining(t, **detail):
    """A target that says more while it explains."""

    def crash(_device):
        more = detail if t.target.explaining else {}
        crashes(t)(_device)
        t.target.events[-1].detail.update(more)
        return [b"<X>"]

    t.device.planted[b"x"] = crash


def test_a_crash_is_replayed_once_more_for_what_it_overwrote(toy):
    t = toy(snapshots=True)
    explaining(t, overwritten="the return address")
    first = sight(Kind.CRASH, ("bad access", "f"))
    first = replace(first, observation=replace(first.observation, detail={"symbol": "f"}))
    finding = confirmed(t, first)
    assert dict(finding.observation.detail) == {"symbol": "f", "overwritten": "the return address"}
    assert (finding.reproduced, finding.tries, t.target.explaining) == (3, 3, False)


def test_what_was_not_overwritten_is_not_told(toy):
    t = toy(snapshots=True)
    explaining(t, note="nothing")
    assert dict(confirmed(t, sight(Kind.CRASH, ("bad access", "f"))).observation.detail) == {}


def test_another_crash_of_the_replay_explains_nothing_and_a_target_that_cannot_is_not_asked(toy):
    t = toy(snapshots=True)
    explaining(t, overwritten="the return address")
    first = sight(Kind.LEAK, ("x",))
    assert confirm.explained(t.runner, first) is first
    t = toy()
    explaining_not = sight(Kind.CRASH, ("bad access", "f"))
    assert confirm.explained(t.runner, explaining_not) is explaining_not
    assert t.transport.sent == []


def test_an_explanation_that_fails_leaves_the_target_as_it_was(toy, monkeypatch):
    t = toy(snapshots=True)

    def fails(*_words, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(confirm, "replay_once", fails)
    with pytest.raises(KeyboardInterrupt):
        confirm.explained(t.runner, sight(Kind.CRASH))
    assert t.target.explaining is False


def test_only_a_crash_is_explained(toy, monkeypatch):
    t = toy(snapshots=True)
    Played(monkeypatch, lambda window, _n: True)
    asked = []
    monkeypatch.setattr(confirm, "explained", lambda _runner, finding: asked.append(finding.kind) or finding)
    for kind in (Kind.HANG, Kind.SILENCE, Kind.CRASH):
        confirmed(t, sight(kind))
    assert asked == [Kind.CRASH]


CONTROLLED = [kind for kind in TIMED if kind is not Kind.NO_REPLY]


@pytest.mark.parametrize("kind", CONTROLLED)
def test_a_device_that_shows_it_without_the_case_too_does_not_show_it_by_the_case(toy, monkeypatch, kind):
    played = Played(monkeypatch, lambda window, _n: True)
    assert not confirmed(toy(), sight(kind, (Way.RECONNECTED.value, "x"))).confirmed
    assert len(played.controls) == (1 if kind is Kind.DISCONNECT else 5)
    played = Played(monkeypatch, lambda window, _n: window == (X,))
    assert confirmed(toy(), sight(kind, (Way.RECONNECTED.value, "x"))).confirmed
    assert (len(played.windows), len(played.controls)) == (3, 3)


@pytest.mark.parametrize(
    ("controls", "replays", "played"),
    [
        ((), 3, 3),
        ((1,), 10, 10),
        ((1, 2), 10, 10),
        ((2, 3, 9, 10), 10, 10),
        ((2, 3, 4, 9, 10), 0, 10),
        ((1, 2, 3, 4, 5), 0, 5),
    ],
)
def test_a_silence_that_a_control_shows_is_believed_by_ten_of_each_sort(toy, monkeypatch, controls, replays, played):
    shown = Played(monkeypatch, lambda window, _n: window == (X,) or len(shown.controls) in controls)
    finding = confirmed(toy(), sight(Kind.SILENCE))
    assert (finding.confirmed, len(shown.controls)) == (replays > 0, played)
    assert finding.replays == (f"{replays}/{replays}" if replays else "not believed, 3/3")
    assert ("without the case, too" in finding.doubt) == (not replays)


@pytest.mark.parametrize("missed", [4, 7, 10])
def test_where_controls_show_it_no_replay_may_miss_it(toy, monkeypatch, missed):
    shown = Played(monkeypatch, lambda window, n: n != missed if window == (X,) else len(shown.controls) < 3)
    finding = confirmed(toy(), sight(Kind.SILENCE))
    assert (finding.confirmed, finding.reproduced, finding.tries) == (False, missed - 1, missed)
    assert f"in {missed - 1} of {missed} replays, and in 2 of 10 without the case" in finding.doubt


def test_a_control_that_tested_nothing_is_no_vote_and_where_none_tests_it_is_said(toy, monkeypatch):
    played = Played(monkeypatch, lambda window, _n: True)
    plays, blind = played.replay, [1, 2, 3]

    def unreached(runner, window, finding, stop=None, _presumed=(), **_options):
        again = plays(runner, window, finding, stop)
        return Replay(False, untested="not reached") if len(played.controls) in blind and window != (X,) else again

    monkeypatch.setattr(confirm, "replay_once", unreached)
    assert not confirmed(toy(), sight(Kind.SILENCE)).confirmed  # five more show it
    assert len(played.controls) == 8
    played.controls.clear()
    blind += range(4, 99)
    finding = confirmed(toy(), sight(Kind.SILENCE))
    assert (finding.confirmed, len(played.controls)) == (False, 6)
    assert "could not be played" in finding.doubt


@pytest.mark.parametrize(
    ("ends", "believed", "why"), [(3, True, ""), (5, False, "; the time was up before 10"), (12, False, "case, too")]
)
def test_controls_that_there_was_no_time_for_take_nothing_back_unless_some_showed_it(
    toy, monkeypatch, ends, believed, why
):
    played = Played(monkeypatch, lambda window, _n: True)
    finding = confirmed(toy(), sight(Kind.SILENCE), stop=lambda: len(played.windows) + len(played.controls) >= ends)
    assert (finding.confirmed, finding.reproduced) == (believed, 3)
    assert why in finding.doubt


@pytest.mark.parametrize("kind", SELF_EVIDENT)
def test_what_tells_of_itself_needs_no_control(toy, monkeypatch, kind):
    played = Played(monkeypatch, lambda window, _n: True)
    assert confirmed(toy(), sight(kind)).confirmed
    assert played.controls == []


def test_a_message_that_is_not_sent_cannot_be_unanswered_which_no_control_asks(toy, monkeypatch):
    played = Played(monkeypatch, lambda _window, _n: True)
    assert confirmed(toy(), sight(Kind.NO_REPLY)).replays == "3/3"
    assert played.controls == []
    played = Played(monkeypatch, lambda window, _n: len(window) > 1)
    assert not confirmed(toy(), sight(Kind.NO_REPLY), (A, X)).confirmed  # of what went before it is asked
    assert played.controls


@pytest.mark.parametrize(("shown_by", "to_the_end"), [(X, False), (None, True)])
def test_a_control_is_played_as_far_as_the_replays_were(toy, monkeypatch, shown_by, to_the_end):
    ends = []

    def played(_runner, window, finding, _stop, _presumed=(), *, ends=True, told=ends):
        if window[-1].origin.fuzzer == "control":
            told.append(ends)
            return Replay(False)
        return Replay(True, again=finding.observation, case=shown_by)

    monkeypatch.setattr(confirm, "replay_once", played)
    assert confirmed(toy(), sight(Kind.SILENCE)).confirmed
    assert ends == [to_the_end] * 3


@pytest.mark.parametrize(
    ("monitor", "way", "waited"),
    [(UNSERVING, Way.FILLED, 0.5), (UNSERVING, Way.LATE, 2.0), ("m", Way.FILLED, 2.0)],
)
def test_a_control_of_what_is_only_asked_whether_it_serves_is_as_long_as_the_replays(
    toy, monkeypatch, monitor, way, waited
):
    transcript, windows = Transcript("", (), 10.0, 11.5, service=Service(way, 1.0, 256)), []

    def played(_runner, window, _finding, _stop, _presumed=(), **_options):
        windows.append(window)
        return Replay(window[-1].origin.fuzzer != "control", transcript)

    monkeypatch.setattr(confirm, "replay_once", played)
    first = replace(transcript, ended=13.0)
    assert confirmed(toy(), replace(sight(sign=(way.value,), monitor=monitor), transcript=first)).confirmed
    assert [window[0].steps for window in windows[3:]] == [(Wait(waited),)] * 3


@pytest.mark.parametrize(("first", "again", "waited"), [(0.5, 2.0, 2.0), (2.0, 0.5, 2.0), (900.0, 1.0, 30.0)])
def test_without_the_case_as_much_time_passes_as_it_took(toy, monkeypatch, first, again, waited):
    transcript = Transcript("", (), 10.0, 10.0 + again)
    windows = []

    def played(_runner, window, _finding, _stop, _presumed=(), **_options):
        windows.append(window)
        return Replay(window[-1].origin.fuzzer != "control", transcript)

    monkeypatch.setattr(confirm, "replay_once", played)
    closed = sight(Kind.DISCONNECT, (Way.RECONNECTED.value, "x"))
    assert confirmed(toy(), replace(closed, transcript=Transcript("", (), 3.0, 3.0 + first))).confirmed
    assert [window[0].steps for window in windows[3:]] == [(Wait(waited),)] * 3


@pytest.mark.parametrize(
    ("served", "waited"), [(None, 9.0), (Service(Way.RECONNECTED, 8.5), 0.5), (Service(Way.NEVER, 11.0), 0.0)]
)
def test_how_long_it_took_to_be_served_again_is_not_waited_for(toy, monkeypatch, served, waited):
    windows = []

    def played(_runner, window, _finding, _stop, _presumed=(), **_options):
        windows.append(window)
        return Replay(window[-1].origin.fuzzer != "control")

    monkeypatch.setattr(confirm, "replay_once", played)
    confirmed(toy(), replace(sight(Kind.SILENCE), transcript=Transcript("", (), 3.0, 12.0, service=served)))
    assert [window[0].steps for window in windows[3:]] == [(Wait(waited),)] * 3


def served(*services, controls=lambda number: False):
    """Plays replays that end with these services, in turn and for ever; counts replays and controls."""
    counts = [0, 0]

    def played(_runner, window, finding, _stop, _presumed=(), **_options):
        control = window[-1].origin.fuzzer == "control"
        counts[control] += 1
        if control:
            return Replay(controls(counts[1]))
        service = services[(counts[0] - 1) % len(services)]
        return Replay(True, Transcript("", (), 0.0, 9.0, service=service), again=finding.observation, case=window[-1])

    return played, counts


NEW, MORE, NOW = Way.RECONNECTED, Way.FILLED, Way.LATE


@pytest.mark.parametrize(
    ("services", "steady"),
    [
        ((Service(NEW, 2.2), Service(NEW, 2.4), Service(NEW, 3.5)), True),
        ((Service(NEW, 0.0), Service(NEW, 0.3)), True),
        ((Service(NEW, 2.2), Service(NEW, 4.0)), False),
        ((Service(MORE, 2.2), Service(NEW, 2.2)), False),
        ((Service(NOW, 2.2), Service(NOW, 9.0)), False),
        ((Service(MORE, 2.2, 256), Service(MORE, 9.0, 256)), True),
        ((Service(MORE, 2.2, 256), Service(MORE, 2.2, 64)), False),
        ((None,), True),
        ((Service(Way.NEVER, 2.0), Service(Way.NEVER, 9.0)), True),
        ((Service(Way.NEVER, 2.0), Service(NEW, 2.0)), False),
    ],
)
@pytest.mark.parametrize("way", [NEW, NOW])
def test_a_device_that_comes_back_otherwise_each_time_is_asked_ten_times(toy, monkeypatch, services, steady, way):
    played, counts = served(*services)
    monkeypatch.setattr(confirm, "replay_once", played)
    finding = confirmed(toy(), sight(Kind.SILENCE, (way.value, "x")))
    assert (finding.confirmed, *counts) == ((True, 3, 3) if steady else (True, 6, 10))


def unserving(kind):
    """Seen because no probe was served; a device that hangs has said where."""
    finding = sight(kind, ("struct.error", "register_message.py, line 150"))
    return replace(finding, observation=replace(finding.observation, monitor=UNSERVING))


def test_how_many_bytes_a_device_wants_is_of_no_matter_where_it_says_itself_why_it_hangs(toy, monkeypatch):
    played, counts = served(Service(MORE, 2.2, 256), Service(MORE, 2.2, 1280))
    monkeypatch.setattr(confirm, "replay_once", played)
    finding = confirmed(toy(), unserving(Kind.HANG))
    assert (finding.confirmed, *counts) == (True, 3, 3)


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.SILENCE])
@pytest.mark.parametrize("way", [MORE, NEW, NOW])
def test_the_way_back_is_found_with_patience_once_where_chance_has_no_part_in_it(toy, monkeypatch, kind, way):
    plays, _counts = served(Service(way, 2.2, 256))
    presumed = []

    def played(runner, window, finding, stop, ways=frozenset(), **_options):
        presumed.append(ways)
        return plays(runner, window, finding, stop, ways)

    monkeypatch.setattr(confirm, "replay_once", played)
    seen = unserving(kind)
    confirmed(toy(), replace(seen, transcript=replace(seen.transcript, service=Service(way, 2.2, 256))))
    known = {way} if way is MORE or (kind is Kind.HANG and way is NEW) else set()
    assert presumed == [known] * 3 + [set()] * 3


@pytest.mark.parametrize(("kind", "replays"), [(Kind.EXIT, 1), (Kind.SILENCE, 3)])
@pytest.mark.parametrize("known", [True, False])
def test_what_turns_out_to_be_a_known_finding_needs_no_proof_of_its_own(toy, monkeypatch, kind, replays, known):
    seen = made(kind, "m", "seen again", 0.0, ("1", "b"))
    counts = [0, 0]

    def play(_runner, window, *_rest, **_options):
        counts[window[-1].origin.fuzzer == "control"] += 1
        return Replay(window[-1].origin.fuzzer != "control", again=seen, case=window[-1])

    monkeypatch.setattr(confirm, "replay_once", play)
    confirmation = Confirmation(
        toy().runner, 3, lambda: False, known=lambda bucket: known and bucket == bucket_of(seen)
    )
    finding = confirmation.confirm(sight(kind, ("1", "x")), (X,))
    assert (finding.bucket, finding.confirmed) == (bucket_of(seen), True)
    assert counts == ([replays, 0] if known else [3, 3 if kind is Kind.SILENCE else 0])


def test_one_replay_of_three_that_looks_like_a_known_finding_is_chance(toy, monkeypatch):
    seen = made(Kind.SILENCE, "m", "seen again", 0.0, ("1", "b"))
    hits = iter([True, False, False])
    monkeypatch.setattr(confirm, "replay_once", lambda *_words, **_options: Replay(next(hits), again=seen, case=X))
    confirmation = Confirmation(toy().runner, 3, lambda: False, known=lambda _bucket: True)
    finding = confirmation.confirm(sight(Kind.SILENCE, ("1", "x")), (X,))
    assert not finding.confirmed and "chance" in finding.doubt


@pytest.mark.parametrize(
    ("kind", "way", "believed"), [(Kind.SILENCE, NEW, True), (Kind.SILENCE, NOW, False), (Kind.DISCONNECT, NEW, False)]
)
def test_an_unsteady_device_that_is_late_or_closes_once_without_the_case_is_not_blamed(
    toy, monkeypatch, kind, way, believed
):
    played, counts = served(Service(way, 1.0), Service(way, 5.0), controls=lambda number: number == 7)
    monkeypatch.setattr(confirm, "replay_once", played)
    finding = confirmed(toy(), sight(kind, (way.value, "x")))
    assert (finding.confirmed, *counts) == ((True, 10, 10) if believed else (False, 3, 7))


@pytest.mark.parametrize(
    ("kind", "each", "replays"), [(Kind.CRASH, 3.0, "2/2"), (Kind.CRASH, 1.5, "3/3"), (Kind.SILENCE, 3.0, "3/3")]
)
def test_where_a_replay_takes_seconds_two_that_show_it_are_enough(toy, monkeypatch, kind, each, replays):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def slow(_runner, window, finding, _stop, _presumed=(), **_options):
        clock[0] += each
        control = window[-1].origin.fuzzer == "control"
        return Replay(False) if control else Replay(True, again=finding.observation, case=window[-1])

    monkeypatch.setattr(confirm, "replay_once", slow)
    assert confirmed(toy(), sight(kind, ("x",))).replays == replays


def silent(*numbers):
    """Sights of silence of different messages."""
    return [sight(Kind.SILENCE, ("never", f"m{number}")) for number in numbers]


@pytest.mark.parametrize(("dismissed", "asked"), [(0, 3), (1, 4), (3, 6), (9, 6)])
def test_each_silence_that_came_to_nothing_asks_for_more_of_the_next_one(toy, monkeypatch, dismissed, asked):
    confirmation, nothing = Confirmation(toy().runner, 3, lambda: False), True
    played = Played(monkeypatch, lambda window, _n: not nothing and window[-1].origin.fuzzer != "control")
    for finding in silent(*range(dismissed)):
        assert not confirmation.confirm(finding, (X,)).confirmed
    nothing = False
    finding = confirmation.confirm(sight(Kind.SILENCE), (X,))
    assert (finding.replays, len(played.controls)) == (f"{asked}/{asked}", asked)
    crash = confirmation.confirm(sight(Kind.LEAK), (X,))
    assert crash.replays == "3/3"


@pytest.mark.parametrize(("shown", "believed"), [(6, True), (5, False), (3, False)])
def test_on_a_suspect_bench_every_replay_must_show_a_silence(toy, monkeypatch, shown, believed):
    confirmation, nothing = Confirmation(toy().runner, 3, lambda: False), True
    played = Played(
        monkeypatch, lambda _w, n: not nothing and n - before <= shown and _w[-1].origin.fuzzer != "control"
    )
    for finding in silent(1, 2, 3):
        confirmation.confirm(finding, (X,))
    nothing, before = False, len(played.windows)
    finding = confirmation.confirm(sight(Kind.SILENCE), (X,))
    assert (finding.confirmed, finding.reproduced, finding.tries) == (believed, shown, 6)


def test_on_a_suspect_bench_a_silence_that_comes_without_the_case_is_not_believed(toy, monkeypatch):
    confirmation, always = Confirmation(toy().runner, 3, lambda: False), False
    Played(monkeypatch, lambda window, _n: always)
    confirmation.confirm(sight(Kind.SILENCE), (X,))
    always = True
    assert not confirmation.confirm(sight(Kind.SILENCE), (X,)).confirmed
