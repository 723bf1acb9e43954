"""Flash controller (RM0090 ch. 3): unlock, word programming that only clears bits, sector erase."""

from __future__ import annotations

import itertools
from typing import Any

from targets.board.peripherals.base import Peripheral, Wiring

KEYR, SR, CR = 0x04, 0x0C, 0x10
KEYS = (0x45670123, 0xCDEF89AB)
PG, SER, MER, STRT, LOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 31
WRPERR = 1 << 4
_KIB = 1024
SECTORS = (*[16 * _KIB] * 4, 64 * _KIB, *[128 * _KIB] * 7)


class FlashController(Peripheral):
    """Programming is a window: PG set makes flash writable, PG cleared merges what was written as AND.

    The window opens and closes between instructions (`pending_window`), because the machine must not change
    protections while code runs. `changed` holds the sectors that differ from the loaded image.
    """

    words = 8

    def __init__(self, wiring: Wiring) -> None:
        self.changed: set[int] = set()
        self.version = 0
        self._versions = itertools.count(1)
        self.pending_window: bool | None = None
        self._before: bytes | None = None
        super().__init__(wiring)

    def reset(self) -> None:
        if getattr(self, "_before", None) is not None:
            self.pending_window = False
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
        before = self.registers[CR >> 2]
        if before & LOCK:
            self.registers[SR >> 2] |= WRPERR
            return
        self.registers[CR >> 2] = value & ~STRT
        if value & STRT and value & SER:
            self._erase(value >> 3 & 15)
        if (value ^ before) & PG:
            self.pending_window = bool(value & PG)
            self.wiring.cpu.stop_after_instruction()

    def _erase(self, sector: int) -> None:
        if sector < len(SECTORS):
            start, size = sector_range(sector)
            self.wiring.cpu.flash[start : start + size] = b"\xff" * size
            self._mark(sector)

    def _mark(self, sector: int) -> None:
        self.changed.add(sector)
        self.version = next(self._versions)

    def apply_window(self) -> None:
        """Open or close the programming window; called between slices."""
        writable, self.pending_window = self.pending_window, None
        if writable is None or writable == (self._before is not None):
            return
        self.wiring.cpu.protect_flash(writable)
        if writable:
            self._before = bytes(self.wiring.cpu.flash)
        elif self._before is not None:
            self._merge(self._before)
            self._before = None

    def _merge(self, before: bytes) -> None:
        flash = self.wiring.cpu.flash
        for sector in range(len(SECTORS)):
            start, size = sector_range(sector)
            old, written = before[start : start + size], bytes(flash[start : start + size])
            if old != written:
                merged = int.from_bytes(old, "little") & int.from_bytes(written, "little")
                flash[start : start + size] = merged.to_bytes(size, "little")
                self._mark(sector)

    def state(self) -> Any:
        return self.registers[:], self._keys, self.pending_window, self._before

    def restore(self, state: Any) -> None:
        self.registers[:], self._keys, self.pending_window, before = state
        if (before is None) != (self._before is None):
            self.wiring.cpu.protect_flash(before is not None)
        self._before = before


def sector_range(sector: int) -> tuple[int, int]:
    """(offset in flash, size) of a sector."""
    return sum(SECTORS[:sector]), SECTORS[sector]
