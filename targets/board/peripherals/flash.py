"""Flash controller (RM0090 ch. 3): unlock, word programming that only clears bits, sector erase."""

from __future__ import annotations

import itertools
from typing import Any

from targets.board.cpu import FLASH_BASE, FLASH_SIZE
from targets.board.peripherals.base import Peripheral, Wiring

KEYR, SR, CR = 0x04, 0x0C, 0x10
KEYS = (0x45670123, 0xCDEF89AB)
PG, SER, MER, STRT, LOCK = 1 << 0, 1 << 1, 1 << 2, 1 << 16, 1 << 31
WRPERR, PGSERR = 1 << 4, 1 << 7
_KIB = 1024
_SMALLEST = 16 * _KIB
SECTORS = (*[_SMALLEST] * 4, 64 * _KIB, *[128 * _KIB] * 7)
_SECTOR_OF = tuple(sector for sector, size in enumerate(SECTORS) for _ in range(size // _SMALLEST))


class FlashController(Peripheral):
    """Programs words and erases sectors. `changed` holds the sectors that differ from the loaded image, `version` a
    number that no other content has.

    Code may run from any sector. What the emulator translated of one is translated anew once the sector is rewritten.
    """

    kind = ""
    words = 8

    def __init__(self, wiring: Wiring) -> None:
        self.changed: set[int] = set()
        self.version = 0
        self._versions = itertools.count(1)
        self._code: set[int] = set()
        self._ran: set[int] = set()
        self._stale: set[int] = set()
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
        self._rewritten({sector})

    def _rewritten(self, sectors: set[int]) -> None:
        self._stale |= sectors & self._ran
        if self._stale and self.wiring.schedule.running:
            self.wiring.cpu.stop_after_instruction()

    def hold_code(self, last: int) -> None:
        """The loaded image lies in the sectors up to `last`: a store there without PG is a fault."""
        self._code = set(range(last + 1))

    def now_holds(self, changed: set[int], version: int) -> None:
        """The content was replaced by that of a known version; `changed` differ from the loaded image."""
        self._rewritten(self.changed | changed)
        self.changed, self.version = set(changed), version

    def spans(self) -> list[slice]:
        """Where in flash the sectors lie that differ from the loaded image."""
        return [slice(start, start + size) for start, size in map(sector_range, sorted(self.changed))]

    @property
    def stale(self) -> bool:
        """True while the emulator may hold a translation of what is no longer there."""
        return bool(self._stale)

    def translated(self, address: int) -> None:
        """Code at this address is about to run for the first time."""
        if 0 <= address - FLASH_BASE < FLASH_SIZE:
            self._ran.add(sector_of(address - FLASH_BASE))

    def before_code(self, address: int) -> None:
        """The emulator goes on there: what it translated of rewritten sectors is forgotten first."""
        for sector in self._stale:
            start, size = sector_range(sector)
            self.wiring.cpu.forget_code(FLASH_BASE + start, size)
        self._stale.clear()
        self.translated(address)

    def store(self, address: int, size: int, value: int) -> bool:
        """A store to flash: with PG it clears bits, without it is dropped and PGSERR set; False where it is a fault."""
        offset = address - FLASH_BASE
        if not 0 <= offset < FLASH_SIZE:
            return False
        if not self.registers[CR >> 2] & PG:
            self.registers[SR >> 2] |= PGSERR
            return sector_of(offset) not in self._code
        flash, span = self.wiring.cpu.flash, slice(offset, offset + size)
        merged = int.from_bytes(flash[span], "little") & value
        flash[span] = merged.to_bytes(size, "little")
        self._mark(sector_of(offset))
        return True

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
