"""Finds interrupts that count time: whose handler makes a word in memory go up by the same step each time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice, pairwise

from targets.board.auto.description import Gate, Tick
from targets.board.auto.experiment import Bench, Forced, Trace
from targets.board.auto.machine import AutoMachine
from targets.board.auto.streams import Search
from targets.board.nvic import IRQ0

_MOST_BRANCHES, _ROUNDS, _LARGEST_STEP = 40, 4, 1000


def ticks_of(machine: AutoMachine, exceptions: Collection[int], banks: Collection[tuple[int, int]]) -> tuple[Tick, ...]:
    """Those of the interrupts (enabled, with a handler of their own) that count.

    What a handler counts that looks at a port's registers, in one of the `banks`, are errors.
    """
    found: list[Tick] = []
    for exception in sorted(exceptions):
        bench = Bench(machine, exception)
        tick = _tick(bench, exception, banks)
        bench.leave()
        found += [tick] if tick else []
    return tuple(found)


def _tick(bench: Bench, exception: int, banks: Collection[tuple[int, int]]) -> Tick | None:
    for forced, trace in islice(Search(bench).branches(), _MOST_BRANCHES):
        touched = [access.address for access in trace.accesses]
        if any(low <= address <= high for address in touched for low, high in banks):
            continue
        if not trace.changed or trace.trouble or not bench.is_set_up(touched):
            continue
        if word := _counter(bench, exception, forced, trace):
            gates = tuple(_gates(bench, forced, trace))
            words = [f"IRQ {exception - IRQ0} is enabled, and its own handler counts in the word at {word:#010x}"]
            words += [f"it does so only while bit {g.bit} of {g.address:#010x} is {g.ready}" for g in gates]
            return Tick(exception, gates, evidence=tuple(words))
    return None


def _counter(bench: Bench, exception: int, forced: Forced, trace: Trace) -> int:
    """The address of a word that goes up evenly as the interrupt comes again and again; 0 where there is none."""
    machine = bench.machine
    words = sorted({address & ~3 for address in trace.changed})
    rows = [[machine.cpu.word(word) for word in words] for _ in bench.series([forced] * _ROUNDS, exception)]
    for column, word in enumerate(words):
        steps = {later[column] - earlier[column] for earlier, later in pairwise(rows)}
        if len(steps) == 1 and 0 < steps.pop() <= _LARGEST_STEP:
            return word
    return 0


def _gates(bench: Bench, forced: Forced, trace: Trace) -> Iterator[Gate]:
    """The bits of what was forced without which the handler does something else."""
    for address, access in trace.reads().items():
        for bit in range(8 * access.size) if address in forced else ():
            if bench.run({**forced, address: access.value ^ 1 << bit}).signature != trace.signature:
                yield Gate(address, bit, access.value >> bit & 1)
