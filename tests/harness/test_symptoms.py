"""Devices, cables and scripts of others: what each does to a whole campaign, and the verdict that it must get."""

from dataclasses import replace

import pytest
from signs import sign_of
from test_campaign import ListFuzzer, campaign, of, verdicts
from toy import case, message

from harness.budget import Budget
from harness.campaign import Campaign
from harness.events import BenchFault, CaseFinished, CaseLeftOut, FindingConfirmed, FindingDismissed
from harness.interfaces import ON_CONNECTION
from harness.outcome import NOTHING_WATCHED
from harness.temporal import Exercise, Watched
from harness.transcript import TargetEvent, Way
from harness.transports.scripted import ScriptedTransport
from harness.verdict import Kind, Observation, Verdict

PASS, FINDING, BENCH = Verdict.PASS, Verdict.FINDING, Verdict.BENCH_FAULT
X, Y, A = case(message(b"x")), case(message(b"y")), case(message(b"a"))


def numbered(count, **options):
    return [case(message(f"n{n}".encode()), **options) for n in range(count)]


def without_reset(t):
    """A bench without a relay."""
    t.target.resettable = False
    t.target.reset = lambda: None
    return t


def findings(events):
    return [event.finding for event in of(events, FindingConfirmed)]


def ways(events):
    return [(finding.kind, sign_of(finding.observation)) for finding in findings(events)]


# -- a real fault is the bench's ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("relay", [True, False])
@pytest.mark.parametrize("gone", [0.05, 1.0, 3.0])
def test_a_device_that_dies_and_is_back_by_itself_is_a_finding_with_or_without_a_relay(toy, gone, relay):
    t = toy(open_timeout=5.0)
    if not relay:
        without_reset(t)
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(gone)
    reason, events, _run = campaign(t, A, X, *numbered(5))
    assert (reason, verdicts(events)) == ("exhausted", [PASS, FINDING, *[PASS] * 5])
    assert ways(events) == [(Kind.REBOOT, ("restart", "x"))]
    assert findings(events)[0].replays == "3/3"
    assert of(events, BenchFault) == []


def test_a_device_that_is_back_after_the_open_timeout_but_within_its_patience_is_a_finding(toy):
    t = without_reset(toy(open_timeout=1.0, patience=9.0))
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(4.0)
    reason, events, _run = campaign(t, X, *numbered(3))
    assert (reason, verdicts(events)) == ("exhausted", [FINDING, PASS, PASS, PASS])


def test_a_device_without_a_relay_that_never_comes_back_is_the_benchs_and_keeps_the_suspects_bytes(toy):
    t = without_reset(toy())
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(1e9)
    reason, events, _run = campaign(t, X, A)
    assert (reason, verdicts(events), findings(events)) == ("bench", [BENCH], [])
    assert b"<x>".hex() in of(events, BenchFault)[0].reason


# -- our own trouble is the device's -----------------------------------------------------------------------------------


def raising(t, place):
    """Something of ours that raises at the message x."""

    def fail(*words, **more):
        raise KeyError("hex.x")

    if place in ("split", "answers", "resolve", "served", "expects_reply"):
        setattr(t.protocol, place, fail)
    elif place == "monitor":
        t.watching[0].observe = fail
    return t


@pytest.mark.parametrize("place", ["split", "answers", "served", "expects_reply", "monitor"])
def test_what_our_own_code_raises_is_never_a_finding_and_ends_the_run_when_it_comes_again_and_again(toy, place):
    t = toy()
    raising(t, place)
    reason, events, _run = campaign(t, *numbered(30))
    assert (reason, findings(events), of(events, FindingDismissed)) == ("bench", [], [])
    assert set(verdicts(events)) == {BENCH} and len(verdicts(events)) == 3
    told, *_more, last = of(events, BenchFault)
    assert "KeyError: 'hex.x'" in told.reason and "test_symptoms.py" in told.reason
    assert (told.fatal, last.fatal) == (False, True)
    assert numbered(1)[0].steps[0].data.hex() in told.reason


def test_a_callback_that_raises_once_in_a_while_is_the_benchs_and_the_rest_passes(toy):
    turns = iter(range(1000))

    def sometimes(_conversation, _data, _socket):
        if next(turns) == 2:
            raise ZeroDivisionError("by zero")

    t = toy(callbacks={ON_CONNECTION: sometimes}, reconnect=True)
    reason, events, _run = campaign(t, *numbered(6))
    assert (reason, findings(events)) == ("exhausted", [])
    assert sorted(verdicts(events)) == sorted([BENCH, *[PASS] * 5])


@pytest.mark.parametrize("place", ["cases", "learn"])
def test_a_fuzzer_that_raises_is_the_benchs_and_the_others_go_on(toy, place):
    class Broken(ListFuzzer):
        def cases(self):
            if place == "cases":
                raise KeyError("hex.x")
            yield from super().cases()

        def learn(self, case, outcome):
            raise KeyError("hex.x")

    t, events = toy(), []
    fuzzers = [Broken(X, name="broken"), ListFuzzer(A, name="sound")]
    run = Campaign(
        "c", t.runner, fuzzers, None, manifest={}, budget=Budget(), listeners=[events.append], tries=3, horizon=9.0
    )
    run.run()
    assert findings(events) == []
    assert [event.verdict for event in of(events, CaseFinished) if event.case == A] == [PASS]
    assert "KeyError: 'hex.x'" in of(events, BenchFault)[0].reason


# -- bytes that are not the device's prove life ------------------------------------------------------------------------


@pytest.mark.parametrize("echo", [b"<p>", b"<P>", b"<P?>"])
def test_an_echo_or_an_empty_answer_proves_no_life(toy, echo):
    t = toy()
    t.device.planted[b"x"] = lambda device: device.planted.update({b"p": lambda _device: [echo]})
    forget = t.device.reset
    t.device.reset = lambda: (t.device.planted.pop(b"p", None), forget())
    _reason, events, _run = campaign(t, X, A)
    assert ways(events) == [(Kind.SILENCE, ("unserved", "x"))]
    assert verdicts(events) == [FINDING, PASS]


class OnlyCopies(ScriptedTransport):
    """A line on which nothing but what was sent ever came, as far as the toy is asked."""

    only_copies = True


def falls_silent(t):
    """Behind x no probe is answered on this life; the campaign's reason and events."""
    t.device.planted[b"x"] = lambda device: device.planted.update({b"p": lambda _device: []})
    forget = t.device.reset
    t.device.reset = lambda: (t.device.planted.pop(b"p", None), forget())
    return campaign(t, X, A)


def test_a_line_that_only_ever_echoed_is_no_device_that_could_fall_silent(toy):
    _reason, events, run = falls_silent(toy(transport=OnlyCopies))
    assert verdicts(events) == [Verdict.INCONCLUSIVE, PASS]
    assert (findings(events), of(events, FindingDismissed), run.findings) == ([], [], {})


def test_a_line_that_said_something_of_its_own_is_one(toy):
    _reason, events, _run = falls_silent(toy())
    assert (verdicts(events), ways(events)) == ([FINDING, PASS], [(Kind.SILENCE, ("unserved", "x"))])


def test_a_restart_counts_on_a_line_that_echoes_as_well(toy):
    t = toy(transport=OnlyCopies, open_timeout=5.0)
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(1.0)
    _reason, events, _run = campaign(t, X, A)
    assert ways(events) == [(Kind.REBOOT, ("restart", "x"))]


class Greets(ScriptedTransport):
    """Says what looks like the probe's answer on each connection, dead or alive."""

    def __init__(self, answer, latency=0.001):
        super().__init__(answer, latency)
        self.greeting = (b"<Pi1,0>",)


def test_a_greeting_is_not_taken_for_the_probes_answer(toy):
    t = toy(adaptive=True, transport=Greets)
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    _reason, events, _run = campaign(t, X)
    assert [kind for kind, _sign in ways(events)] == [Kind.SILENCE]


def test_the_rest_of_an_old_answer_does_not_answer_the_next_message(toy):
    t = toy(adaptive=True)
    t.device.planted[b"b"] = lambda _device: [b"<B>", b"<Pi1,1>"]  # what the probe would be answered
    t.device.planted[b"y"] = lambda device: (setattr(device, "dead", True), [b"<Y>", b"<Pi1,1>"])[1]
    _reason, events, _run = campaign(t, case(message(b"b")), Y)
    assert verdicts(events) == [PASS, FINDING]


# -- the wrong message is blamed ---------------------------------------------------------------------------------------


def dying(t, after, **deaths):
    """Messages behind which the device dies some time later, each by a status of its own; a reset brings it back."""
    due, forget = {}, t.device.reset

    def arm(status):
        due.setdefault(status, t.transport.clock + after)
        return [b"<X>"]

    serve = t.device.serve

    def serves(request):
        for status, time in list(due.items()):
            if t.transport.clock >= time:
                t.device.dead = True
                if status:
                    t.target.events.append(TargetEvent("exit", time, {"status": status}))
                due.pop(status)
        return serve(request)

    def reset():
        due.clear()
        forget()

    t.device.serve, t.device.reset = serves, reset
    for name, status in deaths.items():
        t.device.planted[name.encode()] = lambda _device, status=status: arm(status)
    t.transport.latency = 0.05


def test_a_slow_death_blames_the_message_that_was_deadly_and_is_one_finding(toy):
    t = toy()
    dying(t, 0.2, x="")
    _reason, events, _run = campaign(t, A, X, *numbered(6), X, *numbered(6))
    assert ways(events) == [(Kind.SILENCE, ("unserved", "x"))]
    assert findings(events)[0].window == (X,)
    assert findings(events)[0].replays == "3/3"


def test_two_bugs_with_a_slow_death_are_two_findings(toy):
    t = toy()
    dying(t, 0.2, x="", y=" ")
    _reason, events, _run = campaign(t, X, *numbered(6), Y, *numbered(6))
    assert {sign[-1] for _kind, sign in ways(events)} == {"x", "y"}


# -- a connection that is closed or dead passes ------------------------------------------------------------------------


def test_a_connection_that_is_left_open_but_dead_is_a_finding(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: t.transport.fall_deaf()
    _reason, events, _run = campaign(t, X, A)
    assert ways(events) == [(Kind.SILENCE, (Way.RECONNECTED.value, "x"))]
    assert verdicts(events) == [FINDING, PASS]


def test_a_closed_and_a_dead_connection_are_two_findings_and_the_same_one_twice_is_one(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up()
    t.device.planted[b"y"] = lambda _device: t.transport.fall_deaf()
    _reason, events, _run = campaign(t, X, Y, A, X, Y)
    assert [kind for kind, _sign in ways(events)] == [Kind.DISCONNECT, Kind.SILENCE]
    assert verdicts(events) == [FINDING, FINDING, PASS, FINDING, FINDING]


# -- silence is one word for four things -------------------------------------------------------------------------------


def test_silence_for_good_for_a_while_for_bytes_and_on_one_connection_are_four_findings(toy):
    t = toy()

    def busy(_device):
        t.transport.delay = 3.0
        return []

    forget = t.device.reset
    t.device.reset = lambda: (setattr(t.transport, "delay", 0.0), forget())
    t.device.planted |= {
        b"dead": lambda device: setattr(device, "dead", True),
        b"hungry": lambda device: setattr(device, "hungry", 200),
        b"deaf": lambda _device: t.transport.fall_deaf(),
        b"slow": busy,
    }
    cases = [case(message(name)) for name in (b"slow", b"dead", b"hungry", b"deaf")]
    _reason, events, _run = campaign(t, *cases)
    assert [sign for _kind, sign in ways(events)] == [
        (Way.LATE.value, "slow"),
        ("unserved", "dead"),
        (Way.FILLED.value, ""),
        (Way.RECONNECTED.value, "deaf"),
    ]


def test_one_framer_bug_is_one_finding_whatever_message_shows_it(toy):
    t = toy()
    names = [f"h{n}".encode() for n in range(6)]
    t.device.planted |= dict.fromkeys(names, lambda device: setattr(device, "hungry", 200))
    _reason, events, _run = campaign(t, *(case(message(name)) for name in names))
    assert ways(events) == [(Kind.SILENCE, (Way.FILLED.value, ""))]
    assert verdicts(events) == [FINDING] * 6


# -- slow, but within its timeout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("delay", [0.4, 0.9])
def test_a_device_that_is_slow_but_within_its_timeout_passes(toy, adaptive, delay):
    t = toy(adaptive=adaptive)
    t.transport.delay = delay
    several = case(message(b"a", wait=False), message(b"b", wait=False), message(b"c"))
    _reason, events, _run = campaign(t, A, several, case(message(b"d"), state="in"))
    assert verdicts(events) == [PASS] * 3


def test_a_device_that_is_held_up_by_a_busy_machine_passes(toy):
    t = toy(adaptive=True, lost=lambda _since: 3.0)
    t.transport.delay = 3.5
    _reason, events, _run = campaign(t, *numbered(3))
    assert verdicts(events) == [PASS] * 3


def test_a_device_that_was_held_up_once_is_doubted_and_not_confirmed(toy):
    t = toy()
    turns = iter([6.0])

    def held(_device):
        t.transport.clock += next(turns, 0.0)
        t.transport.delay = 3.0 if t.transport.clock < 9.0 else 0.0
        return [b"<X>"]

    t.device.planted[b"x"] = held
    _reason, events, _run = campaign(t, X)
    assert findings(events) == []


# -- the end -----------------------------------------------------------------------------------------------------------


def timed_out(t, seconds, fuzzed, tries=3):
    """A campaign whose wall clock is the device's."""
    events = []
    run = Campaign(
        "c",
        t.runner,
        [ListFuzzer(*fuzzed)],
        None,
        manifest={},
        budget=Budget(seconds=seconds),
        listeners=[events.append],
        tries=tries,
        horizon=9.0,
        clock=t.target.now,
    )
    return run, events


def test_a_budget_that_ends_within_triage_does_not_call_a_finding_not_reproduced(toy):
    t = toy()
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    run, events = timed_out(t, 8.0, [X, A])
    assert run.run() == "budget"
    (dismissed,) = of(events, FindingDismissed)
    assert dismissed.finding.replays == "not replayed"


def test_a_budget_ends_soon_after_its_time_also_within_triage(toy):
    t = toy()
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    history = numbered(60)
    run, _events = timed_out(t, 30.0, [*history, X])
    run.run()
    assert t.target.now() < 30.0 + 15.0  # one replay of a dead device


def test_an_interrupt_within_triage_keeps_what_was_shown(toy):
    t = toy()
    run, events = timed_out(t, None, [X, A])

    def crash(_device):
        t.target.events.append(TargetEvent("fault", 0.0, {"type": "bad access", "symbol": "f"}))
        if t.target.resets == 1:
            run.interrupt()
        return [b"<X>"]

    t.device.planted[b"x"] = crash
    assert run.run() == "interrupted"
    assert [(finding.kind, finding.replays) for finding in findings(events)] == [(Kind.CRASH, "1/1")]
    assert verdicts(events) == [FINDING]


@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_gives_up_a_replay_leaves_word_of_the_suspicion_and_of_its_case(toy, at):
    t = toy()
    run, events = timed_out(t, None, [A, X, A])

    def crash(_device):
        t.target.events.append(TargetEvent("fault", 0.0, {"type": "bad access", "symbol": "f"}))
        if t.target.resets == at:
            raise KeyboardInterrupt
        return [b"<X>"]

    t.device.planted[b"x"] = crash
    assert run.run() == "interrupted"
    (dismissed,) = [event.finding for event in events if isinstance(event, FindingDismissed)]
    assert dismissed.standing == "not replayed" and dismissed.case.id == X.id
    assert verdicts(events) == [PASS, Verdict.INCONCLUSIVE]


# -- statistics lie ----------------------------------------------------------------------------------------------------


class Violated:
    """A requirement that every message x violates, measured as the safety monitor does."""

    name, figures = "safety", NOTHING_WATCHED

    def observe(self, case, transcript):
        shown = "x" in case.messages and bool(transcript.exchanges)
        self.figures = Watched(1.0, {"R-1": Exercise(1, 1.0, 0.0, int(shown), 0.0)})
        return [Observation(Kind.UNSAFE_STATE, self.name, "", 0.0, ("R-1",), "R-1", blames="x")] if shown else []

    def take(self):
        taken, self.figures = self.figures, NOTHING_WATCHED
        return taken

    def never_told(self):
        return {}

    def state(self):
        return None

    def restore(self, state):
        pass


def test_what_replays_violate_and_exercise_is_not_counted_again(toy):
    t = toy(monitors=[Violated()])
    _reason, events, _run = campaign(t, A, X, A)
    assert len(findings(events)) == 1
    exercises = [event.measures.watched.exercises["R-1"] for event in of(events, CaseFinished)]
    assert ([e.violated for e in exercises], sum(e.exercised_seconds for e in exercises)) == ([0, 1, 0], 3.0)


# -- a bench without a relay -------------------------------------------------------------------------------------------


def test_a_bench_without_a_relay_goes_on_although_a_case_left_its_state(toy):
    t = without_reset(toy())
    t.protocol.undo = (message(b"out"),)
    t.device.planted[b"out"] = lambda device: setattr(device, "state", "i") or [b"<O>"]
    states = [case(message(f"n{n}".encode()), state=state) for n in range(20) for state in ("in", "idle")]
    reason, events, _run = campaign(t, *states)
    assert (reason, set(verdicts(events)), len(verdicts(events))) == ("exhausted", {PASS}, 40)


def test_a_state_that_a_bench_without_a_relay_cannot_reach_costs_its_own_cases_only(toy):
    t = without_reset(toy())
    t.device.planted[b"l"] = lambda _device: [b"<L?>"]
    cases = [case(message(f"n{n}".encode()), state=state) for n in range(20) for state in ("idle", "in")]
    reason, events, _run = campaign(t, *cases)
    assert (reason, verdicts(events).count(PASS), findings(events)) == ("exhausted", 20, [])


def test_an_interface_that_is_lost_does_not_take_the_others_with_it(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(1e9)
    without_reset(t)
    sound = toy()
    t.runner.interfaces = {"toy": t.interface, "wifi": replace(sound.interface, name="wifi")}
    elsewhere = case(message(b"a"), interface="wifi")
    reason, events, _run = campaign(t, X, A, elsewhere)
    assert [event.fatal for event in of(events, BenchFault)] == [True]
    assert [event.case for event in of(events, CaseLeftOut)] == [A]
    assert (reason, of(events, CaseFinished)[-1].case, verdicts(events)) == ("exhausted", elsewhere, [BENCH, PASS])


# -- over links that are cut -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relay", [True, False])
def test_a_device_that_dies_only_when_its_link_is_cut_is_found_and_its_case_blamed(toy, relay):
    t = toy(reconnect=True)
    t.target.resettable = relay
    armed, close = [], t.connection.close
    t.device.planted[b"x"] = lambda device: armed.append(1) or [b"<X>"]

    def cut():
        if armed and t.connection.stream:
            t.device.dead = True
            armed.clear()
        close()

    t.connection.close = cut
    _reason, events, _run = campaign(t, A, X, A, *numbered(3))
    assert (ways(events), findings(events)[0].window) == ([(Kind.SILENCE, ("unserved", "x"))], (X,))
    assert verdicts(events) == [PASS, PASS, FINDING, PASS, PASS, PASS]


def test_a_device_that_dies_when_the_last_link_is_cut_is_found_at_the_end(toy):
    t, armed = toy(), []
    close = t.connection.close
    t.device.planted[b"x"] = lambda device: armed.append(1) or [b"<X>"]

    def cut():
        if armed and t.connection.stream:
            t.device.dead = True
            armed.clear()
        close()

    t.connection.close = cut
    _reason, events, _run = campaign(t, A, X)
    assert (ways(events), findings(events)[0].window) == ([(Kind.SILENCE, ("unserved", "x"))], (X,))


def dying_at_its_close(t):
    """Behind `x` the device's process ends as soon as the connection is closed; a reset starts it again."""
    opened, armed, forget = t.transport.open, [], t.device.reset
    t.device.planted[b"x"] = lambda _device: (armed.append(True), [b"<X>"])[1]

    def closes(link, close):
        close()
        if armed:
            armed.clear()
            t.transport.refuse = True
            t.target.events.append(TargetEvent("exit", t.transport.clock, {"status": "139"}))

    def opens(timeout):
        link = opened(timeout)
        link.close = lambda close=link.close: closes(link, close)
        return link

    def reset():
        armed.clear()
        t.transport.refuse = False
        forget()

    t.transport.open, t.device.reset = opens, reset


@pytest.mark.parametrize("state", ["idle", "in"])
def test_a_process_that_ends_at_the_close_of_a_cases_own_connection_is_found_in_each_state(toy, state):
    t = toy(reconnect=True)
    dying_at_its_close(t)
    cases = [case(message(name), state=state) for name in (b"a", b"b", b"x", b"c", b"d", b"e")]
    _reason, events, _run = campaign(t, *cases)
    assert [kind for kind, _sign in ways(events)] == [Kind.EXIT]
    assert cases[2] in findings(events)[0].window
