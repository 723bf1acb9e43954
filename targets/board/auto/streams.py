"""Finds registers that give bytes: what is read from them ends up in memory, and bits elsewhere say when to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from targets.board.auto.description import Gate
from targets.board.auto.experiment import IN_HANDLER, Bench, Forced, Trace
from targets.board.auto.unknown import Access

_DEEPEST, _MOST_RUNS, _MORE_RUNS = 3, 1000, 150
_NARROW, _WIDE = (0x41, 0x5A), (0x241, 0x25A)


@dataclass(frozen=True, slots=True)
class Stream:
    """A register that gives bytes, the values of others with which it is read, and the bits that matter."""

    address: int
    forced: Forced
    gates: tuple[Gate, ...]
    status: tuple[tuple[int, int], ...]
    trace: Trace


def flips(access: Access, held: int) -> Iterator[int]:
    """Values for what may be a status: one bit otherwise than it was read, than it was written, all, none."""
    full = (1 << 8 * access.size) - 1
    for value in (access.value, held, 0):
        yield from (value & full ^ 1 << bit for bit in range(8 * access.size))
    yield from (full, 0)


class Search:
    """Tries values of the registers that are read, one more at a time, as long as the firmware does something else."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._judged: dict[int, bool] = {}
        self.traces: list[tuple[Forced, Trace]] = []

    def streams(self) -> list[Stream]:
        """All registers that give bytes, as far as they are found."""
        found: dict[int, Stream] = {}
        most = _MOST_RUNS
        for forced, trace in self.branches():
            if self._bench.runs > most:
                break
            for address, access in trace.reads().items():
                if address not in found and address not in forced and self._gives_bytes(access, forced):
                    found[address] = self._stream(address, forced)
                    most = self._bench.runs + _MORE_RUNS
        return list(found.values())

    def branches(self, start: Forced | None = None) -> Iterator[tuple[Forced, Trace]]:
        """Ways through the code, those with the fewest registers forced besides `start` first."""
        first: Forced = start or {}
        queue: list[tuple[Forced, Trace]] = [(first, self._bench.run(first))]
        seen = {queue[0][1].signature}
        while queue and self._bench.runs < _MOST_RUNS:
            forced, trace = queue.pop(0)
            self.traces.append((forced, trace))
            yield forced, trace
            if len(forced) < _DEEPEST and not trace.trouble:
                queue += self._further(forced, trace, seen)

    def _further(self, forced: Forced, trace: Trace, seen: set[tuple[object, ...]]) -> Iterator[tuple[Forced, Trace]]:
        for address, access in trace.reads().items():
            if address in forced or self._judged.get(address):
                continue
            for value in dict.fromkeys(flips(access, self._bench.written.get(address, 0))):
                tried = {**forced, address: value}
                other = self._bench.run(tried)
                if other.signature not in seen:
                    seen.add(other.signature)
                    yield tried, other

    def _gives_bytes(self, access: Access, forced: Forced) -> bool:
        """True when two values of the register end up as bytes at the same live address, and no wider than that."""
        values = _NARROW if access.size == 1 else _WIDE
        one, other = (self._bench.run({**forced, access.address: value}) for value in values)
        if {one.trouble, other.trouble} - {"", IN_HANDLER}:
            return False
        base = self._bench.machine.cpu.memory.ram
        landed = self._bench.lands(one, other, values)
        narrow = [at for at in landed if not (access.size > 1 and one.ram[at - base + 1 : at - base + 2] == b"\x02")]
        self._judged[access.address] = bool(narrow)
        return bool(narrow)

    def _stream(self, address: int, forced: Forced) -> Stream:
        trace = self._bench.run(forced)
        gates = self._gates(address, forced, trace)
        return Stream(address, forced, gates, tuple(self._status(address, forced, trace, gates)), trace)

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
