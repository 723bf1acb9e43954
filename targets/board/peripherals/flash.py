"""Flash controller (RM0090 ch. 3): unlock, word programming that only clears bits, sector erase."""

from __future__ import annotations

import itertools
from typing import Any

from targets.board.memory import STM32F405
from targets.board.peripherals.base import Peripheral, Wiring

KEYR, SR, CR = 0x04, 0x0C, 0x10
KEYS = (0x45670123, 0xCDEF89AB)
PG, SER, MER, STRT, LOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 31
WRPERR, PGSERR = 1 << 4, 1 << 7
_KIB = 1024
SECTORS = (*[16 * _KIB] * 4, 64 * _KIB, *[128 * _KIB] * 7)


class FlashController(Peripheral):
    """Sectors without code answer through `load` and `store`: a store needs PG and can only clear bits.

    Sectors that hold the loaded image are plain read-only memory, so a store into code is a fault. `changed` holds
    the sectors that differ from the loaded image, `version` a number that no other content has.
    """

    words = 8

    def __init__(self, wiring: Wiring) -> None:
        self.changed: set[int] = set()
        self.version = 0
        self._versions = itertools.count(1)
        super().__init__(wiring)

    def reset(self) -> None:
        super().reset()
        self.registers[CR >> 2] = LOCK
        self._keys = 0

    def write(self, offset: int, value: int) -> None:
        if offset == KEYR:
            self._key(value)
        elif offset == CR:
            self._control(value)
        elif offset == SR:
            self.registers[SR >> 2] &= ~value
        else:
            super().write(offset, value)

    def _key(self, value: int) -> None:
        self._keys = self._keys + 1 if value == KEYS[self._keys % 2] else 0
        if self._keys == len(KEYS):
            self.registers[CR >> 2] &= ~LOCK
            self._keys = 0

    def _control(self, value: int) -> None:
        if self.registers[CR >> 2] & LOCK:
            self.registers[SR >> 2] |= WRPERR
            return
        self.registers[CR >> 2] = value & ~STRT
        if value & STRT and value & SER:
            self._erase(value >> 3 & 15)

    def _erase(self, sector: int) -> None:
        if sector < len(SECTORS):
            start, size = sector_range(sector)
            self.wiring.cpu.flash[start : start + size] = b"\xff" * size
            self._mark(sector)

    def _mark(self, sector: int) -> None:
        self.changed.add(sector)
        self.version = next(self._versions)

    def load(self, address: int, size: int) -> int:
        """Read from a sector without code."""
        offset = address - STM32F405.rom
        return int.from_bytes(self.wiring.cpu.flash[offset : offset + size], "little")

    def store(self, address: int, size: int, value: int) -> None:
        """Program: bits can only be cleared; without PG the store is dropped and PGSERR set."""
        if not self.registers[CR >> 2] & PG:
            self.registers[SR >> 2] |= PGSERR
            return
        offset = address - STM32F405.rom
        merged = self.load(address, size) & value
        self.wiring.cpu.flash[offset : offset + size] = merged.to_bytes(size, "little")
        self._mark(sector_of(offset))

    def span(self, sector: int) -> slice:
        """Where a sector lies in `cpu.flash`."""
        start, size = sector_range(sector)
        return slice(start, start + size)

    def code_size(self, used: int) -> int:
        """How much of flash is plain memory: the sectors that hold the image's `used` bytes."""
        return self.span(sector_of(used - 1)).stop

    def state(self) -> Any:
        return self.registers[:], self._keys

    def restore(self, state: Any) -> None:
        self.registers[:], self._keys = state


def sector_of(offset: int) -> int:
    """The sector that holds a byte of flash."""
    return next(sector for sector in reversed(range(len(SECTORS))) if sector_range(sector)[0] <= offset)


def sector_range(sector: int) -> tuple[int, int]:
    """(offset in flash, size) of a sector."""
    return sum(SECTORS[:sector]), SECTORS[sector]
