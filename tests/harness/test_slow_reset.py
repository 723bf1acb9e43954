"""A device whose reset takes ten seconds: what one finding may cost of a night, on a clock that is only counted."""

import pytest
from test_campaign import campaign, of
from toy import case, message

from harness.events import CaseFinished, FindingConfirmed, FindingMinimized
from harness.triage import confirm, desk, minimize

RESET, STEP = 10.0, 0.02  # seconds
LONG = tuple(case(message(b"n%d" % n), message(b"m")) for n in range(12))


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    for module in (confirm, desk, minimize):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def slow(t, clock):
    """The toy's resets take ten seconds of the clock, and what it serves a moment."""
    begun, served = t.target.reset, t.device.serve

    def reset():
        clock[0] += RESET
        begun()

    def serve(request):
        clock[0] += STEP
        return served(request)

    t.target.reset, t.device.serve = reset, serve


def dies_behind(*, needed):
    """Dead from the message on, where another one came before it."""

    def planted(device):
        if device.heard_of >= needed:
            device.dead = True
        return []

    return planted


def run(toy, clock, *cases):
    t = toy()
    slow(t, clock)
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    resets = {}

    def told(event):
        if isinstance(event, FindingConfirmed | FindingMinimized):
            resets[type(event)] = (t.target.resets, clock[0])

    reason, events, _run = campaign(t, *cases, listeners=(told,))
    return t, reason, events, resets
