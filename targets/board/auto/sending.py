"""Finds how a handler gives bytes out: with which bits set it writes another byte each time it is called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from targets.board.auto.description import Gate
from targets.board.auto.experiment import Bench, Forced
from targets.board.auto.streams import Search

_MOST_BRANCHES, _ROUNDS, _DIFFERENT = 60, 5, 3


@dataclass(frozen=True, slots=True)
class Sending:
    """The register that takes bytes, and the bits with which the handler writes it."""

    address: int
    gates: tuple[Gate, ...]


def sending_of(bench: Bench, exception: int) -> Sending | None:
    """None where the handler has nothing to send at this moment, or never sends."""
    for forced, trace in islice(Search(bench).branches(), _MOST_BRANCHES):
        if any(access.write and access.handler == exception for access in trace.accesses):
            address = _register(bench, exception, forced)
            if address is not None:
                return Sending(address, _gates(bench, forced, address))
    return None


def _register(bench: Bench, exception: int, forced: Forced) -> int | None:
    """The register that the handler writes different bytes to as it is called again and again."""
    given: dict[int, list[int]] = {}
    for log in bench.repeated(forced, exception, _ROUNDS):
        for access in log:
            if access.write and access.handler == exception and access.value <= 0xFF:
                given.setdefault(access.address, []).append(access.value)
    return next((address for address, values in given.items() if len(set(values)) >= _DIFFERENT), None)


def _gates(bench: Bench, forced: Forced, address: int) -> tuple[Gate, ...]:
    found: list[Gate] = []
    trace = bench.run(forced)
    for register, access in trace.reads().items():
        for bit in range(8 * access.size) if register in forced else ():
            other = bench.run({**forced, register: access.value ^ 1 << bit})
            if not any(a.write and a.address == address for a in other.accesses):
                found.append(Gate(register, bit, access.value >> bit & 1))
    return tuple(found)
