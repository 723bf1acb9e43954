"""Interrupts of unknown peripherals that the firmware enabled and handles, raised again and again as time passes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from targets.board.auto.description import Gate, Tick
from targets.board.auto.unknown import Registers
from targets.board.peripherals.base import Peripheral, Wiring


class Ticker(Peripheral):
    """Raises each tick while the firmware has it enabled; its bits read as set until its handler returns."""

    words = 0

    def __init__(self, wiring: Wiring, ticks: Sequence[Tick], unknown: Registers) -> None:
        self._ticks, self.wiring = tuple(ticks), wiring
        self._sources = [wiring.schedule.source(partial(self._raise, number)) for number in range(len(ticks))]
        self._connect(unknown)
        super().__init__(wiring)

    def _connect(self, unknown: Registers) -> None:
        for tick in self._ticks:
            for gate in tick.gates:
                unknown.views.setdefault(gate.address, []).append(partial(self._view, gate, tick.exception))

    def reset(self) -> None:
        self._due: set[int] = set()
        self.raised: dict[int, int] = {}
        for number, source in enumerate(self._sources):
            self.wiring.schedule.arm(source, self.wiring.schedule.now() + self._period(number))

    def _period(self, number: int) -> int:
        return round(self._ticks[number].period * self.wiring.hz)

    def _view(self, gate: Gate, exception: int, value: int, _tried: bool) -> int:
        return gate.applied(value, exception in self._due)

    def _raise(self, number: int) -> None:
        exception = self._ticks[number].exception
        schedule = self.wiring.schedule
        schedule.arm(self._sources[number], schedule.now() + self._period(number))
        if exception in self.wiring.nvic.enabled:
            self._due.add(exception)
            self.raised[exception] = self.raised.get(exception, 0) + 1
            self.wiring.nvic.pend(exception)

    def leaving(self, exception: int) -> None:
        """The handler has seen it."""
        self._due.discard(exception)

    def state(self) -> Any:
        return frozenset(self._due), dict(self.raised)

    def restore(self, state: Any) -> None:
        due, raised = state
        self._due, self.raised = set(due), dict(raised)
