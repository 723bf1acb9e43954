"""Campaigns on the toy device: verdicts, confirmation, windows, bench faults, budgets."""

from dataclasses import replace
from itertools import groupby

import pytest
from toy import arming, case, message

from harness.budget import Budget
from harness.campaign import Campaign
from harness.errors import TargetError
from harness.events import (
    BenchFault,
    CampaignEnded,
    CaseFinished,
    CaseLeftOut,
    CaseRefused,
    FindingConfirmed,
    FindingDismissed,
)
from harness.judge import settle
from harness.order import by_state, round_robin
from harness.transcript import TargetEvent, Way
from harness.verdict import Kind, Observation, Verdict, verdict_of

UNLIMITED = Budget()


class ListFuzzer:
    interface = "toy"

    def __init__(self, *cases, name="list", every=1):
        self.name, self._cases, self.learned, self.every = name, cases, [], every

    def cases(self):
        yield from self._cases

    def forecast(self):
        return len(self._cases)

    def learn(self, case, outcome):
        self.learned.append((case.id, len(outcome.observations)))


def no_failure(_fuzzer, error):
    raise error


def campaign(t, *cases, budget=UNLIMITED, tries=3):
    events = []
    run = Campaign(
        "c",
        t.runner,
        [ListFuzzer(*cases)],
        None,
        manifest={},
        budget=budget,
        listeners=[events.append],
        tries=tries,
        horizon=9.0,
    )
    reason = run.run()
    return reason, events, run


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def verdicts(events):
    return [event.verdict for event in of(events, CaseFinished)]


def dies(device):
    device.dead = True


def test_a_device_that_serves_passes(toy):
    reason, events, _run = campaign(toy(), case(message(b"a")), case(message(b"b"), state="in"))
    assert (reason, verdicts(events)) == ("exhausted", [Verdict.PASS, Verdict.PASS])
    assert isinstance(events[-1], CampaignEnded)


def test_a_device_that_falls_silent_is_found_and_comes_back_for_the_next_case(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    _reason, events, _run = campaign(t, case(message(b"x")), case(message(b"a")))
    (confirmed,) = of(events, FindingConfirmed)
    assert (confirmed.finding.kind, confirmed.finding.reproduced, confirmed.finding.tries) == (Kind.SILENCE, 3, 3)
    assert verdicts(events) == [Verdict.FINDING, Verdict.PASS]


@pytest.mark.parametrize("again", [True, False])
def test_how_a_device_comes_back_is_trusted_as_long_as_replays_show_it(toy, again):
    t = toy(adaptive=True)

    def hungry(device):
        device.hungry = 100

    def once(device):
        if not again:
            device.planted.pop(b"y")
        device.hungry = 100

    t.device.planted |= {b"x": hungry, b"y": once}
    _reason, events, _run = campaign(t, case(message(b"x")))
    assert [event.finding.transcript.service.way for event in of(events, FindingConfirmed)] == [Way.FILLED]
    assert t.interface.ladder.trusted == {Way.FILLED}
    _reason, events, _run = campaign(t, case(message(b"y")))
    assert bool(of(events, FindingConfirmed)) is again
    assert t.interface.ladder.trusted == ({Way.FILLED} if again else set())


def test_a_fault_that_does_not_come_back_is_not_believed(toy):
    t = toy()

    def once(device):
        device.planted.clear()
        device.dead = True

    t.device.planted[b"x"] = once
    _reason, events, _run = campaign(t, case(message(b"x")))
    assert not of(events, FindingConfirmed)
    assert of(events, FindingDismissed)[0].finding.reproduced == 0
    assert verdicts(events) == [Verdict.INCONCLUSIVE]


def test_a_flaky_silence_is_counted_k_of_n_and_not_believed(toy):
    t = toy()
    turns = iter([True, True, False, True])

    def sometimes(device):
        device.dead = next(turns)

    t.device.planted[b"x"] = sometimes
    _reason, events, _run = campaign(t, case(message(b"x")))
    finding = of(events, FindingDismissed)[0].finding
    assert (finding.reproduced, finding.tries, finding.confirmed) == (2, 3, False)
    assert verdicts(events) == [Verdict.INCONCLUSIVE]


def test_a_fault_that_needs_an_earlier_case_keeps_it_in_its_window(toy):
    t = toy()
    armed = []

    def arm(_device):
        armed.append(1)
        return [b"<A>"]

    def fire(device):
        device.dead = bool(armed)
        return [] if armed else [b"<X>"]

    t.device.planted |= {b"a": arm, b"x": fire}
    forget = t.device.reset

    def reset():
        armed.clear()
        forget()

    t.device.reset = reset
    first, last = case(message(b"a")), case(message(b"x"))
    _reason, events, _run = campaign(t, first, last)
    finding = of(events, FindingConfirmed)[0].finding
    assert [c.id for c in finding.window] == [first.id, last.id]
    assert finding.reproduced == 3


def test_a_fault_that_cannot_be_replayed_is_kept_and_ends_the_campaign_with_its_case(toy):
    t = toy()
    t.device.planted[b"x"] = dies

    def no_reset():
        raise TargetError("the relay does not answer")

    t.target.reset = no_reset
    reason, events, run = campaign(t, case(message(b"x")), case(message(b"a")))
    assert (reason, run.findings) == ("bench", {})
    (dismissed,) = of(events, FindingDismissed)
    assert (dismissed.finding.kind, dismissed.finding.tries) == (Kind.SILENCE, 0)
    (fault,) = of(events, BenchFault)
    assert "cannot be replayed (the relay does not answer); case 1," in fault.reason
    assert b"<x>".hex() in fault.reason


class Requires:
    """Says that each message violates a requirement in a way of its own."""

    name = "requires"

    def observe(self, case, transcript):
        return [
            Observation(Kind.UNSAFE_STATE, "", "", 0.0, ("R-1",), "R-1", blames=message) for message in case.messages
        ]

    def state(self):
        return None

    def restore(self, state):
        pass


def test_a_requirement_that_is_violated_in_many_ways_is_three_findings(toy):
    t = toy(monitors=[Requires()])
    _reason, events, _run = campaign(t, *(case(message(name.encode())) for name in "abcde"))
    assert [e.finding.case.messages for e in of(events, FindingConfirmed)] == [("a",), ("b",), ("c",)]
    assert verdicts(events) == [Verdict.FINDING] * 5


def test_a_known_bucket_is_not_replayed_again(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    _reason, events, run = campaign(t, case(message(b"x")), case(message(b"x")))
    assert (len(of(events, FindingConfirmed)), len(run.findings)) == (1, 1)
    assert verdicts(events) == [Verdict.FINDING, Verdict.FINDING]
    assert [event.shown for event in of(events, CaseFinished)] == [tuple(run.findings)] * 2


def test_a_case_says_which_finding_it_showed_and_not_which_was_not_believed(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    _reason, events, run = campaign(t, case(message(b"a")), case(message(b"x")), case(message(b"b")))
    assert [event.shown for event in of(events, CaseFinished)] == [(), tuple(run.findings), ()]


def test_a_crash_that_the_target_reports_outranks_its_consequences(toy):
    t = toy()

    def crash(device):
        device.dead = True
        t.target.events += [TargetEvent("fault", 0.0, {"type": "null", "symbol": "f"}), TargetEvent("reset", 0.0, {})]

    t.device.planted[b"x"] = crash
    _reason, events, _run = campaign(t, case(message(b"x")))
    assert [e.finding.kind for e in of(events, FindingConfirmed)] == [Kind.CRASH]


def test_a_reboot_without_a_console_shows_in_the_boot_counter(toy):
    t = toy()

    def restarts(device):
        device.boots, device.uptime = device.boots + 1, 0
        return [b"<X>"]

    t.device.planted[b"x"] = restarts
    _reason, events, _run = campaign(t, case(message(b"a")), case(message(b"x")))
    assert [e.finding.kind for e in of(events, FindingConfirmed)] == [Kind.REBOOT]


def test_a_pulled_link_ends_the_campaign_as_a_bench_fault_and_findings_stay(toy):
    t = toy()

    def pull(_device):
        t.transport.unplugged = True

    t.device.planted |= {b"x": dies, b"y": pull}
    reason, events, _run = campaign(t, case(message(b"x")), case(message(b"y")), case(message(b"a")))
    assert reason == "bench"
    assert of(events, BenchFault)[0].fatal
    assert len(of(events, FindingConfirmed)) == 1
    assert verdicts(events) == [Verdict.FINDING, Verdict.BENCH_FAULT]


def test_a_device_that_closes_its_link_for_good_each_time_is_found_and_the_campaign_goes_on(toy):
    t = toy()
    restart = t.target.reset

    def die(_device):
        t.transport.unplugged = True

    def reset():
        t.transport.unplugged = False
        restart()

    t.device.planted[b"x"], t.target.reset = die, reset
    reason, events, _run = campaign(t, case(message(b"x")), case(message(b"a")))
    (confirmed,) = of(events, FindingConfirmed)
    assert (confirmed.finding.kind, confirmed.finding.reproduced) == (Kind.SILENCE, 3)
    assert (reason, verdicts(events)) == ("exhausted", [Verdict.FINDING, Verdict.PASS])


def test_a_lost_link_that_cannot_be_brought_back_names_the_case(toy):
    t = toy()
    t.target.can_reset = lambda: False

    def pull(_device):
        t.transport.unplugged = True

    t.device.planted[b"x"] = pull
    suspect = case(message(b"x"))
    _reason, events, _run = campaign(t, suspect)
    assert suspect.id in of(events, BenchFault)[0].reason
    assert b"<x>".hex() in of(events, BenchFault)[0].reason


def test_a_state_that_is_never_reached_ends_the_campaign(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: [b"<L?>"]
    cases = [case(message(f"a{i}".encode()), state="in") for i in range(100)]
    reason, events, _run = campaign(t, *cases)
    assert (reason, len(verdicts(events)), len(of(events, CaseLeftOut))) == ("bench", 8, 92)
    told, last = of(events, BenchFault)
    assert "state 'in' of 'toy' cannot be reached: wanted state = s; got state = i" in told.reason
    assert (told.fatal, last.fatal, "nothing was tested" in last.reason) == (False, True, True)


@pytest.mark.parametrize(("allowed", "expected"), [(True, Verdict.PASS), (False, Verdict.FINDING)])
def test_a_connection_that_the_device_closes_is_a_finding_unless_it_may(toy, allowed, expected):
    t = toy(may_close=allowed)

    def hang_up(_device):
        t.executor.link.close()

    t.device.planted[b"x"] = hang_up
    _reason, events, _run = campaign(t, case(message(b"x"), message(b"a")))
    assert verdicts(events) == [expected]
    assert [event.finding.kind for event in of(events, FindingConfirmed)] == [] if allowed else [Kind.DISCONNECT]


@pytest.mark.parametrize("after", [0.03, 0.3])
def test_a_device_that_leaves_a_while_behind_each_answer_is_tested(toy, after):
    """What was sent into a connection that it had left taught nothing; it is given the time to leave first."""
    t = toy(adaptive=True, may_close=True, reconnect=False)
    t.transport.leaves_in = after
    _reason, events, _run = campaign(t, *(case(message(b"a"), message(b"b")) for _ in range(30)))
    exchanges = [
        one for event in of(events, CaseFinished) for one in event.transcript.exchanges if one.message != "probe"
    ]
    assert sum(one.answered for one in exchanges) > 0.8 * len(exchanges)


def test_where_nothing_listens_any_more_it_is_said_so(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(1e9)
    reason, events, _run = campaign(t, case(message(b"a")), case(message(b"x")))
    assert reason == "bench"
    assert any(told.reason.endswith("; since then scripted: nothing is listening") for told in of(events, BenchFault))


def test_a_device_that_closes_a_second_connection_whatever_was_sent_is_not_blamed_on_a_case(toy):
    t = toy()
    opened = t.transport.open

    def busy_behind_a_close(timeout):
        link = opened(timeout)
        if t.executor.connection._closed_at + 0.2 > t.transport.clock:
            link.close()
        return link

    t.transport.open = busy_behind_a_close
    t.runner.interfaces["toy"] = replace(t.interface, reconnect=True)
    _reason, events, _run = campaign(t, case(message(b"a")), case(message(b"b")))
    assert not of(events, FindingConfirmed)
    assert verdicts(events) == [Verdict.PASS, Verdict.INCONCLUSIVE]


def test_what_dies_behind_the_last_case_is_found(toy):
    t = toy()
    dying = []

    def dies_later(data):
        t.device.dead |= bool(dying) and t.transport.clock > dying[0] + 0.3
        return t.device.answer(data)

    def doom(_device):
        dying.append(t.transport.clock)
        return [b"<X>"]

    t.transport.answer = dies_later
    t.device.planted[b"x"] = doom
    forget = t.device.reset
    t.device.reset = lambda: (dying.clear(), forget())
    _reason, events, _run = campaign(t, case(message(b"x")))
    (confirmed,) = of(events, FindingConfirmed)
    assert (confirmed.finding.kind, confirmed.finding.replays) == (Kind.SILENCE, "3/3")


def test_a_state_that_cannot_be_reached_is_inconclusive(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: [b"<L?>"]
    _reason, events, _run = campaign(t, case(message(b"a"), state="in"))
    assert verdicts(events) == [Verdict.INCONCLUSIVE]


def test_a_lapsed_session_is_inconclusive(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: [b"<A?>"]
    _reason, events, _run = campaign(t, case(message(b"a"), state="in"))
    assert verdicts(events) == [Verdict.INCONCLUSIVE]


def test_a_refused_case_is_not_executed_and_not_counted(toy):
    t = toy(forbidden=["x"])
    reason, events, _run = campaign(t, case(message(b"x")), case(message(b"a")))
    assert (len(of(events, CaseRefused)), verdicts(events), reason) == (1, [Verdict.PASS], "exhausted")
    assert b"<x>" not in t.transport.sent


def test_the_budget_counts_executed_cases(toy):
    cases = [case(message(bytes([97 + i]))) for i in range(10)]
    reason, events, _run = campaign(toy(), *cases, budget=Budget(cases=4))
    assert (reason, len(verdicts(events))) == ("budget", 4)


def test_an_interrupt_ends_in_good_order(toy):
    t = toy()
    run = None

    def interrupt(_device):
        run.interrupt()
        return [b"<X>"]

    t.device.planted[b"x"] = interrupt
    events = []
    fuzzer = ListFuzzer(case(message(b"x")), case(message(b"a")))
    run = Campaign(
        "c", t.runner, [fuzzer], None, manifest={}, budget=Budget(), listeners=[events.append], tries=1, horizon=1.0
    )
    assert run.run() == "interrupted"
    assert verdicts(events) == [Verdict.PASS]


@pytest.mark.parametrize("budget", [Budget(), Budget(seconds=60.0), Budget(cases=9)])
def test_an_interrupt_while_a_case_is_made_is_one_too_and_never_a_pass(toy, budget):
    t, events = toy(), []

    class Interrupting(ListFuzzer):
        def cases(self):
            yield case(message(b"a"))
            run.interrupt()
            yield case(message(b"b"))
            yield case(message(b"c"))

    listeners = [events.append]
    fuzzers = [Interrupting()]
    run = Campaign("c", t.runner, fuzzers, None, manifest={}, budget=budget, listeners=listeners, tries=1, horizon=1.0)
    assert run.run() == "interrupted"
    assert of(events, CampaignEnded)[0].reason == "interrupted"
    assert len(verdicts(events)) < 3


def test_what_replays_have_left_in_a_device_is_played_again_with_the_case(toy):
    t = toy()
    arming(t.device)
    t.runner.start()
    replayed, found = case(message(b"a")), case(message(b"x"))
    t.runner.run(replayed)  # as the desk does, between the campaign's cases
    _reason, _events, run = campaign(t, found)
    (finding,) = run.findings.values()
    assert (finding.confirmed, finding.window) == (True, (replayed, found))


def test_fuzzers_take_turns_and_hear_what_became_of_their_cases(toy):
    one = ListFuzzer(case(message(b"a")), case(message(b"b")), name="one")
    two = ListFuzzer(case(message(b"c")), name="two")
    assert [(f.name, c.messages) for f, c in round_robin([one, two], no_failure)] == [
        ("one", ("a",)),
        ("two", ("c",)),
        ("one", ("b",)),
    ]
    costly = ListFuzzer(case(message(b"d")), case(message(b"e")), name="costly", every=3)
    assert [f.name for f, _case in round_robin([costly, one], no_failure)] == ["costly", "one", "one", "costly"]


def test_cases_of_one_state_are_kept_together():
    cases = [(None, case(message(b"a"), state=state)) for state in ("in", "idle", "in", "idle")]
    assert [c.state for _f, c in by_state(iter(cases))] == ["idle", "idle", "in", "in"]


def test_a_short_run_sees_every_state_and_a_long_one_goes_there_seldom():
    cases = [(None, case(message(b"a"), state=str(number % 6))) for number in range(2400)]
    states = [c.state for _f, c in by_state(iter(cases))]
    assert set(states[:60]) == set("012345")
    seldom = [len(list(same)) for _state, same in groupby(states[1200:])]
    assert max(seldom) <= 80
    assert sum(seldom) / len(seldom) >= 30


@pytest.mark.parametrize(
    ("kinds", "verdict"),
    [
        ((), Verdict.PASS),
        ((Kind.SESSION_LAPSED,), Verdict.INCONCLUSIVE),
        ((Kind.SESSION_LAPSED, Kind.LINK_LOST), Verdict.BENCH_FAULT),
        ((Kind.LINK_LOST, Kind.CRASH), Verdict.FINDING),
    ],
)
def test_a_device_fault_outranks_a_bench_fault_outranks_doubt(kinds, verdict):
    assert verdict_of([Observation(kind, "m", "", 0.0) for kind in kinds]) is verdict


def test_only_consequences_are_folded_away():
    def kept(*kinds):
        return [o.kind for o in settle([Observation(kind, "m", "", 0.0) for kind in kinds])]

    assert kept(Kind.CRASH, Kind.REBOOT, Kind.SILENCE, Kind.DRIFT) == [Kind.CRASH, Kind.DRIFT]
    assert kept(Kind.REBOOT, Kind.REBOOT, Kind.SILENCE) == [Kind.REBOOT]
    violations = [Observation(Kind.UNSAFE_STATE, "m", "", time) for time in (2.0, 1.0, 1.0)]
    assert [o.time for o in settle(violations)] == [1.0, 1.0]
    assert kept(Kind.UNSAFE_STATE, Kind.HANG, Kind.LEAK) == [Kind.UNSAFE_STATE, Kind.HANG, Kind.LEAK]


def test_an_id_depends_on_templates_and_waits_and_not_on_where_they_came_from():
    plain = case(message(b"a"))
    assert replace(plain, origin=replace(plain.origin, seed=9)).id == plain.id
    assert case(message(b"b")).id != plain.id != case(message(b"a"), state="in").id


def test_a_case_refused_half_way_counts_as_withheld_and_as_run(toy):
    t = toy(forbidden=["shock"])
    t.device.planted[b"a"] = dies
    _reason, events, run = campaign(t, case(message(b"a"), message(b"shock")))
    assert len(of(events, CaseRefused)) == len(of(events, CaseFinished)) == 1
    assert [finding.kind for finding in run.findings.values()] == [Kind.SILENCE]


def test_a_person_brings_a_device_back_that_nothing_else_can_and_its_fault_is_replayed(toy):
    asked = []

    def switched_off_and_on(request):
        asked.append(request)
        t.transport.unplugged = t.device.dead = False
        return True

    t = toy(ask=switched_off_and_on)
    t.target.can_reset = lambda: False

    def die(_device):
        t.transport.unplugged = True

    t.device.planted[b"x"] = die
    reason, events, _run = campaign(t, case(message(b"x")), case(message(b"a")))
    (confirmed,) = of(events, FindingConfirmed)
    assert (confirmed.finding.kind, confirmed.finding.reproduced) == (Kind.SILENCE, 3)
    assert (reason, verdicts(events)) == ("exhausted", [Verdict.FINDING, Verdict.PASS])
    assert len(asked) == 4 and all("Switch the device off and on" in request for request in asked)


def test_a_person_who_gives_up_ends_what_cannot_go_on(toy):
    t = toy(ask=lambda _request: False)
    t.target.can_reset = lambda: False

    def die(_device):
        t.transport.unplugged = True

    t.device.planted[b"x"] = die
    reason, events, _run = campaign(t, case(message(b"x")), case(message(b"a")))
    assert (reason, of(events, FindingConfirmed)) == ("bench", [])
    assert of(events, BenchFault)[-1].fatal
