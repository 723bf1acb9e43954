"""General-purpose timers TIM2 to TIM5 (RM0090 ch. 18): up-counting with prescaler, update and four compare events."""

from __future__ import annotations

from typing import Any

from targets.board.peripherals.base import Peripheral, Wired, Wiring

CR1, DIER, SR, EGR, CNT, PSC, ARR, CCR1 = 0x00, 0x0C, 0x10, 0x14, 0x24, 0x28, 0x2C, 0x34
CEN, OPM, UIF, CHANNELS = 1 << 0, 1 << 3, 1 << 0, 4
_STATUS_FLAGS = 0x1F


class Timer(Peripheral):
    """One timer of `bits` width. The counter is computed from virtual time; nothing runs between events."""

    kind = "timer"
    passive = True
    words = 20

    def __init__(self, wiring: Wiring, exception: int, bits: int) -> None:
        self._exception, self._mask = exception, (1 << bits) - 1
        self._source = wiring.schedule.source(self._event)
        super().__init__(wiring)

    def reset(self) -> None:
        super().reset()
        self.registers[ARR >> 2] = self._mask
        self._divisor = 1
        self._origin = 0
        self._checked = 0
        self._known_points: list[tuple[int, int]] = []

    @property
    def _running(self) -> bool:
        return bool(self.registers[0] & CEN)

    @property
    def _period(self) -> int:
        return (self.registers[ARR >> 2] & self._mask) + 1

    def _ticks(self) -> int:
        """Timer ticks since the counter was last 0 through a write or an update."""
        return (self.wiring.schedule.now() - self._origin) // self._divisor

    def _count(self) -> int:
        return self._ticks() % self._period if self._running else self.registers[CNT >> 2]

    def _start_from(self, count: int) -> None:
        self.registers[CNT >> 2] = count
        self._origin = self.wiring.schedule.now() - count * self._divisor
        self._checked = count

    def _points(self) -> list[tuple[int, int]]:
        """(flag, counter value) of every event that can happen: update and the compare channels."""
        if not self._known_points:
            compares = [self.registers[(CCR1 >> 2) + channel] & self._mask for channel in range(CHANNELS)]
            pairs = [(2 << channel, value) for channel, value in enumerate(compares) if value < self._period]
            self._known_points = [(UIF, 0), *pairs]
        return self._known_points

    def _collect(self) -> None:
        """Set the flags of all events since the last look."""
        if not self._running:
            return
        ticks, period, checked = self._ticks(), self._period, self._checked
        if ticks == checked:
            return
        flags = 0
        for flag, value in self._points():
            if (ticks - value) // period > (checked - value) // period:
                flags |= flag
        self.registers[SR >> 2] |= flags
        self._checked = ticks

    def _update(self) -> None:
        enabled = self.registers[DIER >> 2] & _STATUS_FLAGS
        self.wiring.nvic.line(self._exception, bool(self.registers[SR >> 2] & enabled))
        self._plan(enabled)

    def _plan(self, enabled: int) -> None:
        waiting = enabled & ~self.registers[SR >> 2]
        if not self._running or not waiting:
            self.wiring.schedule.disarm(self._source)
            return
        ticks, period = self._checked, self._period
        distances = [(value - ticks - 1) % period + 1 for flag, value in self._points() if flag & waiting]
        if distances:
            due = self._origin + (ticks + min(distances)) * self._divisor
            self.wiring.schedule.arm(self._source, due)

    def _event(self) -> None:
        self.wiring.touched.add(self)
        self._collect()
        if self.registers[0] & OPM and self.registers[SR >> 2] & UIF:
            self.registers[0] &= ~CEN
        self._update()

    def read(self, offset: int) -> int:
        if offset == CNT:
            return self._count()
        if offset == SR:
            self._collect()
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        self._collect()
        if offset == SR:
            self.registers[SR >> 2] &= value
        elif offset == EGR:
            self._generate(value)
        elif offset == CNT:
            self._start_from(value & self._mask)
        elif offset == CR1:
            self._control(value)
        else:
            count = self._count()
            super().write(offset, value)
            self._known_points = []
            if offset == ARR:
                self._start_from(count)
        self._update()

    def _control(self, value: int) -> None:
        count = self._count()
        self.registers[0] = value
        self._start_from(count)

    def _generate(self, value: int) -> None:
        """EGR: software update loads the prescaler and restarts; compare bits set their flags."""
        self.registers[SR >> 2] |= value & (_STATUS_FLAGS & ~UIF)
        if value & UIF:
            self._divisor = (self.registers[PSC >> 2] & 0xFFFF) + 1
            self._start_from(0)
            self.registers[SR >> 2] |= UIF

    def wired(self) -> Wired:
        return Wired((self._exception,), (self._source,), self._mask)

    def state(self) -> Any:
        return self.registers[:], self._divisor, self._origin, self._checked

    def restore(self, state: Any) -> None:
        self.registers[:], self._divisor, self._origin, self._checked = state
        self._known_points = []
