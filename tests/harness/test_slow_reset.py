"""A device whose reset takes ten seconds: what one finding may cost of a night, on a clock that is only counted."""

import time

from test_campaign import UNLIMITED, ListFuzzer, of
from toy import case, message

from harness.campaign import Campaign
from harness.events import CaseFinished, FindingConfirmed, FindingMinimized

RESET, SERVED = 10.0, 0.05  # seconds
MOST_RESETS, MOST_SECONDS = 30, 600.0
X = case(*(message(b"n%d" % n) for n in range(6)), message(b"x"), *(message(b"m%d" % n) for n in range(6)))
HEADS = [case(message(b"a%d" % n)) for n in range(30)]


class Night:
    """A campaign on the toy; `told` is what was told when, with the resets up to then."""

    def __init__(self, t, monkeypatch, *cases):
        self.now, self.told, self.t = 0.0, [], t
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self._slowly(t.target, "reset", RESET)
        self._slowly(t.device, "serve", SERVED)
        self.run = Campaign(
            "c",
            t.runner,
            [ListFuzzer(*cases)],
            None,
            manifest={},
            budget=UNLIMITED,
            listeners=[self._note],
            tries=3,
            horizon=9.0,
            clock=lambda: self.now,
        )
        self.reason = self.run.run()

    def _slowly(self, of, name, seconds):
        done = getattr(of, name)

        def slow(*arguments):
            self.now += seconds
            return done(*arguments)

        setattr(of, name, slow)

    def _note(self, event):
        self.told.append((event, self.now, self.t.target.resets))

    @property
    def events(self):
        return [event for event, _now, _resets in self.told]


def dies(device):
    device.dead = True


def cost(night):
    """Resets and seconds up to the smallest reproducer, the cases before it included; and that it was told."""
    return next((resets, now, event) for event, now, resets in night.told if isinstance(event, FindingMinimized))


def test_triage_of_a_finding_takes_at_most_thirty_resets_and_ten_minutes(toy, monkeypatch):
    t = toy()
    t.device.planted[b"x"] = dies
    resets, seconds, smaller = cost(Night(t, monkeypatch, *HEADS, X))
    assert smaller.finding.window[0].messages == ("x",)
    assert 0 < resets <= MOST_RESETS
    assert RESET * resets < seconds <= MOST_SECONDS


def test_nor_where_the_case_before_is_needed(toy, monkeypatch):
    t = toy()
    armed = set()

    def arms(_device):
        armed.add(t.target.resets)
        return [b"<Q>"]

    def dies_armed(device):
        device.dead = t.target.resets in armed
        return [] if device.dead else [b"<X>"]

    t.device.planted |= {b"q": arms, b"x": dies_armed}
    resets, seconds, smaller = cost(Night(t, monkeypatch, *HEADS, case(message(b"q")), X))
    assert {"q", "x"} <= {name for one in smaller.finding.window for name in one.messages}
    assert resets <= MOST_RESETS
    assert seconds <= MOST_SECONDS


def test_the_campaigns_cases_go_on_meanwhile(toy, monkeypatch):
    t = toy()
    t.device.planted[b"x"] = dies
    others = [case(message(b"b%d" % n)) for n in range(9000)]
    night = Night(t, monkeypatch, *HEADS, X, *others)
    confirmed, smaller = (
        next(n for n, event in enumerate(night.events) if isinstance(event, kind))
        for kind in (FindingConfirmed, FindingMinimized)
    )
    between = of(night.events[confirmed:smaller], CaseFinished)
    assert len(between) >= 1000
    assert len(of(night.events, CaseFinished)) == len(HEADS) + 1 + len(others)
