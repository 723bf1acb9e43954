"""What is not grave waits where proofs have had their share of the time, and is judged before the run is over."""

from dataclasses import replace

import pytest
from test_campaign import ListFuzzer, of
from toy import case, message

from harness.budget import Budget
from harness.campaign import Campaign
from harness.events import CampaignEnded, CaseFinished, CaseSettled, FindingConfirmed, FindingDismissed
from harness.finding import bucket_of
from harness.position import CampaignState
from harness.serialize import dumps, loads
from harness.transcript import Service, Transcript, Way
from harness.unproven import Held, Unproven
from harness.verdict import Kind, Observation, Verdict

SERVED = Transcript("", (), 0.0, 1.0, service=Service(Way.AT_ONCE))


def fault(kind=Kind.WRONG_REPLY, sign="w"):
    return Observation(kind, "m", f"{kind}: {sign}", 0.0, (sign,))


def busy(planned=1000.0, seconds=10.0):
    """Proofs have had so many seconds."""
    unproven = Unproven(planned)
    unproven.spent(seconds, fault())
    return unproven


# -- what waits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("faults", "transcript", "waits"),
    [
        ((fault(),), SERVED, True),
        ((fault(Kind.NO_REPLY), fault(Kind.CONSOLE)), SERVED, True),
        ((fault(Kind.NO_REPLY), fault(Kind.HANG)), SERVED, False),
        ((fault(Kind.EXIT),), SERVED, False),
        ((fault(Kind.SILENCE),), replace(SERVED, service=Service(Way.FILLED, 1.9)), True),
        ((fault(Kind.SILENCE),), replace(SERVED, service=Service(Way.FILLED, 2.0)), False),
        ((fault(),), replace(SERVED, service=None), False),
        ((fault(),), replace(SERVED, link_error="gone"), False),
        ((), SERVED, False),
    ],
)
def test_only_what_is_not_grave_waits_and_a_device_that_is_back(faults, transcript, waits):
    assert busy().waits(faults, transcript, 20.0) is waits
    assert not Unproven(1000.0).waits(faults, transcript, 20.0)


def test_what_is_grave_is_not_paid_by_the_others():
    unproven = Unproven(1000.0)
    unproven.spent(100.0, fault(Kind.CRASH))
    assert not unproven.waits((fault(),), SERVED, 20.0)


@pytest.mark.parametrize(("elapsed", "due"), [(39.0, False), (40.0, True)])
def test_a_fifth_of_the_time_and_two_seconds_are_for_proofs(elapsed, due):
    unproven = busy()
    unproven.hold(Held(None, None, (fault(),), ()))
    assert (unproven.due(elapsed) is not None) is due
    assert unproven.waits((fault(),), SERVED, elapsed) is not due


def test_before_the_end_there_is_time_for_one_of_each():
    unproven = busy(planned=100.0, seconds=30.0)
    for sign in ("w", "w", "v"):
        unproven.hold(Held(None, None, (fault(sign=sign),), ()))
    assert unproven.due(39.0) is None
    assert unproven.due(40.0).faults == (fault(),)
    unproven.drop(frozenset({bucket_of(fault())}))
    assert [held.faults for held in unproven._held] == [(fault(sign="v"),)]


# -- in a campaign -----------------------------------------------------------------------------------------------------


class Says:
    """Sees a wrong reply in each case with a message that begins with `x`."""

    name = "says"

    def observe(self, case, _transcript):
        told = [name for name in case.messages if name.startswith("x")]
        return [Observation(Kind.WRONG_REPLY, "says", f"wrong: {n}", 0.0, (n,)) for n in told[:1]]

    def state(self):
        return None

    def restore(self, _state):
        pass


class Run:
    """A campaign in which a proof has taken 50 s before the first case, and each case takes one."""

    def __init__(self, toy, *names, **budget):
        self.t, self.events, self.states, self.now = toy(monitors=(Says(),)), [], [], 0.0
        cases = [case(message(name)) for name in names]
        self.campaign = Campaign(
            "c",
            self.t.runner,
            [ListFuzzer(*cases)],
            None,
            manifest={},
            budget=Budget(**budget),
            listeners=[self.listen],
            tries=3,
            horizon=9.0,
            clock=lambda: self.now,
        )
        self.campaign._unproven.spent(50.0, fault())

    def listen(self, event):
        if isinstance(event, CaseSettled):
            self.now += 1.0
            self.states.append(dumps(self.campaign.state()))
        self.events.append(event)

    def run(self):
        self.reason = self.campaign.run()
        return self

    @property
    def told(self):
        return [(event.number, event.case.messages[0], event.verdict) for event in of(self.events, CaseFinished)]


def test_it_is_judged_when_there_are_no_more_cases_under_the_next_number(toy):
    run = Run(toy, b"x1", b"a", b"b").run()
    passed, finding = Verdict.PASS, Verdict.FINDING
    assert run.told == [(1, "a", passed), (2, "b", passed), (3, "x1", finding)]
    (confirmed,) = of(run.events, FindingConfirmed)
    assert (confirmed.finding.case_number, confirmed.finding.replays) == (3, "3/3")
    assert [one.messages for one in confirmed.finding.window] == [("x1",)]


def test_so_many_cases_as_were_asked_for_are_judged(toy):
    run = Run(toy, b"a", b"x1", b"b", b"c", b"d", cases=3).run()
    assert (run.reason, [number for number, _name, _verdict in run.told]) == ("budget", [1, 2, 3])
    assert {name for _number, name, _verdict in run.told} == {"a", "x1", "b"}


def test_who_ends_at_a_finding_does_not_wait_for_it(toy):
    run = Run(toy, b"x1", b"a", findings=1).run()
    assert (run.reason, run.told) == ("findings", [(1, "x1", Verdict.FINDING)])


def test_what_is_known_does_not_wait(toy):
    run = Run(toy, b"x1", b"a", b"x1b")
    run.campaign._ledger.verdict = lambda _bucket, _fault: True
    assert run.run().told[0] == (1, "x1", Verdict.FINDING)


def test_it_is_judged_before_the_time_is_over_and_each_sort_once_where_it_is(toy):
    names = [b"x1", b"x2", b"x2", *(b"a%d" % n for n in range(200))]
    run = Run(toy, *names, seconds=150.0).run()
    verdicts = {name: verdict for _number, name, verdict in run.told if name.startswith("x")}
    assert verdicts == {"x1": Verdict.FINDING, "x2": Verdict.FINDING}
    assert len(of(run.events, FindingConfirmed)) == 2
    run = Run(toy, *names, seconds=150.0)
    run.campaign._unproven._planned = 1e9  # the end comes as a surprise
    run.run()
    assert [f.finding.replays for f in of(run.events, FindingDismissed)] == ["not replayed"] * 2
    assert sum(verdict is Verdict.INCONCLUSIVE for _number, _name, verdict in run.told) == 2


def test_a_run_that_goes_on_runs_it_again(toy):
    names = (b"x1", b"a", b"b")
    first = Run(toy, *names).run()
    state = next(loads(CampaignState, text) for text in first.states if loads(CampaignState, text).held)
    assert (state.cases, state.held) == (0, (0,))
    second = Run(toy, *names)
    second.campaign.restore(state, [])
    second.run()
    assert sorted(name for _number, name, _verdict in second.told) == ["a", "b", "x1"]
    assert of(second.events, FindingConfirmed) and isinstance(second.events[-1], CampaignEnded)
