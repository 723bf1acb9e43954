"""What fuzzers know of a device, as plain values: from its program, and from what it answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Words:
    """What a program compares with: numbers, the most frequent first, and texts."""

    numbers: tuple[int, ...] = ()
    texts: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """A case that was kept, by its id, when so many of the fuzzer's own were dealt; its worth, and what for."""

    case: str
    dealt: int
    worth: float
    nearer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """Cases that were kept, in that order, and what has been seen: enough to deal the same cases from there.

    `replies` and `orders` are checksums of their classes; `values` those of a field, None once they are free; `margins`
    the smallest robustness by requirement.
    """

    kept: tuple[Kept, ...] = ()
    replies: tuple[int, ...] = ()
    orders: tuple[int, ...] = ()
    values: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict[str, "tuple[str, ...] | None"])
    margins: Mapping[str, float] = field(default_factory=dict[str, float])
