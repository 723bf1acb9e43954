"""A program that keeps a processor core busy when it has nothing to do: nothing was sent, and nothing is owed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.case import TestCase
from harness.interfaces import Meters
from harness.load import crowding
from harness.monitors import blamed
from harness.transcript import Transcript
from harness.usage import Wakefulness
from harness.verdict import Kind, Observation

BUSY = 0.9  # of what a processor core has left for a program
_LOOKED_BACK, _APART = 1.0, 0.25
_GLANCE, _LOOK = 0.3, 2.7  # seconds
_SLEEPLESS, _RUNS = 0.97, 0.1
_SHARE = 0.02  # of the run's time is the most that is spent on pauses in which it turned out to sleep


class SpinMonitor:
    """Asks behind a case, four times a second at most, how busy the target was; one that was is left alone for a while.

    One of which a thread does not sleep with nothing to do, or whose threads use a core together, for `endless` seconds
    the first time and for three from then on, spins. All of them must have slept before, in whichever life: some
    programs poll by nature. What a device does that serves no more is told as that.
    """

    name = "spin"

    def __init__(self, target: Meters, endless: float) -> None:
        self._target, self._began, self._endless = target, target.now(), endless
        self._asked = self._spent = 0.0

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """At most one."""
        now = self._target.now()
        if now - self._asked < _APART or transcript.events or not transcript.probe_served:
            return ()
        self._asked = now
        share = self._target.busy(now - _LOOKED_BACK)
        if share is None or share < BUSY / crowding() or self._spent > _SHARE * (now - self._began):
            return ()
        found = self._sleepless()
        if found is None:
            self._spent += self._target.now() - now
            return ()
        self._endless = _LOOK
        self._target.begin_anew()
        return (self._observation(found, case, transcript),)

    def _sleepless(self) -> Wakefulness | None:
        """How awake it is where that has no end, and was otherwise once."""
        first = self._target.awake(_GLANCE)
        if first is None or max(first.awake, first.together) < BUSY or not self._target.was_idle:
            return None
        until = self._target.now() + self._endless
        while (found := self._target.awake(_LOOK)) is not None:
            alone = found.awake >= _SLEEPLESS and found.ran >= _RUNS
            if not alone and found.together < BUSY:
                return None
            if self._target.now() >= until:
                break
        return found

    def _observation(self, found: Wakefulness, case: TestCase, transcript: Transcript) -> Observation:
        message = blamed(case, transcript)
        words = f"the program does not come to rest any more behind {message or 'the case'}: a thread of it spins"
        detail = {
            "awake": f"{found.awake:.0%} of {_LOOK:g} s in which nothing was sent",
            "ran": f"{found.together:.0%} of a processor core",
            "weakness": "CWE-835",
        }
        return Observation(Kind.SPIN, self.name, words, transcript.ended, ("spins",), detail=detail, blames=message)

    def state(self) -> object:
        """Nothing that a replay must not know."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""
