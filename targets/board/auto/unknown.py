"""Registers without a model: they keep what is written, and a loop that polls one is given values until it goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from targets.board.peripherals.base import Peripheral, Wiring

Site = tuple[int, int]
"""Where in the code, and which register."""

_PATIENCE, _PATIENCE_WRITTEN, _RECENT = 3, 6, 4
_WORD = 0xFFFFFFFF
COUNTING = -1
"""In the place of a value: the register counts cycles."""


@dataclass(frozen=True, slots=True)
class Access:
    """One access of the firmware to a register; `handler` is the exception that was active, or 0."""

    write: bool
    pc: int
    address: int
    size: int
    value: int
    handler: int


def candidates(held: int, size: int) -> list[int]:
    """What a register may read as, the likeliest first: one bit more, one less, a field copied, all, a counter."""
    bits = range(8 * size)
    tries = [held | 1 << bit for bit in bits] + [held & ~(1 << bit) for bit in bits]
    tries += [held | (held & mask) << shift for mask, shift in ((3, 2), (7, 3), (0xF, 4), (1, 1), (0x10001, 1))]
    tries += [(1 << 8 * size) - 1, 0, ~held & (1 << 8 * size) - 1, *(1 << bit for bit in bits), COUNTING]
    return list(dict.fromkeys(value for value in tries if value != held))


class Unknown(Peripheral):
    """All addresses without a model. `values` is what was written, `learned` what a polling loop wanted to see.

    `readers` and `writers` are registers that a port serves; `views` set bits of others, and are told whether the value
    is one that was found by trying. While `resolving` is off
    no value is tried. `forced` registers read as an experiment wants. `dry` is called when a loop polls on though all
    was tried, or where it is known to wait for input (`waits`).
    """

    words = 0

    def __init__(self, wiring: Wiring) -> None:
        self.learned: dict[Site, int] = {}
        self.known: Mapping[Site, int] = {}
        self.waits: frozenset[Site] = frozenset()
        self.readers: dict[int, Callable[[], int]] = {}
        self.writers: dict[int, Callable[[int], None]] = {}
        self.views: dict[int, list[Callable[[int, bool], int]]] = {}
        self.watchers: list[Callable[[int, int, int], None]] = []
        self.forced: dict[int, int] = {}
        self.resolving = True
        self.log: list[Access] | None = None
        self.dry: Callable[[], None] = lambda: None
        self.dry_sites: set[Site] = set()
        self.last_dry: int | None = None
        super().__init__(wiring)

    def reset(self) -> None:
        self.values: dict[int, int] = {}
        self.learned = dict(self.known)
        self._recent: deque[Site] = deque(maxlen=_RECENT)
        self._streak: dict[Site, int] = {}

    def held(self, address: int) -> int:
        """What was written last, by whole words or narrower."""
        if address in self.values:
            return self.values[address]
        return self.values.get(address & ~3, 0) >> 8 * (address & 3)

    def read_at(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 bytes."""
        pc = self.wiring.cpu.pc
        if address in self.forced:
            value = self.forced[address]
        elif reader := self.readers.get(address):
            value = reader()
        else:
            value = self._shown((pc, address), self._wanted((pc, address), size))
        value &= (1 << 8 * size) - 1
        if self.log is not None:
            self._note(False, pc, address, size, value)
        return value

    def _shown(self, site: Site, value: int) -> int:
        """The value with the bits that a port sets."""
        for view in self.views.get(site[1], ()):
            value = view(value, site in self.learned)
        return value

    def _note(self, write: bool, pc: int, address: int, size: int, value: int) -> None:
        active = self.wiring.nvic.active
        assert self.log is not None
        self.log.append(Access(write, pc, address, size, value, active[-1] if active else 0))

    def _wanted(self, site: Site, size: int) -> int:
        held = self.held(site[1])
        count = self._streak.get(site, 0) + 1 if site in self._recent else 0
        self._streak[site] = count
        self._recent.append(site)
        trial = count - (_PATIENCE_WRITTEN if site[1] in self.values else _PATIENCE)
        if self.resolving and trial >= 0:
            self._try(site, trial, held, size)
        value = self.learned.get(site, held)
        return self.wiring.schedule.now() & _WORD if value == COUNTING else value

    def _try(self, site: Site, trial: int, held: int, size: int) -> None:
        """The next value for a loop that polls; none where it waits for input, or when nothing helped."""
        tries = () if site in self.waits else candidates(held, size)
        if trial < len(tries):
            self.learned[site] = tries[trial]
            return
        if site in self.known:
            self.learned[site] = self.known[site]
        else:
            self.learned.pop(site, None)
        self.dry_sites.add(site)
        self.last_dry = site[1]
        self.dry()

    def write_at(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""
        if self.log is not None:
            self._note(True, self.wiring.cpu.pc, address, size, value)
        old = self.held(address)
        self.values[address] = value
        if size == 4:
            for narrow in (address + 1, address + 2, address + 3):
                self.values.pop(narrow, None)
        bank = address >> 8
        if any(site[1] >> 8 == bank for site in self._recent):
            self._recent = deque((site for site in self._recent if site[1] >> 8 != bank), maxlen=_RECENT)
        if writer := self.writers.get(address):
            writer(value & 0xFF)
        for watch in self.watchers:
            watch(address, old, value)

    def forget(self) -> None:
        """A handler came in between: what is read next is no loop that goes on."""
        self._recent.clear()

    def guesses(self) -> dict[Site, int]:
        """The values that were found by trying since the board was described."""
        return {site: value for site, value in self.learned.items() if self.known.get(site) != value}

    def state(self) -> Any:
        return dict(self.values), dict(self.learned), tuple(self._recent), dict(self._streak)

    def restore(self, state: Any) -> None:
        values, learned, recent, streak = state
        self.values, self.learned, self._streak = dict(values), dict(learned), dict(streak)
        self._recent = deque(recent, maxlen=_RECENT)
