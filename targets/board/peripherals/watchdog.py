"""Independent watchdog IWDG (RM0090 ch. 21): once started only a reset stops it."""

from __future__ import annotations

from collections.abc import Callable

from targets.board.peripherals.base import Peripheral, Wired, Wiring

KR, PR, RLR = 0x00, 0x04, 0x08
RELOAD, UNLOCK, START = 0xAAAA, 0x5555, 0xCCCC
LSI_HZ = 32_000


class Watchdog(Peripheral):
    """Resets the machine when it is not reloaded in time."""

    kind = "watchdog"
    words = 4

    def __init__(self, wiring: Wiring, expired: Callable[[], None]) -> None:
        self._source = wiring.schedule.source(expired)
        super().__init__(wiring)

    def reset(self) -> None:
        super().reset()
        self.registers[RLR >> 2] = 0xFFF
        self.started = False
        self._unlocked = False
        self.wiring.schedule.disarm(self._source)

    @property
    def deadline(self) -> int:
        """The cycle of the reset, or far in the future while the watchdog is off."""
        return self.wiring.schedule.due(self._source)

    def write(self, offset: int, value: int) -> None:
        if offset == KR:
            self._key(value & 0xFFFF)
        elif self._unlocked:
            super().write(offset, value & (7 if offset == PR else 0xFFF))

    def _key(self, key: int) -> None:
        self._unlocked = key == UNLOCK
        self.started = self.started or key == START
        if self.started and key in (START, RELOAD):
            ticks = (self.registers[RLR >> 2] + 1) * (4 << min(self.registers[PR >> 2], 6))
            schedule = self.wiring.schedule
            schedule.arm(self._source, schedule.now() + ticks * self.wiring.hz // LSI_HZ)

    def wired(self) -> Wired:
        return Wired((-1,), (self._source,))

    def state(self) -> object:
        return self.registers[:], self.started, self._unlocked

    def restore(self, state: tuple[list[int], bool, bool]) -> None:
        self.registers[:], self.started, self._unlocked = state
