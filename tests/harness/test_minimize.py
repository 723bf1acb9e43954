"""Findings on the desk: what is asked of the device, what it may cost, and what is told of it."""

import time
from dataclasses import replace

import pytest
from test_campaign import campaign, of
from test_replay import X, dies, sight
from toy import case, message

from harness.budget import Budget
from harness.case import Send, Wait
from harness.events import CaseFinished, FindingConfirmed, FindingMinimized
from harness.finding import Size, bucket_of
from harness.transcript import Service, Transcript, Way
from harness.triage import desk
from harness.triage.desk import Desk
from harness.triage.minimize import Minimization, _Answer, _key
from harness.triage.replay import Replay
from harness.triage.shrink import Shrinker
from harness.verdict import Kind, Observation
from protocols.load import load_protocol
from protocols.render import Change

A, B = message(b"a"), message(b"b")
NUMBERED = tuple(case(message(b"n%d" % n)) for n in range(30))


def shrinker(t):
    return Shrinker({"toy": t.protocol})


def found(*cases, reproduced=3, tries=3):
    return replace(sight(of=cases[-1]), window=cases, reproduced=reproduced, tries=tries)


def shows(*names):
    """Plays windows on a device that shows the fault where messages of these names are sent; keeps the windows."""
    asked = []

    def play(window, finding):
        asked.append(window)
        if set(names) <= {name for one in window for name in one.messages}:
            return Replay(True, again=finding.observation, case=window[-1])
        return Replay(False)

    return play, asked


def finished(minimization, play, most=200):
    for _ in range(most):
        if minimization.done:
            return minimization.finding
        minimization.advance(play)
    raise AssertionError("no end")


# -- one finding -------------------------------------------------------------------------------------------------------


def test_a_finding_ends_with_what_it_takes_and_what_that_cost(toy):
    window = (case(A, B), case(B), case(A, message(b"x"), B))
    play, asked = shows("x")
    finding = finished(Minimization(found(*window), shrinker(toy())), play)
    assert [one.messages for one in finding.window] == [("x",)]
    told = finding.minimized
    assert (told.before, told.after, told.done) == (Size(6, 18), Size(1, 3), True)
    assert (told.original, told.replays) == (window, len(asked))
    assert (finding.id, finding.bucket) == (found(*window).id, found(*window).bucket)


def test_nothing_is_asked_twice(toy):
    play, asked = shows("x")
    finished(Minimization(found(case(A, B, message(b"x"), A, B)), shrinker(toy())), play)
    keys = [tuple(one.id for one in window) for window in asked]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("steady", [True, False])
def test_only_a_device_that_may_answer_in_another_way_is_asked_again_beside_a_boundary(toy, steady):
    minimization = Minimization(found(case(message(b"x"))), shrinker(toy()), steady=steady)
    other = (case(message(b"o", "other")),)
    minimization._answers[_key(other)] = _Answer(False, frozenset(), True)
    assert minimization._known(other) is not None
    minimization._beside = True
    assert (minimization._known(other) is not None) is steady
    minimization._answers[_key(other)] = minimization._yes
    assert minimization._known(other) is not None


def test_what_there_is_so_far_is_a_finding_at_any_time(toy):
    minimization = Minimization(found(*NUMBERED, case(message(b"x"))), shrinker(toy()))
    play, _asked = shows("n3", "x")
    before = minimization.finding
    assert (before.minimized.done, before.minimized.before) == (False, before.minimized.after)
    for _ in range(3):
        minimization.advance(play)
    assert len(minimization.finding.window) < len(NUMBERED) + 1
    assert not minimization.finding.minimized.done
    assert str(minimization.finding.minimized).endswith("not to the end")


@pytest.mark.parametrize(("reproduced", "replays"), [(3, 1), (1, 3)])
def test_a_fault_that_does_not_come_back_always_is_asked_for_a_few_times(toy, reproduced, replays):
    minimization = Minimization(found(case(A, message(b"x")), reproduced=reproduced), shrinker(toy()))
    minimization.advance(lambda _window, _finding: Replay(False))
    assert minimization.replays == replays


def test_the_transcript_is_that_of_the_smaller_reproducer(toy):
    play, _ = shows("x")
    seen = found(case(A, message(b"x"))).transcript

    def recorded(window, finding):
        return replace(play(window, finding), transcript=replace(seen, case_id="again"))

    assert (
        finished(Minimization(found(case(A, message(b"x"))), shrinker(toy())), recorded).transcript.case_id == "again"
    )


def crash(place):
    return Observation(Kind.CRASH, "device", f"crash in {place}", 1.0, ("null", place))


@pytest.mark.parametrize(("there", "smaller"), [("show_name", True), ("write", False)])
def test_another_crash_is_not_this_ones_reproducer(toy, there, smaller):
    window = (case(A, message(b"x")),)
    finding = replace(found(*window), observation=crash("show_name"), bucket=bucket_of(crash("show_name")))

    def play(candidate, _finding):
        return Replay(True, again=crash(there), case=candidate[-1])

    ended = finished(Minimization(finding, shrinker(toy())), play)
    assert (ended.window != window) is smaller


@pytest.mark.parametrize(("blamed", "smaller"), [("x", True), ("a", False)])
def test_a_device_that_is_gone_behind_another_message_is_not_this_ones_reproducer(toy, blamed, smaller):
    def gone(after):
        return Observation(Kind.REBOOT, "liveness", "gone", 1.0, ("restart",), blames=after)

    window = (case(A, message(b"x")),)
    finding = replace(found(*window), observation=gone("x"), bucket=bucket_of(gone("x")))

    def play(candidate, _finding):
        return Replay(True, again=gone(blamed), case=candidate[-1])

    assert (finished(Minimization(finding, shrinker(toy())), play).window != window) is smaller


@pytest.mark.parametrize("ends", [False, True], ids=["in a case", "as the session ends"])
@pytest.mark.parametrize(("words", "smaller"), [(("TypeError", "a.py:9"), True), (("ValueError", "b.py:3"), False)])
def test_another_exception_is_not_this_ones_reproducer(toy, ends, words, smaller):
    def died(status, said):
        return Observation(Kind.EXIT, "device", f"exit status {status}", 1.0, (status, *said))

    window = (case(A, message(b"x")),)
    first = died("1", ("TypeError", "a.py:9"))
    finding = replace(found(*window), observation=first, bucket=bucket_of(first))

    def play(candidate, _finding):
        return Replay(True, again=died("2", words), case=None if ends else candidate[-1])

    assert (finished(Minimization(finding, shrinker(toy())), play).window != window) is smaller


@pytest.mark.parametrize(("said", "smaller"), [("the state is bad", True), ("the state is OK", False)])
def test_another_complaint_of_a_script_is_not_this_ones_reproducer(toy, said, smaller):
    window = (case(A, message(b"x")),)
    complaint = Observation(Kind.CONSOLE, "script", "the state is bad", 1.0, ("look",), blames="x")
    finding = replace(found(*window), observation=complaint, bucket=bucket_of(complaint))

    def play(candidate, _finding):
        return Replay(True, again=replace(complaint, summary=said), case=candidate[-1])

    assert (finished(Minimization(finding, shrinker(toy())), play).window != window) is smaller


def test_what_is_noticed_behind_a_pause_is_blamed_on_the_message_before_it(toy):
    """The last message goes, and the pause in which it was noticed stays."""
    window = (case(message(b"x"), A, Wait(9.0)),)
    sight_of_a = Observation(Kind.UNSAFE_STATE, "safety", "it stopped", 1.0, ("R-1",), "R-1", blames="a")
    finding = replace(found(*window), observation=sight_of_a, bucket=bucket_of(sight_of_a))

    def play(candidate, _finding):
        steps = candidate[-1].steps
        if message(b"x") not in steps or Wait(9.0) not in steps:
            return Replay(False)
        last = [step.message for step in steps if isinstance(step, Send)][-1]
        again = replace(sight_of_a, blames=last)
        return Replay(True, observations=(again,), again=again, case=candidate[-1])

    ended = finished(Minimization(finding, shrinker(toy())), play)
    assert (ended.window[0].messages, ended.observation.blames) == (("x",), "x")


def violated(name):
    return Observation(Kind.UNSAFE_STATE, "safety", f"{name} is violated", 1.0, (name,), name)


@pytest.mark.parametrize(("beside", "least"), [("R-1", 8000), ("R-3", 6000)])
def test_what_the_reproducer_violates_anyway_says_nothing_of_where_its_own_begins(beside, least):
    link = load_protocol("pump_link")
    seen, field = violated("R-2"), "body.rate"

    def at(rate):
        return case(link.message("program_rate").mutated([Change(field, rate.to_bytes(4, "little"))]), state="idle")

    def play(window, _finding):
        part = next(iter(link.parts(window[-1].steps[-1])), None)
        rate = int.from_bytes(part.data, "little") if part else 0
        again = seen if rate >= 8000 else None
        faults = (violated("R-1"), *((violated(beside),) if 6000 <= rate < 8000 else ()), *([again] if again else ()))
        served = replace(finding.transcript, probe_served=True)
        return Replay(again is not None, served, faults, again=again, case=window[-1])

    finding = replace(found(at(9000)), observation=seen, bucket=bucket_of(seen), symptoms=(violated("R-1"),))
    ended = finished(Minimization(finding, Shrinker({"toy": link})), play)
    assert [(one.field, one.least) for one in ended.minimized.conditions] == [(field, least)]


# -- the desk ----------------------------------------------------------------------------------------------------------


def desk_of(t, monkeypatch, play, *, seconds=100.0, stop=lambda: False, **planned):
    told = []
    monkeypatch.setattr(desk, "replay_once", lambda _runner, window, finding, *_rest, **_options: play(window, finding))
    made = Desk(t.runner, {"toy": t.protocol}, tries=3, seconds=seconds, stop=stop, tell=told.append, **planned)
    return made, told


def test_each_finding_is_told_when_it_is_done_and_in_its_turn(toy, monkeypatch):
    play, _ = shows("x")
    made, told = desk_of(toy(), monkeypatch, play)
    for other in (A, B):
        made.take(found(case(other, message(b"x"))))
    made.finish(0.0)
    assert [finding.window[0].messages for finding in told] == [("x",), ("x",)]
    assert [finding.replays for finding in told] == ["3/3", "3/3"]


def test_while_there_are_cases_it_takes_no_more_than_its_share(toy, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    play, asked = shows("n3", "n17", "x")

    def slow(window, finding):
        clock[0] += 1.0
        return play(window, finding)

    made, _told = desk_of(toy(snapshots=True), monkeypatch, slow)
    made.take(found(*NUMBERED, case(message(b"x"), A)))
    made.advance(0.0)
    assert asked == []
    made.advance(20.0)
    assert len(asked) == 4
    made.advance(40.0)
    assert len(asked) == 4  # some at a time
    made.advance(50.0)
    assert len(asked) == 10


@pytest.mark.parametrize(("planned", "least"), [(100.0, 30), (1000.0, 300), (5000.0, 300)])
def test_where_a_replay_takes_seconds_the_first_minutes_belong_to_the_cases(toy, monkeypatch, planned, least):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    play, asked = shows("n3", "n17", "x")

    def slow(window, finding):
        clock[0] += 5.0
        return play(window, finding)

    made, _told = desk_of(toy(), monkeypatch, slow, planned=planned)
    made.take(found(*NUMBERED, case(message(b"x"), A)))
    for elapsed in range(0, least + 100, 10):
        made.advance(float(elapsed))
    assert len(asked) == 3  # what it costs is not known before
    made.advance(least + 300.0)
    assert len(asked) == 12


def test_a_short_run_on_a_device_that_must_be_reset_is_left_to_its_cases(toy, monkeypatch):
    play, asked = shows("x")
    for snapshots, at_once in ((False, False), (True, True)):
        made, _told = desk_of(toy(snapshots=snapshots), monkeypatch, play)
        made.take(found(*NUMBERED, case(message(b"x"), A)))
        made.advance(45.0)
        assert bool(asked) is at_once


@pytest.mark.parametrize("end", ["stop", "seconds"])
def test_where_the_time_is_over_nothing_is_told_that_was_not_seen_often_enough(toy, monkeypatch, end):
    play, asked = shows("n3", "x")
    limit = {"seconds": 0.0} if end == "seconds" else {"stop": lambda: len(asked) >= 4}
    made, told = desk_of(toy(), monkeypatch, play, **limit)
    made.take(found(*NUMBERED, case(message(b"x"))))
    made.finish(0.0)
    assert len(asked) == (4 if end == "stop" else 0)
    assert told == []


@pytest.mark.parametrize(
    ("seconds", "limit", "most", "done"), [(0.8, 0, 22, False), (0.2, 900, 22, False), (0.2, 0, 100, True)]
)
def test_where_a_reset_takes_long_or_is_limited_one_finding_is_worth_twenty(
    toy, monkeypatch, seconds, limit, most, done
):
    t, clock = toy(max_resets=limit), [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    play, asked = shows("n3", "n9", "n17", "n21", "x")

    def resets():
        clock[0] += seconds

    def reset(window, finding):
        t.runner.resets()
        return play(window, finding)

    monkeypatch.setattr(t.target, "reset", resets)
    made, told = desk_of(t, monkeypatch, reset)
    made.take(found(*NUMBERED, case(message(b"x"))))
    made.finish(0.0)
    assert 20 < len(asked) <= most  # two of them are for the share of k in n
    assert [finding.minimized.done for finding in told] == [done]


@pytest.mark.parametrize(("elapsed", "most"), [(0.0, 30), (45.0, 45)])
def test_at_the_end_it_takes_as_long_as_the_run_took_or_half_a_minute(toy, monkeypatch, elapsed, most):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    play, asked = shows(*(f"n{n}" for n in range(0, 30, 3)), "x")

    def slow(window, finding):
        clock[0] += 1.0
        return play(window, finding)

    made, _told = desk_of(toy(snapshots=True), monkeypatch, slow)
    made.take(found(*NUMBERED, case(message(b"x"))))
    made.finish(elapsed)
    assert len(asked) == most + 2


def test_a_smaller_reproducer_that_comes_back_less_often_is_not_taken(toy, monkeypatch):
    play, asked = shows("x")
    made, told = desk_of(toy(), monkeypatch, lambda w, f: play(w, f) if len(asked) < 1 else Replay(False))
    made.take(first := found(case(A), case(message(b"x"))))
    made.finish(0.0)
    assert [finding.window for finding in told] == [first.window]


class Asked:
    """A desk on a device of which `answers` says what a replay shows; `how` each was asked: with reset, to the end."""

    def __init__(self, toy, monkeypatch, answers, finding, trusted=()):
        self.how, self.told, self.presumed, t = [], [], [], toy()
        t.ladder.trusted = frozenset(trusted)

        def play(_runner, window, finding, _stop, presumed=frozenset(), *, hasty=False, reset=True, ends=True):
            again = answers(window, finding, Way.NEVER in presumed)
            self.presumed.append((hasty, presumed))
            self.how.append((hasty, reset, ends, Way.NEVER in presumed, again.reproduced))
            return again

        monkeypatch.setattr(desk, "replay_once", play)
        desk_ = Desk(t.runner, {"toy": t.protocol}, tries=3, seconds=100.0, stop=lambda: False, tell=self.told.append)
        desk_.take(finding)
        desk_.finish(0.0)


def test_behind_a_replay_that_left_the_device_serving_the_next_one_needs_no_reset_nor_an_end_behind_a_fault(
    toy, monkeypatch
):
    play, _ = shows("x")
    asked = Asked(toy, monkeypatch, lambda w, f, _never: play(w, f), found(*NUMBERED, case(message(b"x"))))
    assert asked.told[-1].window[0].messages == ("x",)
    seen, served = False, False
    for hasty, reset, ends, never, shown in asked.how:
        assert (reset, ends, never) == (not (hasty and served), not (hasty and seen), False)
        seen, served = seen or (hasty and shown), hasty and not shown
    assert [how[:3] for how in asked.how[-2:]] == [(False, True, True)] * 2


def test_what_haste_took_for_the_fault_and_is_none_is_asked_again_without(toy, monkeypatch):
    """Without the first message the device is only slow: in a hurry it looks as dead as with it."""
    dead = replace(found(case(A), case(message(b"x"), B)), transcript=Transcript("", (), 0.0, 1.0, link_error="gone"))

    def answers(window, finding, hurried):
        needed = {"x"} if hurried else {"a", "x"}
        again = shows(*needed)[0](window, finding)
        return replace(again, observations=(finding.observation,)) if again.reproduced else again

    asked = Asked(toy, monkeypatch, answers, dead)
    assert [one.messages for one in asked.told[-1].window] == [("a",), ("x",)] and len(asked.told) == 1
    assert all(hasty is never for hasty, _reset, _ends, never, _shown in asked.how)
    assert all(reset and ends for hasty, reset, ends, _never, _shown in asked.how if not hasty)


def test_a_question_presumes_what_is_known_of_other_faults_and_a_replay_that_counts_nothing(toy, monkeypatch):
    play, _ = shows("x")
    finding = found(case(A), case(message(b"x")))
    asked = Asked(toy, monkeypatch, lambda w, f, _never: play(w, f), finding, trusted={Way.FILLED})
    assert {presumed for hasty, presumed in asked.presumed if hasty} == {frozenset({Way.FILLED})}
    assert {presumed for hasty, presumed in asked.presumed if not hasty} == {frozenset()}


def test_a_finding_of_a_device_that_came_back_is_not_hurried(toy, monkeypatch):
    play, _ = shows("x")
    service = Service(Way.LATE, 3.0)
    late = replace(found(case(A, message(b"x"))), transcript=Transcript("", (), 0.0, 1.0, service=service))
    asked = Asked(toy, monkeypatch, lambda w, f, _never: play(w, f), late)
    assert asked.how and not any(never for *_how, never, _shown in asked.how)


# -- in a campaign -----------------------------------------------------------------------------------------------------


def test_a_campaign_makes_its_findings_smaller_and_tells_it(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    _reason, events, run = campaign(t, case(A, B, message(b"x"), A), *(case(message(b"n%d" % n)) for n in range(3)))
    (first,), (smaller,) = of(events, FindingConfirmed), of(events, FindingMinimized)
    assert first.finding.window[0].messages == ("a", "b", "x", "a")
    assert [one.messages for one in smaller.finding.window] == [("x",)]
    assert smaller.finding.id == first.finding.id
    assert list(run.findings.values()) == [smaller.finding]
    assert len(of(events, CaseFinished)) == 4


def test_cases_that_follow_run_on_a_device_that_serves(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    _reason, events, _run = campaign(t, case(A, message(b"x")), *(case(message(b"n%d" % n)) for n in range(20)))
    assert [event.verdict.value for event in of(events, CaseFinished)] == ["finding", *["pass"] * 20]


def test_what_can_not_be_smaller_is_told_as_such_and_what_was_only_begun_is_not(toy, monkeypatch):
    play, asked = shows("x")
    made, told = desk_of(toy(), monkeypatch, play)
    made.take(found(case(message(b"x"))))
    made.finish(0.0)
    assert [(finding.minimized.done, finding.minimized.before == finding.minimized.after) for finding in told] == [
        (True, True)
    ]
    made, told = desk_of(
        toy(), monkeypatch, lambda _w, _f: Replay(False), stop=lambda: len(asked) > 0 or asked.append(1)
    )
    made.take(found(case(A, message(b"x"))))
    made.finish(0.0)
    assert told == []


def test_a_campaign_whose_time_is_over_makes_nothing_smaller(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    _reason, events, _run = campaign(t, case(A, B, X.steps[0]), budget=Budget(seconds=0.0))
    assert of(events, FindingMinimized) == []
