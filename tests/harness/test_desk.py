"""Whose turn it is on the desk, and how much of a run's time it may take."""

import time
from dataclasses import replace

import pytest
from signs import seen
from test_conditions import numbers
from test_minimize import NUMBERED, desk_of, found, shows
from test_shrink import LINK, changed
from toy import case, message

from harness.finding import bucket_of
from harness.transcript import Transcript
from harness.triage import desk
from harness.triage.replay import Replay
from harness.verdict import Kind

WINDOW = (*NUMBERED, case(message(b"x")))


@pytest.fixture
def clock(monkeypatch):
    """Wall seconds, as the desk sees them."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def of_kind(kind, sign, *, cases=WINDOW, seconds=1.0):
    fault = seen(kind, "m", sign, 0.0, (sign,))
    transcript = Transcript("", (), 0.0, seconds)
    return replace(found(*cases), observation=fault, bucket=bucket_of(fault), transcript=transcript)


class Played:
    """A desk on which a question about a finding takes `costs(finding)` seconds; `asked` are their words."""

    def __init__(self, toy, monkeypatch, clock, *, costs=lambda _finding: 1.0, needed=("n3", "n17", "x"), **options):
        self.asked, play = [], shows(*needed)[0]

        def timed(window, finding):
            clock[0] += costs(finding)
            self.asked.append(finding.observation.summary)
            return play(window, finding)

        self.desk, self.told = desk_of(toy(snapshots=True), monkeypatch, timed, **options)

    @property
    def order(self):
        return list(dict.fromkeys(self.asked))


def test_what_is_grave_comes_before_what_came_earlier(toy, monkeypatch, clock):
    played = Played(toy, monkeypatch, clock, costs=lambda _finding: 0.01)
    kinds = (Kind.SILENCE, Kind.WRONG_REPLY, Kind.EXIT, Kind.HANG, Kind.LEAK, Kind.CRASH, Kind.UNSAFE_STATE)
    for kind in kinds:
        played.desk.take(of_kind(kind, kind.value))
    waiting = list(played.desk.state().waiting)
    played.desk.finish(0.0)
    assert played.order == ["hang", "crash", "unsafe_state", "exit", "leak", "silence", "wrong_reply"]
    assert [finding.kind.value for finding in played.told] == played.order
    assert [finding.bucket for finding in played.told] == waiting


def test_what_no_like_of_is_small_comes_before_another_of_its_sort(toy, monkeypatch, clock):
    played = Played(toy, monkeypatch, clock, costs=lambda _finding: 0.01)
    for place, sign in ((b"a", "twice"), (b"b", "twice"), (b"c", "once")):
        played.desk.take(of_kind(Kind.CRASH, sign, cases=(case(message(place)), *WINDOW)))
    played.desk.finish(0.0)
    firsts = [finding.minimized.original[0].messages for finding in played.told]
    assert firsts == [("a",), ("c",), ("b",)]


@pytest.mark.parametrize(("kind", "alone"), [(Kind.CRASH, 30.0), (Kind.EXIT, 10.0), (Kind.SILENCE, 2.0)])
def test_what_takes_long_does_not_keep_the_others_waiting_for_ever(toy, monkeypatch, clock, kind, alone):
    played = Played(toy, monkeypatch, clock, costs=lambda f: 5.0 if f.kind is kind else 0.01)
    played.desk.take(of_kind(kind, "costly"))
    played.desk.take(of_kind(Kind.WRONG_REPLY, "cheap"))
    played.desk.finish(500.0)
    before = 5.0 * played.asked.index("cheap")
    assert alone <= before <= alone + 10.0
    assert played.told[0].observation.summary == "cheap"


def test_one_of_the_gravest_has_its_time_at_once_and_no_more_of_a_night_than_half_a_minute(toy, monkeypatch, clock):
    played = Played(toy, monkeypatch, clock, needed=[f"n{n}" for n in range(0, 30, 2)])
    played.desk.advance(10.0)
    played.desk.take(of_kind(Kind.HANG, "grave"))
    assert played.desk.advance(10.0)
    assert len(played.asked) == 30
    played.desk.advance(100.0)
    assert len(played.asked) == 30  # from here on it has its share of a fifth like any other
    played.desk.advance(200.0)
    assert len(played.asked) == 40


def test_many_of_the_gravest_have_half_a_minute_in_advance_together(toy, monkeypatch, clock):
    played = Played(toy, monkeypatch, clock, needed=[f"n{n}" for n in range(0, 30, 2)])
    for number in range(9):
        played.desk.take(of_kind(Kind.CRASH, f"{number}"))
    played.desk.advance(20.0)
    assert len(played.asked) == 34
    played.desk.advance(100.0)
    assert len(played.asked) == 50


def test_a_short_run_gives_no_more_than_its_share_in_advance(toy, monkeypatch, clock):
    """Over Bluetooth, half a minute was what a short run had for its cases."""
    played = Played(toy, monkeypatch, clock, planned=20.0, needed=[f"n{n}" for n in range(0, 30, 2)])
    played.desk.take(of_kind(Kind.CRASH, "grave"))
    played.desk.advance(1.0)
    assert len(played.asked) == 4
    played.desk.advance(19.0)
    assert len(played.asked) == 4


@pytest.mark.parametrize(("each", "asked"), [(0.8, 4), (0.81, 1)])
def test_what_is_enough_for_a_few_replays_only_is_not_given_in_advance(toy, monkeypatch, clock, each, asked):
    """Over Bluetooth a replay takes a second, and twenty cases as long."""
    played = Played(toy, monkeypatch, clock, planned=20.0, needed=[f"n{n}" for n in range(0, 30, 2)])
    played.desk.take(of_kind(Kind.CRASH, "grave"), each)
    played.desk.advance(1.0)
    assert len(played.asked) == asked


def test_where_a_replay_takes_seconds_the_first_minutes_are_also_of_what_is_grave(toy, monkeypatch, clock):
    played = Played(toy, monkeypatch, clock, costs=lambda _finding: 5.0, planned=1000.0)
    played.desk.take(of_kind(Kind.SILENCE, "lesser"))
    played.desk.advance(25.0)
    assert set(played.asked) <= {"lesser"}
    played.desk.take(of_kind(Kind.HANG, "grave"))
    played.desk.advance(26.0)
    assert "grave" in played.asked


@pytest.mark.parametrize(("seconds", "is_told"), [(2.0, True), (0.0, False)])
def test_what_is_smaller_is_told_in_time_though_not_to_the_end(toy, monkeypatch, clock, seconds, is_told):
    """Of 30 s that are left six are needed to see how often it comes back."""
    ends = {"planned": 100.0, "left": lambda: 30.0 - clock[0], "stop": lambda: clock[0] >= 30.0}
    played = Played(toy, monkeypatch, clock, needed=[f"n{n}" for n in range(0, 30, 2)], **ends)
    played.desk.take(of_kind(Kind.CRASH, "grave", seconds=seconds))
    monkeypatch.setattr(desk, "_GRAVE_SECONDS", 99.0)
    if not is_told:
        monkeypatch.setattr(desk.Desk, "_must_end", lambda _desk, _task: False)
    played.desk.advance(70.0)
    played.desk.finish(100.0)
    assert [(finding.minimized.done, finding.replays) for finding in played.told] == [(False, "3/3")] * is_told


class Remembering:
    """Keeps what any write says until it is reset, and shows a fault at a refused one where nothing was kept yet."""

    def __init__(self):
        self.kept, self.resets = False, 0

    def play(self, _runner, window, finding, _stop, _presumed, *, hasty, reset, **_options):
        self.kept, self.resets = self.kept and not reset, self.resets + reset
        shown, self.kept = any(number >= 8000 for number in numbers(window)) and not self.kept, True
        transcript = Transcript("", (), 0.0, 0.01, probe_served=True)
        return Replay(
            shown, transcript, again=finding.observation if shown else None, case=window[-1] if shown else None
        )


def test_what_a_device_that_remembers_did_not_show_is_asked_again_behind_a_reset(toy, monkeypatch):
    device, told, t = Remembering(), [], toy()
    monkeypatch.setattr(
        desk, "replay_once", lambda *words, **options: device.play(*words, **{"hasty": False, "reset": True, **options})
    )
    made = desk.Desk(t.runner, {"toy": LINK}, tries=3, seconds=100.0, stop=lambda: False, tell=told.append)
    made.take(found(case(replace(changed("program_rate", **{"body.rate": 9000}), mutated=True))))
    made.finish(0.0)
    (finding,) = told
    (condition,) = finding.minimized.conditions
    assert condition.words.startswith("8000 or more, usually 5000; 7999")


@pytest.mark.parametrize("given", [9000, 9999])
@pytest.mark.parametrize(("seconds", "words"), [(38, "9000, usually 5000"), (99, "9000 or more, usually 5000; 8999")])
def test_what_is_small_is_told_though_its_limits_were_not_sought_to_the_end(
    toy, monkeypatch, clock, given, seconds, words
):
    """A number that is next to its limit is as small as it gets; from where to where it shows takes more questions."""

    def play(_runner, window, finding, *_words, **_options):
        clock[0] += 1.0
        shown = any(number >= 9000 for number in numbers(window))
        transcript = Transcript("", (), 0.0, 0.01, probe_served=True)
        return Replay(shown, transcript, again=finding.observation if shown else None, case=window[-1])

    told, t = [], toy()
    monkeypatch.setattr(desk, "replay_once", play)
    bent = replace(changed("program_rate", **{"body.rate": given}), mutated=True)
    over = {"stop": lambda: clock[0] >= seconds, "seconds": 99.0}
    made = desk.Desk(t.runner, {"toy": LINK}, tries=3, tell=told.append, **over)
    made.take(found(case(bent)))
    made.finish(99.0)
    (finding,) = told
    assert (finding.replays, finding.minimized.done, finding.minimized.sought) == ("3/3", True, seconds == 99)
    assert finding.minimized.conditions[0].words.startswith(words)
