"""Finds registers that give bytes: what is read from them ends up in memory, and bits elsewhere say when to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from targets.board.auto.description import Gate
from targets.board.auto.experiment import IN_HANDLER, Bench, Forced, Trace
from targets.board.auto.unknown import Access

_DEEPEST, _MOST_RUNS, _MORE_RUNS = 3, 1000, 150
_MARKS, _WIDER = (0x41, 0x5A, 0x50, 0x62), 0x200  # several: what gives bytes may give lengths and flags, too
_LONGEST_LEAD, _USUAL_RUNS, _MOST_LEADS, _MOST_THOROUGH = 3, 2, 400, 6000
_BURST, _MOST_ODD_OUT = 4, 240


@dataclass(frozen=True, slots=True)
class Stream:
    """A register that gives bytes, the values of others with which it is read, and the bits that matter.

    The firmware stores bytes only behind `lead`, which it compares the first ones with. In a `burst` it takes as many
    as it likes without looking at anything else, as from a FIFO.
    """

    address: int
    forced: Forced
    gates: tuple[Gate, ...]
    status: tuple[tuple[int, int], ...]
    trace: Trace
    lead: tuple[int, ...] = ()
    burst: bool = False


def flips(access: Access, held: int) -> Iterator[int]:
    """Values for what may be a status: one bit otherwise than it was read, than it was written, all, none."""
    full = (1 << 8 * access.size) - 1
    for value in (access.value, held, 0):
        yield from (value & full ^ 1 << bit for bit in range(8 * access.size))
    yield from (full, 0)


def _marks(access: Access) -> tuple[int, ...]:
    return _MARKS if access.size == 1 else tuple(mark | _WIDER for mark in _MARKS)


class Search:
    """Tries values of the registers that are read, one more at a time, as long as the firmware does something else.

    A `thorough` one tries each byte where it seeks what has to come first: code may compare without a comparison.
    """

    def __init__(self, bench: Bench, *, thorough: bool = False) -> None:
        self._bench, self._thorough = bench, thorough
        self._judged: dict[int, tuple[int, ...] | None] = {}
        self._leads = 0
        self.traces: list[tuple[Forced, Trace]] = []

    def streams(self) -> list[Stream]:
        """All registers that give bytes, as far as they are found."""
        found: dict[int, Stream] = {}
        most = _MOST_RUNS
        for forced, trace in self.branches():
            if self._bench.runs - self._leads > most or self._bench.budget.left <= 0:
                break
            for address, access in trace.reads().items():
                if address not in found and address not in forced and self._gives_bytes(access, forced):
                    found[address] = self._stream(address, forced)
                    most = self._bench.runs - self._leads + _MORE_RUNS
        return list(found.values())

    def branches(self, start: Forced | None = None) -> Iterator[tuple[Forced, Trace]]:
        """Ways through the code, those with the fewest registers forced besides `start` first."""
        first: Forced = start or {}
        queue: list[tuple[Forced, Trace]] = [(first, self._bench.run(first))]
        seen = {queue[0][1].signature}
        while queue and self._bench.runs - self._leads < _MOST_RUNS and self._bench.budget.left > 0:
            forced, trace = queue.pop(0)
            self.traces.append((forced, trace))
            yield forced, trace
            if len(forced) < _DEEPEST and not trace.trouble:
                queue += self._further(forced, trace, seen)

    def _further(self, forced: Forced, trace: Trace, seen: set[tuple[object, ...]]) -> Iterator[tuple[Forced, Trace]]:
        for address, access in trace.reads().items():
            if address in forced or self._judged.get(address) is not None or self._bench.budget.left <= 0:
                continue
            for value in dict.fromkeys(flips(access, self._bench.written.get(address, 0))):
                tried = {**forced, address: value}
                other = self._bench.run(tried)
                if other.signature not in seen:
                    seen.add(other.signature)
                    yield tried, other

    def _gives_bytes(self, access: Access, forced: Forced) -> bool:
        """True when two values of the register end up as bytes in memory, perhaps behind some that are compared."""
        before = self._bench.runs
        self._judged[access.address] = next(self._tried(access, forced), None)
        self._leads += max(0, self._bench.runs - before - _USUAL_RUNS)
        return self._judged[access.address] is not None

    def _tried(self, access: Access, forced: Forced) -> Iterator[tuple[int, ...]]:
        """What has to come first for the register's values to end up as bytes; nothing where they never do."""
        leads = list[tuple[int, ...]]([()])
        for lead in leads:
            if any(self._lands(access, forced, lead, marks) for marks in combinations(_marks(access), 2)):
                yield lead
            if (
                self._bench.budget.left > 0
                and len(lead) < _LONGEST_LEAD
                and self._leads < (_MOST_THOROUGH if self._thorough else _MOST_LEADS)
            ):
                leads += [(*lead, first) for first in self._wanted(access, forced, lead)]

    def _lands(self, access: Access, forced: Forced, lead: tuple[int, ...], values: tuple[int, int]) -> bool:
        """True when the values stand as bytes at the same live address, and no wider than that."""
        one, other = (self._bench.run({**forced, access.address: (*lead, value)}) for value in values)
        if {one.trouble, other.trouble} - {"", IN_HANDLER}:
            return False
        base = self._bench.machine.cpu.memory.ram
        landed = self._bench.lands(one, other, values)
        return any(not (access.size > 1 and one.ram[at - base + 1 : at - base + 2] == b"\x02") for at in landed)

    def _wanted(self, access: Access, forced: Forced, lead: tuple[int, ...]) -> list[int]:
        """The bytes that the firmware compares the register's value with, whatever that is."""
        if self._thorough:
            return self._odd_ones(access.address, forced, lead)
        found: list[set[tuple[int, int]]] = []
        for value in _marks(access)[:2]:
            sides = (value, value & 0xFF)
            seen = self._bench.compared({**forced, access.address: (*lead, value)})
            found.append({(one.place, one.right) for one in seen if one.left in sides})
            found[-1] |= {(one.place, one.left) for one in seen if one.right in sides}
        return sorted({byte for _place, byte in found[0] & found[1] if 0 < byte <= 0xFF})

    def _odd_ones(self, address: int, forced: Forced, lead: tuple[int, ...]) -> list[int]:
        """The bytes with which the firmware does something else than with most."""
        by_byte = {byte: self._bench.signature({**forced, address: (*lead, byte)}) for byte in range(256)}
        usual, often = Counter(by_byte.values()).most_common(1)[0]
        odd = [byte for byte, signature in by_byte.items() if signature != usual]
        return odd if often > _MOST_ODD_OUT else []

    def _stream(self, address: int, forced: Forced) -> Stream:
        trace = self._bench.run(forced)
        gates = self._gates(address, forced, trace)
        status = tuple(self._status(address, forced, trace, gates))
        lead = self._judged[address] or ()
        return Stream(address, forced, gates, status, trace, lead, self._burst(address, forced, trace, gates))

    def _burst(self, address: int, forced: Forced, trace: Trace, gates: tuple[Gate, ...]) -> bool:
        """True where it is read again and again, and none of its gates in between."""
        looked, row, longest = {gate.address for gate in gates}, 0, 0
        for access in self._bench.run({**forced, address: _MARKS[0]}).accesses:
            row = row + 1 if access.address == address and not access.write else row
            row = 0 if access.address in looked else row
            longest = max(longest, row)
        return longest >= _BURST

    def _gates(self, address: int, forced: Forced, trace: Trace) -> tuple[Gate, ...]:
        """The bits without which the register is not read. What the firmware wrote so itself is a setting, no gate."""
        held, gates, settings = self._bench.written, list[Gate](), list[Gate]()
        for before, access in trace.reads().items():
            if before == address:
                break
            for bit in range(8 * access.size):
                if self._bench.run({**forced, before: access.value ^ 1 << bit}).reads().get(address) is None:
                    ready = access.value >> bit & 1
                    written = before in held and before not in forced and held[before] >> bit & 1 == ready
                    (settings if written else gates).append(Gate(before, bit, ready))
        return tuple(gates or settings)

    def _status(self, address: int, forced: Forced, trace: Trace, gates: tuple[Gate, ...]) -> Iterator[tuple[int, int]]:
        """The other bits of the gates' registers that change nothing where they are set, all together."""
        landed: Mapping[int, Access] = trace.reads()
        for register in dict.fromkeys(gate.address for gate in gates):
            value, size = landed[register].value, landed[register].size
            own = sum(1 << gate.bit for gate in gates if gate.address == register)
            mask = 0
            for bit in range(8 * size):
                tried = {**forced, register: value | mask | 1 << bit}
                if not own >> bit & 1 and self._bench.run(tried).signature == trace.signature:
                    mask |= 1 << bit
            if mask:
                yield register, mask
