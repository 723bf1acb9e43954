"""A device's process under a supervisor: started again when it has ended, held at random moments."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence

from targets.process import OwnProcess
from targets.serving.dirty_pair import Setup

_EVER = float("inf")


class Supervised:
    """Runs `command`; `turn` does what is due. Without the fault `watchdog` what has ended stays so."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._process = OwnProcess(self._command)
        self._ended_at = _EVER
        self._hold_at = self._release_at = _EVER

    @property
    def pid(self) -> int:
        """That of the process that runs, or ran last."""
        return self._process.pid

    def turn(self, now: float, setup: Setup) -> None:
        """At monotonic `now`; raises TargetError when it cannot be started again."""
        if self._process.ended():
            self._revive(now, setup)
        else:
            self._hold(now, setup)

    def _revive(self, now: float, setup: Setup) -> None:
        if self._ended_at == _EVER:
            self._ended_at = now
            self._hold_at = self._release_at = _EVER
            setup.note("ended")
        elif now >= self._ended_at + setup.number("watchdog", _EVER):
            self._process.stop()
            self._process = OwnProcess(self._command)
            self._ended_at = _EVER
            setup.note("watchdog")

    def _hold(self, now: float, setup: Setup) -> None:
        held = setup.chosen.get("held")
        if now >= self._release_at:
            self._release_at = _EVER
            self._signal(signal.SIGCONT)
            setup.note("released")
        elif held and self._hold_at == _EVER:
            self._hold_at = now + setup.chance.expovariate(1 / held.at if held.at else 1.0)
        elif held and now >= self._hold_at:
            self._hold_at, self._release_at = _EVER, now + held.number
            self._signal(signal.SIGSTOP)
            setup.note("held")

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def stop(self) -> None:
        """End it."""
        self._signal(signal.SIGCONT)
        self._process.stop()
