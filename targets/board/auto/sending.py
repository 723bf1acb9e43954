"""Finds how a handler gives bytes out: with which bits set it writes another byte each time it is called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from targets.board.auto.description import Gate
from targets.board.auto.experiment import Bench, Forced
from targets.board.auto.streams import Search
from targets.board.auto.unknown import Access

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
            address = spoken_register(bench.series([forced] * _ROUNDS, exception), exception)
            if address is not None:
                return Sending(address, _gates(bench, forced, address))
    return None


def spoken_register(logs: Iterable[tuple[Access, ...]], exception: int) -> int | None:
    """The register that the handler writes another byte to first each time it is called.

    Different ones in one call may be flags that it clears, one by one, and what it looks at is a setting.
    """
    given: dict[int, set[int]] = {}
    looked: set[int] = set()
    for log in logs:
        looked |= {access.address for access in log if not access.write}
        written = (a for a in reversed(log) if a.write and a.handler == exception and a.value <= 0xFF)
        for address, first in {access.address: access.value for access in written}.items():
            given.setdefault(address, set()).add(first)
    spoken = (address for address, values in given.items() if len(values) >= _DIFFERENT and address not in looked)
    return next(spoken, None)


def _gates(bench: Bench, forced: Forced, address: int) -> tuple[Gate, ...]:
    found: list[Gate] = []
    trace = bench.run(forced)
    for register, access in trace.reads().items():
        for bit in range(8 * access.size) if register in forced else ():
            other = bench.run({**forced, register: access.value ^ 1 << bit})
            if not any(a.write and a.address == address for a in other.accesses):
                found.append(Gate(register, bit, access.value >> bit & 1))
    return tuple(found)
