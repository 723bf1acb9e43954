"""What reproducers that were written by hand are made of: a fault, its smallest case, and where it begins or ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.case import Origin, Step, TestCase
from targets.firmware import Firmware


@dataclass(frozen=True, slots=True)
class Boundary:
    """`shows` says of a number in `field` (of a text: of its length) whether the fault shows; `at` is the case with it.

    `edge` is a number that shows it beside one that does not. Of the fields in `more`, by message, that many fewer do:
    because of what stands beside them, or of what a message does with the registers that are overwritten. With the
    numbers in `either` it shows or not, as the code lies in memory. `kind`: only of findings of this one, "" of all.
    """

    field: str
    edge: int
    shows: Callable[[int], bool]
    at: Callable[[int], TestCase]
    more: Mapping[str, int]
    either: frozenset[int] = frozenset()
    kind: str = ""

    @property
    def beside(self) -> list[int]:
        """Numbers around the edge of which it is known whether they show the fault."""
        first, last = min((self.edge, *self.either)), max((self.edge, *self.either))
        return [n for n in range(first - 2, last + 3) if n >= 0 and n not in self.either]


@dataclass(frozen=True, slots=True)
class Smallest:
    """One fault through one interface; `boundary` where it begins or ends at a number."""

    fault: str
    case: TestCase
    boundary: Boundary | None = None


def bounded(
    fault: str,
    name: str,
    edge: int,
    shows: Callable[[int], bool],
    at: Callable[[int], TestCase],
    more: Mapping[str, int] = MappingProxyType({}),
    either: frozenset[int] = frozenset(),
    kind: str = "",
) -> Smallest:
    """The case with the number `edge` in the field `name`."""
    return Smallest(fault, at(edge), Boundary(name, edge, shows, at, more, either, kind))


def at_least(least: int) -> Callable[[int], bool]:
    """It shows from this number on."""
    return lambda number: number >= least


def only(exact: int) -> Callable[[int], bool]:
    """It shows with this number alone."""
    return lambda number: number == exact


def aligned(size: int, to: int) -> int:
    """The next multiple."""
    return -(-size // to) * to


def case(interface: str, state: str, *steps: Step) -> TestCase:
    """One that was written by hand."""
    return TestCase(interface, state, steps, Origin("by hand"))


def constants(firmware: Firmware, salt: str = "") -> dict[str, int]:
    """The firmware's numbers that a salt moves."""
    profile = (firmware.folder / "profile.h").read_text(encoding="utf-8")
    usual = {name: int(value) for name, value in re.findall(r"#define (\w+) (\d+)u?\b", profile)}
    return {name: usual[name] for name in firmware.salted} | firmware.salted_constants(salt)


def in_order(found: Iterable[Smallest]) -> tuple[Smallest, ...]:
    """By fault and interface, of which each keeps its order."""
    return tuple(sorted(found, key=lambda one: (one.fault, one.case.interface)))
