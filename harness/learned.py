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

    `late`: it is counted with so much else that it tells little. `longer`: so many bytes come behind it besides, as it
    would be where the number is a length.
    """

    step: int
    field: str
    number: int
    against: int
    late: bool = False
    longer: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """A number in a field of a message, `lacks` less than that field is long; it was `seen` in one of so many bytes."""

    message: str
    field: str
    start: int
    stop: int
    order: str
    lacks: int
    seen: int


@dataclass(frozen=True, slots=True)
class Repair:
    """A checksum in a field of a message, by its algorithm: of the bytes from `start` to `gap` before where it stands.

    `tail` bytes were behind it. `anchors` are bytes that may be the length that leads there: where each stands, and
    what has to be added to it. `order` is that of the checksum's bytes. `ending` is what stood behind it, in
    hexadecimal digits: a delimiter, as far as is known.
    """

    message: str
    field: str
    algorithm: str
    start: int
    order: str
    tail: int
    gap: int = 0
    anchors: tuple[tuple[int, int], ...] = ()
    ending: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of a probe, by its number, when so many of the fuzzer's own cases were dealt.

    `broken`: with other numbers in its fields the program went another way. `repairs` are checksums that it showed,
    `counts` numbers that may be lengths. `held` tells which variants of a message led where it led, and `places` are
    those in the code that were seen first then.
    """

    probe: int
    dealt: int
    broken: bool = False
    aims: tuple[Aim, ...] = ()
    repairs: tuple[Repair, ...] = ()
    counts: tuple[Counted, ...] = ()
    held: tuple[bool, ...] = ()
    places: tuple[int, ...] = ()


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
