"""A campaign on the toy device that goes on where another one stood."""

from dataclasses import replace

import pytest
from test_campaign import ListFuzzer, dies, of
from toy import case, message

from harness.budget import Budget
from harness.campaign import Campaign
from harness.events import (
    CampaignEnded,
    CampaignResumed,
    CaseFinished,
    CaseSettled,
    FindingConfirmed,
    FindingDismissed,
    FindingMinimized,
)
from harness.position import CampaignState
from harness.serialize import dumps, loads

NAMES = [b"x%d" % n if n % 4 == 0 else b"a%d" % n for n in range(24)]
CASES = [case(message(name), state=("idle", "in")[n % 3 > 1]) for n, name in enumerate(NAMES)]
TOLD = (FindingConfirmed, FindingMinimized, FindingDismissed)


class Run:
    """One campaign; `states` are what another one could go on from, each with what was found until then."""

    def __init__(self, toy, snapshots, cases=CASES, **options):
        self.t = toy(snapshots=snapshots)
        self.t.device.planted.update({name: dies for name in NAMES if name.startswith(b"x")})
        self.events, self.states = [], []
        self.campaign = Campaign(
            "c",
            self.t.runner,
            [ListFuzzer(*cases)],
            None,
            manifest={},
            budget=Budget(),
            listeners=[self.listen],
            tries=3,
            horizon=9.0,
            **options,
        )

    def listen(self, event):
        if isinstance(event, CaseSettled):
            self.states.append((dumps(self.campaign.state()), list(self.found.values())))
        self.events.append(event)

    def run(self):
        self.t.runner.start()
        self.reason = self.campaign.run()
        return self

    def go_on(self, text, findings):
        self.t.runner.start()
        self.campaign.restore(loads(CampaignState, text), findings)
        self.reason = self.campaign.run()
        return self

    @property
    def found(self):
        return {event.finding.id: event.finding for event in self.events if isinstance(event, TOLD)}

    @property
    def verdicts(self):
        return {event.number: (event.case.id, event.verdict) for event in of(self.events, CaseFinished)}


def essence(findings):
    return {
        found.id: (found.case_number, found.replays, [case.id for case in found.window], bool(found.minimized))
        for found in findings
    }


@pytest.mark.parametrize("snapshots", [True, False])
def test_from_wherever_it_goes_on_the_end_is_the_same(toy, snapshots):
    whole = Run(toy, snapshots).run()
    assert (len(whole.found), len(whole.states)) == (6, 25)
    for text, findings in whole.states:
        rest = Run(toy, snapshots).go_on(text, findings)
        before = {n: v for n, v in whole.verdicts.items() if n not in rest.verdicts}
        assert {**before, **rest.verdicts} == whole.verdicts
        assert essence({**{f.id: f for f in findings}, **rest.found}.values()) == essence(whole.found.values())
        assert rest.reason == "exhausted"


@pytest.mark.parametrize("snapshots", [True, False])
def test_what_was_announced_behind_the_place_is_found_again_and_told_once(toy, snapshots):
    whole = Run(toy, snapshots).run()
    text, _findings = whole.states[3]
    rest = Run(toy, snapshots).go_on(text, list(whole.found.values()))
    assert essence(rest.found.values()).keys() | {whole.states[3][1][0].id} == whole.found.keys()
    ids = [event.finding.id for event in of(rest.events, FindingConfirmed)]
    assert len(ids) == len(set(ids)) == 5


def test_what_was_announced_is_never_taken_back(toy):
    whole = Run(toy, True).run()
    rest = Run(toy, True)
    rest.t.device.planted.clear()  # a device that does not show it again
    rest.go_on(whole.states[0][0], list(whole.found.values()))
    assert {found.id for found in rest.found.values() if found.confirmed} == set(whole.found)
    assert not of(rest.events, FindingDismissed)


def test_a_suspicion_that_there_was_no_time_for_is_replayed_before_the_first_case(toy):
    whole = Run(toy, True).run()
    text, findings = whole.states[8]
    waiting = [replace(finding, reproduced=0, tries=0, case_number=2) for finding in whole.found.values()][-1:]
    rest = Run(toy, True).go_on(text, [*findings, *waiting])
    first, *_ = [event for event in rest.events if isinstance(event, FindingConfirmed | CaseFinished)]
    assert (first.finding.id, first.finding.replays) == (waiting[0].id, "3/3")


def test_an_interruption_in_the_middle_of_a_replay_leaves_the_place_before_it(toy):
    run = Run(toy, True)

    def dies_and_interrupts(device):
        if run.t.runner.lives > 1:
            run.campaign.interrupt()
        device.dead = True

    run.t.device.planted[b"x4"] = dies_and_interrupts
    run.run()
    assert run.reason == "interrupted"
    text, findings = run.states[-1]
    assert loads(CampaignState, text).cases == 4
    suspicion = run.found.keys() - {finding.id for finding in findings}
    assert len(suspicion) == 1
    rest = Run(toy, True).go_on(text, list(run.found.values()))
    assert essence(rest.found.values()).keys() >= suspicion
    assert all(finding.confirmed for finding in rest.found.values())


def test_one_that_is_ended_before_it_looked_tells_what_was_announced(toy):
    whole = Run(toy, True).run()
    rest = Run(toy, True)
    rest.campaign.interrupt()
    rest.go_on(whole.states[0][0], list(whole.found.values()))
    assert (rest.reason, set(rest.found)) == ("interrupted", set(whole.found))


def test_it_says_behind_how_many_cases_and_its_time_goes_on(toy):
    whole = Run(toy, True).run()
    text, findings = whole.states[5]
    text = dumps(replace(loads(CampaignState, text), seconds=1000.0))
    rest = Run(toy, True).go_on(text, findings)
    (resumed,) = of(rest.events, CampaignResumed)
    assert (resumed.cases, resumed.findings, 1000 <= resumed.seconds < 1100) == (5, tuple(findings), True)
    (ended,) = of(rest.events, CampaignEnded)
    assert (ended.cases, ended.seconds >= 1000) == (24, True)
