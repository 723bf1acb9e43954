"""Registers that are not nought while nothing came: with nought, firmware reads bytes for ever that nobody sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from targets.board.auto.experiment import Bench, Trace
from targets.board.auto.machine import AutoMachine
from targets.board.auto.polling import Site
from targets.board.auto.streams import flips

_NEAR, _OFTEN = 0x80, 3


def quiet_values(machine: AutoMachine) -> list[Mapping[Site, int]]:
    """For a register that is read again and again beside another: what it reads as where that one is left alone.

    The value is told for each place in the code that reads it.
    """
    bench = Bench(machine)
    usual, found = bench.run({}), list[Mapping[Site, int]]()
    for register in _polled(usual):
        value = _quiet_value(bench, usual, register)
        if value is not None:
            found.append({(access.pc, register): value for access in usual.accesses if access.address == register})
    bench.leave()
    return found


def _polled(usual: Trace) -> list[int]:
    """Registers that are read again and again, beside another that is, the first one first."""
    counts = Counter(access.address for access in usual.accesses if not access.write)
    often = [register for register, count in counts.items() if count >= _OFTEN]
    return [register for register in often if any(0 < abs(register - other) < _NEAR for other in often)]


def _quiet_value(bench: Bench, usual: Trace, register: int) -> int | None:
    """The first value with which it is read on, and one beside it no more; None where there is none."""
    values = dict.fromkeys(flips(usual.reads()[register], bench.written.get(register, 0)))
    before = _read_at_last(usual)
    for value in values:
        other = bench.run({register: value})
        now = _read_at_last(other)
        if not other.trouble and register in now and any(0 < abs(at - register) < _NEAR for at in before - now):
            return value
    return None


def _read_at_last(trace: Trace) -> frozenset[int]:
    """What is read once it has got round: behind the half of its accesses."""
    return frozenset(a.address for a in trace.accesses[len(trace.accesses) // 2 :] if not a.write)
