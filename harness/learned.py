"""What is known of a device, as plain values: from its program, and from what it answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """What a program compares with: numbers, the most frequent first, and texts."""

    numbers: tuple[int, ...] = ()
    texts: tuple[bytes, ...] = ()


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
class Learned:
    """Cases that were kept, in that order: enough to deal the same cases from there."""

    kept: tuple[Kept, ...] = ()
