"""Registers without a model: they keep what is written, and a loop that polls one is given values until it goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from targets.board.auto.polling import COUNTING, Polling, Site
from targets.board.peripherals.base import Peripheral, Wiring

_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Access:
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
    def guesses(self) -> dict[Site, int]:
        """The values that were found by trying since the board was described."""

    @property
    @abstractmethod
    def last_dry(self) -> int | None:
        """The register that was polled last though nothing helped."""


class Unknown(Registers):
    """`values` is what was written, `polling` what loops that poll wanted to see.

    While `resolving` is off no value is tried. `forced` registers read as an experiment wants: as these values one
    after the other, and as the last one from then on.
    """

    def __init__(self, wiring: Wiring) -> None:
        self.polling = Polling()
        self.forced: dict[int, list[int]] = {}
        self.resolving = True
        self.log: list[Access] | None = None
        super().__init__(wiring)

    def reset(self) -> None:
        self.values: dict[int, int] = {}
        self.polling.reset()

    def forget(self) -> None:
        self.polling.forget()

    def knows(self, values: Mapping[Site, int], waits: frozenset[Site]) -> None:
        self.polling.known, self.polling.waits = values, waits

    def guesses(self) -> dict[Site, int]:
        return self.polling.guesses()

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
        if address in self.forced:
            values = self.forced[address]
            value = values.pop(0) if len(values) > 1 else values[0]
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
            value = view(value, site in self.polling.learned)
        return value

    def _note(self, write: bool, pc: int, address: int, size: int, value: int) -> None:
        active = self.wiring.nvic.active
        assert self.log is not None
        self.log.append(Access(write, pc, address, size, value, active[-1] if active else 0))

    def _wanted(self, site: Site, size: int) -> int:
        register = site[1]
        value = self.polling.value(
            site, self.held(register), size, written=register in self.values, resolving=self.resolving
        )
        return self.wiring.schedule.now() & _WORD if value == COUNTING else value

    def write_at(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""
        if self.log is not None:
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
