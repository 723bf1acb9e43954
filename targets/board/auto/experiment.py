"""Experiments from one moment: what the firmware does when registers read otherwise, or an interrupt comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.learned import Compared
from targets.board.auto.machine import AutoMachine
from targets.board.auto.unknown import Access

Forced = Mapping[int, int | tuple[int, ...]]
"""What registers read as: always the same, or one value after the other, the last one from then on."""

IN_HANDLER = "it does not leave the handler"
_CORE, _DEAD, _PERIPHERAL = 0xE0000000, 2048, 10
_PIECES = (8192, 256, 16)
_MOST_LOGGED, _MOST_EXPERIMENTS = 1 << 20, 1 << 20
WINDOW, HANDLER_WINDOW = 6000, 5000


@dataclass(frozen=True, slots=True)
class Trace:
    """What came of one experiment: accesses in order, RAM behind it, where its stack ends, and how it went."""

    accesses: tuple[Access, ...]
    ram: bytes
    stack: int
    trouble: str
    changed: frozenset[int]

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for experiments in which the firmware did the same."""
        return frozenset((a.write, a.pc, a.address) for a in self.accesses), self.changed, self.trouble

    def reads(self) -> dict[int, Access]:
        """The first read of each register, in order."""
        found: dict[int, Access] = {}
        for access in self.accesses:
            if not access.write:
                found.setdefault(access.address, access)
        return found


@dataclass(slots=True)
class Budget:
    """How many experiments may still be made before it is given up."""

    left: int


class Bench:
    """One machine at one moment, at which `written` is what registers hold.

    `exception` is raised in each experiment, 0: none; `poked` bytes stand in memory. `budget` is what is spent of.
    """

    def __init__(
        self,
        machine: AutoMachine,
        exception: int = 0,
        window: int = 0,
        poked: Mapping[int, bytes] | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.budget = budget or Budget(_MOST_EXPERIMENTS)
        self.machine, self.exception, self._poked = machine, exception, poked or {}
        self._window = window or (HANDLER_WINDOW if exception else WINDOW)
        self._moment = machine.snapshot()
        self.written = machine.chip.unknown.written()
        self._memo: dict[tuple[tuple[int, int | tuple[int, ...]], ...], Trace] = {}
        self.runs = 0

    def is_set_up(self, addresses: Iterable[int]) -> bool:
        """True where the firmware had written something to the peripheral of one of the registers: it was enabled."""
        pages = {address >> _PERIPHERAL for address in addresses}
        return any(value and address >> _PERIPHERAL in pages for address, value in self.written.items())

    def run(self, forced: Forced) -> Trace:
        """What happens with these values; the interrupt comes once for each of the most that one register is given."""
        key = tuple(sorted(forced.items(), key=lambda item: item[0]))
        if key not in self._memo:
            self._memo[key] = self._run(forced)
        return self._memo[key]

    def signature(self, forced: Forced) -> tuple[object, ...]:
        """Of what happens with these values, which are asked for once."""
        return self._run(forced).signature

    def compared(self, forced: Forced) -> tuple[Compared, ...]:
        """What the firmware compares with these values."""
        compares = self.machine.compares
        compares.begin()
        self._run(forced)
        return compares.end()

    def leave(self) -> None:
        """Back to the moment, as it was."""
        self.machine.restore(self._moment)
        self.machine.chip.unknown.force({}, resolving=True)
        self.machine.chip.unknown.log(0)

    def series(self, forced: Iterable[Forced], exception: int) -> Iterator[tuple[Access, ...]]:
        """From the moment on, the interrupt again and again, with these values; what was accessed each time."""
        machine, unknown = self.machine, self.machine.chip.unknown
        machine.restore(self._moment)
        for values in forced:
            unknown.force(_listed(values), resolving=False)
            unknown.log(_MOST_LOGGED)
            self._go_on(exception)
            yield tuple(unknown.logged())

    def _go_on(self, exception: int) -> None:
        machine = self.machine
        machine.sleeping = False
        if exception:
            machine.nvic.pend(exception)
        machine.run(machine.schedule.base + self._window)

    def _run(self, forced: Forced) -> Trace:
        machine, unknown = self.machine, self.machine.chip.unknown
        machine.restore(self._moment)
        machine.events.clear()
        self.runs += 1
        self.budget.left -= 1
        values = _listed(forced)
        unknown.force(values, resolving=False)
        unknown.log(_MOST_LOGGED)
        for address, data in self._poked.items():
            offset = address - machine.cpu.memory.ram
            machine.cpu.ram[offset : offset + len(data)] = data
        before = bytes(machine.cpu.ram)
        for _ in range(max(map(len, values.values()), default=1) if self.exception else 1):
            self._go_on(self.exception)
        return self._trace(before)

    def _trace(self, before: bytes) -> Trace:
        machine = self.machine
        stack = machine.cpu.register("sp")
        log = tuple(a for a in machine.chip.unknown.logged() if a.address < _CORE)
        trouble = machine.events[0].kind if machine.events else IN_HANDLER if machine.nvic.active else ""
        ram = bytes(machine.cpu.ram)
        return Trace(log, ram, stack, trouble, self._changed(before, ram, stack))

    def _changed(self, before: bytes, after: bytes, stack: int) -> frozenset[int]:
        """Addresses whose content is another one, without what lies below the stack."""
        base = self.machine.cpu.memory.ram
        places = (base + i for i in differing(before, after))
        return frozenset(address for address in places if not stack - _DEAD <= address < stack)

    def lands(self, one: Trace, other: Trace, values: tuple[int, int]) -> list[int]:
        """Live addresses that hold the first value's byte in one trace and the second's in the other."""
        base, low, high = self.machine.cpu.memory.ram, min(one.stack, other.stack) - _DEAD, max(one.stack, other.stack)
        first, second = values[0] & 0xFF, values[1] & 0xFF
        found: list[int] = []
        for i in differing(one.ram, other.ram):
            if one.ram[i] == first and other.ram[i] == second and not low <= base + i < high:
                found.append(base + i)
        return found


def differing(one: bytes, other: bytes, pieces: Sequence[int] = _PIECES) -> Iterator[int]:
    """Where two memories of one size differ: in large pieces, and then in smaller ones."""
    size, *smaller = pieces
    for start in range(0, len(one), size):
        mine, others = one[start : start + size], other[start : start + size]
        if mine != others:
            inner = differing(mine, others, smaller) if smaller else (i for i, b in enumerate(mine) if b != others[i])
            yield from (start + i for i in inner)


def _listed(forced: Forced) -> Mapping[int, Sequence[int]]:
    return {address: [value] if isinstance(value, int) else list(value) for address, value in forced.items()}
