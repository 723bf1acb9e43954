"""Flash controller (RM0090 ch. 3): unlock, word programming that only clears bits, sector erase."""

from __future__ import annotations

from typing import Any

from targets.board.peripherals.base import Peripheral, Wiring
from targets.board.peripherals.rewritable import Rewritable

KEYR, SR, CR = 0x04, 0x0C, 0x10
KEYS = (0x45670123, 0xCDEF89AB)
PG, SER, MER, STRT, LOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 31
WRPERR, PGSERR = 1 << 4, 1 << 7
_KIB = 1024
_SMALLEST = 16 * _KIB
SECTORS = (*[_SMALLEST] * 4, 64 * _KIB, *[128 * _KIB] * 7)
_SECTOR_OF = tuple(sector for sector, size in enumerate(SECTORS) for _ in range(size // _SMALLEST))


class FlashController(Rewritable, Peripheral):
    """Programs words and erases sectors."""

    kind = ""
    words = 8

    def __init__(self, wiring: Wiring) -> None:
        Rewritable.__init__(self)
        Peripheral.__init__(self, wiring)

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
            self.mark(sector)

    def store(self, address: int, size: int, value: int) -> bool:
        """A store to flash: with PG it clears bits, without it is dropped and PGSERR set; False where it is a fault."""
        if not self.wiring.cpu.memory.in_rom(address):
            return False
        if not self.registers[CR >> 2] & PG:
            self.registers[SR >> 2] |= PGSERR
            return not self.holds_code(address)
        offset = self.offset(address)
        flash, span = self.wiring.cpu.flash, slice(offset, offset + size)
        merged = int.from_bytes(flash[span], "little") & value
        flash[span] = merged.to_bytes(size, "little")
        self.mark(sector_of(offset))
        return True

    def span(self, sector: int) -> slice:
        """Where a sector lies in `cpu.flash`."""
        start, size = sector_range(sector)
        return slice(start, start + size)

    def sector(self, offset: int) -> int:
        """The sector that holds a byte of flash."""
        return sector_of(offset)

    def state(self) -> Any:
        return self.registers[:], self._keys

    def restore(self, state: Any) -> None:
        self.registers[:], self._keys = state


def sector_of(offset: int) -> int:
    """The sector that holds a byte of flash."""
    return _SECTOR_OF[offset // _SMALLEST]


def sector_range(sector: int) -> tuple[int, int]:
    """(offset in flash, size) of a sector."""
    return sum(SECTORS[:sector]), SECTORS[sector]
