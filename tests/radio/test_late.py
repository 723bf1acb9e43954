"""An advertisement that is late because this machine kept the device from it is waited for, and no other."""

import asyncio
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from harness.errors import LinkError
from harness.radio.peer import Peer
from harness.radio.scanner import Scanner

ADDRESS = "F0:F1:F2:F3:F4:F5"


class Busy:
    """The radio of a machine that loses all time until a moment of its clock, when the device advertises; 0: never."""

    def __init__(self, clock, until):
        self._clock, self._until, self.asked = clock, until, []

    def ask(self, name, timeout, **_words):
        if name == "stalled":
            return {"seconds": min(self._clock.now, self._until)}
        self.asked.append(timeout)
        self._clock.now += timeout
        if self._clock.now < self._until or not self._until:
            raise LinkError("it does not advertise")
        return {"address": ADDRESS}


@pytest.mark.parametrize(("until", "asked"), [(0.0, [0.3]), (0.2, [0.3]), (1.0, [0.3] * 4)])
def test_what_the_machine_lost_is_waited_besides(monkeypatch, until, asked):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("harness.radio.peer.time", SimpleNamespace(monotonic=lambda: clock.now))
    radio = Busy(clock, until)
    with nullcontext() if until else pytest.raises(LinkError):
        Peer(lambda: radio, ADDRESS).hear(0.3, 0.0)
    assert radio.asked == pytest.approx(asked)


class Adapter:
    """One that hears the device in the turn of the loop in which the time is over."""

    def on(self, _event, _heard):
        pass

    async def start_scanning(self, **_options):
        pass

    async def stop_scanning(self):
        pass


def test_what_is_heard_in_the_turn_in_which_the_time_is_over_was_heard():
    async def heard():
        scanner = Scanner(Adapter())
        asyncio.get_running_loop().call_at(asyncio.get_running_loop().time() + 0.02, scanner.known.update, {ADDRESS: 7})
        return await scanner.find(ADDRESS, 0.02)

    assert asyncio.run(heard()) == 7
