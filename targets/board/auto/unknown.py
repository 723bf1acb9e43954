"""Registers without a model: they keep what is written, and a loop that polls one is given values until it goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from targets.board.auto.polling import COUNTING, Polling, Site
from targets.board.peripherals.base import Peripheral, Wiring

_WORD = 0xFFFFFFFF


class Access(NamedTuple):
    """One access of the firmware to a register; `handler` is the exception that was active, or 0."""

    write: bool
    pc: int
    address: int
    size: int
    value: int
    handler: int


class Registers(Peripheral, ABC):
    """All addresses without a model, as ports and ticks are connected to them.

    `readers` and `writers` are registers that a port serves; `views` set bits of others, and are told whether the value
    is one that was found by trying; `watchers` see each write: address, what was held, what is.
    """

    words = 0

    def __init__(self, wiring: Wiring) -> None:
        self.readers: dict[int, Callable[[], int]] = {}
        self.writers: dict[int, Callable[[int], object]] = {}
        self.views: dict[int, list[Callable[[int, bool], int]]] = {}
        self.watchers: list[Callable[[int, int, int], None]] = []
        self._known: Mapping[Site, int] = {}
        super().__init__(wiring)

    @abstractmethod
    def held(self, address: int) -> int:
        """What was written last, by whole words or narrower."""

    @abstractmethod
    def forget(self) -> None:
        """Something came in between: what is read next is no loop that goes on."""

    @abstractmethod
    def knows(self, values: Mapping[Site, int], waits: frozenset[Site]) -> None:
        """What loops went on with when the board was described, and where they wait for input."""

    @abstractmethod
    def learned(self) -> dict[Site, int]:
        """What loops went on with."""

    def guesses(self) -> dict[Site, int]:
        """The values that were found by trying since the board was described."""
        return {site: value for site, value in self.learned().items() if self._known.get(site) != value}

    @abstractmethod
    def dry_sites(self) -> frozenset[Site]:
        """Where a loop polled in vain."""

    @abstractmethod
    def written(self) -> dict[int, int]:
        """What registers hold that were written."""

    def watch(self, watcher: Callable[[int, int, int], None]) -> None:
        """Tell of each write, too."""
        self.watchers.append(watcher)

    @abstractmethod
    def force(self, values: Mapping[int, Sequence[int]], *, resolving: bool) -> None:
        """Registers read as these, one after the other, and as the last one from then on; others as they do.

        While nothing is `resolving` no value is tried for a loop that polls.
        """

    @abstractmethod
    def log(self, most: int) -> None:
        """Keep so many accesses from now on; 0: none."""

    @abstractmethod
    def logged(self) -> list[Access]:
        """Those that were kept, in order."""

    @property
    @abstractmethod
    def last_dry(self) -> int | None:
        """The register that was polled last though nothing helped."""


class Unknown(Registers):
    """`values` is what was written, `polling` what loops that poll wanted to see."""

    def __init__(self, wiring: Wiring) -> None:
        self.polling = Polling()
        self._forced: dict[int, list[int]] = {}
        self._resolving, self._most = True, 0
        self._log: list[Access] = []
        super().__init__(wiring)

    def reset(self) -> None:
        self.values: dict[int, int] = {}
        self.polling.reset()

    def forget(self) -> None:
        self.polling.forget()

    def knows(self, values: Mapping[Site, int], waits: frozenset[Site]) -> None:
        self._known = self.polling.known = values
        self.polling.waits = waits

    def learned(self) -> dict[Site, int]:
        return dict(self.polling.learned)

    def dry_sites(self) -> frozenset[Site]:
        return frozenset(self.polling.dry_sites)

    def written(self) -> dict[int, int]:
        return dict(self.values)

    def force(self, values: Mapping[int, Sequence[int]], *, resolving: bool) -> None:
        self._forced, self._resolving = {address: list(several) for address, several in values.items()}, resolving

    def log(self, most: int) -> None:
        self._log, self._most = [], most

    def logged(self) -> list[Access]:
        return self._log

    @property
    def last_dry(self) -> int | None:
        return self.polling.last_dry

    def held(self, address: int) -> int:
        if address in self.values:
            return self.values[address]
        return self.values.get(address & ~3, 0) >> 8 * (address & 3)

    def read_at(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 bytes."""
        pc = self.wiring.cpu.pc
        if address in self._forced:
            values = self._forced[address]
            value = values.pop(0) if len(values) > 1 else values[0]
        elif reader := self.readers.get(address):
            value = reader()
        else:
            value = self._shown((pc, address), self._wanted((pc, address), size))
        value &= (1 << 8 * size) - 1
        if self._most:
            self._note(False, pc, address, size, value)
        return value

    def _shown(self, site: Site, value: int) -> int:
        """The value with the bits that a port sets."""
        for view in self.views.get(site[1], ()):
            value = view(value, site in self.polling.learned)
        return value

    def _note(self, write: bool, pc: int, address: int, size: int, value: int) -> None:
        active = self.wiring.nvic.active
        if len(self._log) < self._most:
            self._log.append(Access(write, pc, address, size, value, active[-1] if active else 0))

    def _wanted(self, site: Site, size: int) -> int:
        register = site[1]
        value = self.polling.value(
            site, self.held(register), size, written=register in self.values, resolving=self._resolving
        )
        return self.wiring.schedule.now() & _WORD if value == COUNTING else value

    def write_at(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""
        if self._most:
            self._note(True, self.wiring.cpu.pc, address, size, value)
        old = self.held(address)
        self.values[address] = value
        if size == 4:
            for narrow in (address + 1, address + 2, address + 3):
                self.values.pop(narrow, None)
        self.polling.wrote(address >> 8)
        if self.polling.trying:
            self.polling.got_on(self.wiring.cpu.pc)
        if writer := self.writers.get(address):
            writer(value & 0xFF)
        for watch in self.watchers:
            watch(address, old, value)

    def state(self) -> Any:
        return dict(self.values), self.polling.state()

    def restore(self, state: Any) -> None:
        values, polling = state
        self.values = dict(values)
        self.polling.restore(polling)
