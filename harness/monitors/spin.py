"""A program that keeps a processor core busy when it has nothing to do: nothing was sent, and nothing is owed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.case import TestCase
from harness.interfaces import Meters
from harness.monitors import blamed
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

BUSY = 0.9  # of a core
_LOOKED_BACK, _GLANCE, _PAUSE = 1.0, 0.25, 0.3
_ENDLESS = 3.0
_SHARE = 0.02  # of the run's time is the most that is spent on pauses in which it turned out to be idle


class SpinMonitor:
    """Asks behind a case, four times a second at most, how busy the target was; one that was is left alone for a while.

    One that goes on for three seconds with nothing to do spins. It must have been idle before, in whichever life: some
    programs poll by nature. What a device does that serves no more is told as that.
    """

    name = "spin"

    def __init__(self, target: Meters) -> None:
        self._target, self._began = target, target.now()
        self._asked = self._spent = 0.0

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """At most one."""
        now = self._target.now()
        if now - self._asked < _GLANCE or transcript.events or not transcript.probe_served:
            return ()
        self._asked = now
        if not self._is_busy(now - _LOOKED_BACK):
            return ()
        if self._spent > _SHARE * (now - self._began) or not self._is_endless():
            return ()
        self._target.begin_anew()
        return (self._observation(case, transcript),)

    def _is_busy(self, since: float) -> bool:
        share = self._target.busy(since)
        return share is not None and share >= BUSY

    def _is_endless(self) -> bool:
        """True where it is as busy in each of some pauses, and was seen to be idle once."""
        began = self._target.now()
        while (since := self._target.now()) < began + _ENDLESS:
            self._target.advance(_PAUSE)
            if not self._is_busy(since):
                break
        else:
            if self._target.was_idle:
                return True
        self._spent += self._target.now() - began
        return False

    def _observation(self, case: TestCase, transcript: Transcript) -> Observation:
        message, share = blamed(case, transcript), self._target.busy(self._target.now() - _ENDLESS) or 1.0
        words = f"the program uses {share:.0%} of a processor core behind {message or 'the case'}, with nothing to do"
        detail = {"seconds": f"{_ENDLESS:g}", "share of a core": f"{share:.2f}", "weakness": "CWE-835"}
        return Observation(Kind.SPIN, self.name, words, transcript.ended, ("spins",), detail=detail, blames=message)

    def state(self) -> object:
        """Nothing that a replay must not know."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""
