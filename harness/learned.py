"""What is known of a device, as plain values: from its program, and from what it answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Words:
    """What a program compares with: numbers, the most frequent first, and texts."""

    numbers: tuple[int, ...] = ()
    texts: tuple[bytes, ...] = ()


class Compared(NamedTuple):
    """One comparison of a program: where in its code, and both operands, unsigned."""

    place: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class PortContact:
    """One port: what it prints at boot, what it answered to what, and the words that it compares input with."""

    name: str
    console: bytes
    answers: tuple[tuple[bytes, bytes], ...]
    words: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A case that was kept, by its id, when so many of the fuzzer's own were dealt; its worth, and what for."""

    case: str
    dealt: int
    worth: float
    nearer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Aim:
    """A number that a field should have, of the message at a step, and what the program compares it with.

    `late`: it is counted with so much else that it tells little.
    """

    step: int
    field: str
    number: int
    against: int
    late: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of a probe, by its number, when so many of the fuzzer's own cases were dealt.

    `broken`: with other numbers in its fields the program went another way.
    """

    probe: int
    dealt: int
    broken: bool = False
    aims: tuple[Aim, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """What was compared in the runs that a probe had so far, by its number."""

    probe: int
    runs: tuple[tuple[tuple[int, int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Learned:
    """Cases that were kept and what came of probes, in that order: enough to deal the same cases from there.

    `begun` is the probe that is under way.
    """

    kept: tuple[Kept, ...] = ()
    looked: tuple[Looked, ...] = ()
    begun: Begun | None = None
