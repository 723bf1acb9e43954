"""Flash by its sectors: which of them differ from the loaded image, and of which a translation is stale."""

from __future__ import annotations

import itertools

from targets.board.peripherals.base import Wiring


class Rewritable:
    """Code may run from any sector; what was translated of one is translated anew once the sector is rewritten.

    `changed` holds the sectors that differ from the loaded image, `version` a number that no other content has.
    Subclasses say where a sector lies, and which one holds a byte.
    """

    wiring: Wiring

    def __init__(self) -> None:
        self.changed: set[int] = set()
        self.version = 0
        self._versions = itertools.count(1)
        self._code: set[int] = set()
        self._ran: set[int] = set()
        self._stale: set[int] = set()

    def span(self, sector: int) -> slice:
        """Where a sector lies in `cpu.flash`."""
        raise NotImplementedError

    def sector(self, offset: int) -> int:
        """The sector that holds a byte of `cpu.flash`."""
        raise NotImplementedError

    def offset(self, address: int) -> int:
        """Where an address lies in `cpu.flash`."""
        return address - self.wiring.cpu.memory.rom

    def mark(self, sector: int) -> None:
        """A sector was written."""
        self.changed.add(sector)
        self.version = next(self._versions)
        self._rewritten({sector})

    def _rewritten(self, sectors: set[int]) -> None:
        self._stale |= sectors & self._ran
        if self._stale and self.wiring.schedule.running:
            self.wiring.cpu.stop_after_instruction()

    def hold_code(self, used: int) -> None:
        """The loaded image takes so many bytes: a store there without leave is a fault."""
        self._code = set(range(self.sector(used - 1) + 1))

    def holds_code(self, address: int) -> bool:
        """True for an address in a sector of the loaded image."""
        return self.sector(self.offset(address)) in self._code

    def now_holds(self, changed: set[int], version: int) -> None:
        """The content was replaced by that of a known version; `changed` differ from the loaded image."""
        self._rewritten(self.changed | changed)
        self.changed, self.version = set(changed), version

    @property
    def stale(self) -> bool:
        """True while the emulator may hold a translation of what is no longer there."""
        return bool(self._stale)

    def translated(self, address: int) -> None:
        """Code at this address is about to run for the first time."""
        if self.wiring.cpu.memory.in_rom(address):
            self._ran.add(self.sector(self.offset(address)))

    def before_code(self, address: int) -> None:
        """The emulator goes on there: what it translated of rewritten sectors is forgotten first."""
        for sector in self._stale:
            span = self.span(sector)
            self.wiring.cpu.forget_code(self.wiring.cpu.memory.rom + span.start, span.stop - span.start)
        self._stale.clear()
        self.translated(address)
