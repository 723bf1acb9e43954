"""Finds memory that bytes are received into: what stands there is looked at once registers say that some came."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from targets.board.auto.description import Gate, Transfer
from targets.board.auto.experiment import HANDLER_WINDOW, Bench, Budget, Forced, Trace
from targets.board.auto.machine import AutoMachine
from targets.board.auto.streams import Search

_NEAR, _LARGEST, _MOST_BRANCHES = 0x20, 4096, 120
_VALUES = (0x41, 0x5A)


@dataclass(frozen=True, slots=True)
class Received:
    """A transfer, the interrupt behind which it is looked at (0: it is polled), and the bits that tell of it."""

    transfer: Transfer
    exception: int
    gates: tuple[Gate, ...]
    buffer: int
    size: int


def pairs_of(machine: AutoMachine) -> Iterator[tuple[int, int]]:
    """Registers that hold an address in RAM, each with those near it that hold a small number."""
    values = machine.chip.unknown.written()
    for pointer, place in values.items():
        if machine.cpu.memory.in_ram(place):
            near = [count for count in values if count != pointer and abs(count - pointer) <= _NEAR]
            ahead = sorted(near, key=lambda count: (abs(count - pointer), count < pointer))
            yield from ((pointer, count) for count in ahead if 0 < values[count] <= _LARGEST)


def received_by(machine: AutoMachine, exceptions: Collection[int], budget: Budget) -> list[Received]:
    """Transfers whose buffer the firmware reads, by polling or behind one of the interrupts."""
    found: dict[int, Received] = {}
    for pointer, count in list(pairs_of(machine)):
        for exception in (0, *exceptions):
            if pointer not in found and (received := _received(machine, pointer, count, exception, budget)):
                found[pointer] = received
    return list(found.values())


def _received(machine: AutoMachine, pointer: int, count: int, exception: int, budget: Budget) -> Received | None:
    buffer, size = machine.chip.unknown.held(pointer), machine.chip.unknown.held(count)
    poked = [{buffer: bytes((value,))} for value in _VALUES]
    benches = [Bench(machine, exception, HANDLER_WINDOW, each, budget) for each in poked]
    try:
        for left in (True, False):
            if left and size < 2:
                continue
            start: Forced = {count: size - 1} if left else {}
            for forced, trace in islice(Search(benches[0]).branches(start), _MOST_BRANCHES):
                if _looks(benches, forced, buffer, size):
                    gates = tuple(_gates(benches, forced, trace, buffer, size, count))
                    return Received(Transfer(pointer, count, count if left else None), exception, gates, buffer, size)
    finally:
        benches[0].leave()
    return None


def _looks(benches: list[Bench], forced: Forced, buffer: int, size: int) -> bool:
    """True when the byte that stands in the buffer ends up elsewhere, too."""
    one, other = (bench.run(forced) for bench in benches)
    if one.trouble or other.trouble:
        return False
    landed = benches[0].lands(one, other, _VALUES)
    return any(not buffer <= address < buffer + size for address in landed)


def _gates(benches: list[Bench], forced: Forced, trace: Trace, buffer: int, size: int, count: int) -> Iterator[Gate]:
    for register, access in trace.reads().items():
        if register not in forced or register == count:
            continue
        for bit in range(8 * access.size):
            if not _looks(benches, {**forced, register: access.value ^ 1 << bit}, buffer, size):
                yield Gate(register, bit, access.value >> bit & 1)
