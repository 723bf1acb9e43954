"""The layout of a binary frame: said once, for what is sent and for what comes.

A frame has a start, a head whose parts have fixed widths, a body, and mostly a checksum behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import boofuzz

from harness.errors import UsageError
from protocols.checksums import BlockChecksum, Order, to_algorithm
from protocols.encoding import endian_of, integer

START, LENGTH, CODE, COUNTER, BODY, CHECK = "start", "length", "code", "counter", "body", "checksum"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a frame: `width` bytes in an `order`; the body, whose width is none. `first` to `last` are covered."""

    name: str
    width: int = 0
    order: Order = "big"
    data: bytes = b""
    first: str = BODY
    last: str = BODY
    algorithm: str = ""


def start(data: bytes) -> Part:
    """What each frame begins with."""
    return Part(START, len(data), data=data)


def always(name: str, data: bytes) -> Part:
    """Bytes that are usually these: an address, a version."""
    return Part(name, len(data), data=data)


def length(width: int, order: Order = "big", *, first: str = BODY, last: str = BODY) -> Part:
    """How many bytes there are from one part to another."""
    return Part(LENGTH, width, order, first=first, last=last)


def code(width: int = 1, order: Order = "big") -> Part:
    """Which message it is."""
    return Part(CODE, width, order)


def counter(width: int = 1, order: Order = "big") -> Part:
    """A number that grows from frame to frame, and is the same in the reply."""
    return Part(COUNTER, width, order)


def body() -> Part:
    """What the message says."""
    return Part(BODY)


def checksum(algorithm: str, order: Order = "big", *, first: str, last: str = BODY) -> Part:
    """One of `protocols.checksums`, of all from one part to another."""
    return Part(CHECK, to_algorithm(algorithm).width, order, first=first, last=last, algorithm=algorithm)


class Framing:
    """The parts of a frame in their order. `reply` is the code with which a message is answered; the same, if not said.

    Raises UsageError where a part is missing that makes a frame.
    """

    def __init__(self, *parts: Part, reply: Callable[[int], int] = lambda number: number) -> None:
        self.parts, self.reply = parts, reply
        self.by_name = {part.name: part for part in parts}
        names = [part.name for part in parts]
        if missing := [name for name in (START, LENGTH, CODE, BODY) if name not in names]:
            raise UsageError(f"a frame needs {' and '.join(missing)}: protocols.framed has a function for each")
        if names[0] != START or max(map(names.index, (LENGTH, CODE))) > names.index(BODY):
            raise UsageError("a frame begins with its start, and has length and code before its body")
        self.start = self.by_name[START].data
        self.fixed = sum(part.width for part in parts)
        self.offset = {part.name: sum(p.width for p in parts[:n]) for n, part in enumerate(parts)}
        self.counts = sum(part.width for part in self._covered(self.by_name[LENGTH]))
        self.head = self.offset[BODY]

    def _covered(self, part: Part) -> tuple[Part, ...]:
        """The parts from the first to the last that a length or a checksum is about."""
        names = [one.name for one in self.parts]
        for name in (part.first, part.last):
            if name not in names:
                raise UsageError(f"{part.name} is of '{name}', which the frame does not have: {', '.join(names)}")
        return self.parts[names.index(part.first) : names.index(part.last) + 1]

    # -- what is sent ---------------------------------------------------------------------------------------------

    def request(self, name: str, number: int, fields: Sequence[boofuzz.Fuzzable]) -> boofuzz.Request:
        """The message in its frame, as boofuzz bends it."""
        return boofuzz.Request(name, children=tuple(self._field(part, number, fields) for part in self.parts))

    def _field(self, part: Part, number: int, fields: Sequence[boofuzz.Fuzzable]) -> boofuzz.Fuzzable:
        if part.name == BODY:
            return boofuzz.Block(BODY, children=tuple(fields))
        if part.name == LENGTH:
            endian = endian_of(part.order)
            return boofuzz.Size(LENGTH, f".{BODY}", length=part.width, endian=endian, offset=self.counts)
        if part.name == CHECK:
            over = [f".{covered.name}" for covered in self._covered(part)]
            return BlockChecksum(CHECK, over, part.algorithm, part.order)
        if part.data:
            return boofuzz.Bytes(part.name, part.data, size=part.width)
        return integer(part.name, number if part.name == CODE else 0, part.width, part.order)

    # -- what comes -----------------------------------------------------------------------------------------------

    def size(self, data: bytes, at: int = 0) -> int | None:
        """Bytes of the frame that begins there; 0 where none does, None where it is not all there yet."""
        begin = data[at : at + len(self.start)]
        if not self.start.startswith(begin):
            return 0
        if len(data) < at + self.offset[LENGTH] + self.by_name[LENGTH].width:
            return None
        size = self.number(LENGTH, data, at) - self.counts + self.fixed
        if size < self.fixed:
            return 0
        if len(data) < at + size:
            return None
        return size if self._is_right(data[at : at + size]) else 0

    def number(self, name: str, data: bytes, at: int = 0) -> int:
        """The value of a part of the head."""
        part, begin = self.by_name[name], at + self.offset[name]
        return int.from_bytes(data[begin : begin + part.width], part.order)

    def said(self, frame: bytes) -> bytes:
        """The body of a whole frame."""
        return frame[self.head : len(frame) - (self.fixed - self.head)]

    def _is_right(self, frame: bytes) -> bool:
        part = self.by_name.get(CHECK)
        if part is None:
            return True
        behind = len(frame) - self.fixed  # what parts behind the body are moved by
        begin, end = self._span(part, behind)
        at = self.offset[CHECK] + behind
        computed = to_algorithm(part.algorithm).compute(frame[begin:end])
        return computed.to_bytes(part.width, part.order) == frame[at : at + part.width]

    def _span(self, part: Part, behind: int) -> tuple[int, int]:
        covered = self._covered(part)
        last = covered[-1]
        end = self.offset[last.name] + last.width + (behind if self.offset[last.name] >= self.head else 0)
        return self.offset[covered[0].name], end

    def pattern(self, numbers: Iterable[int]) -> re.Pattern[bytes]:
        """A start and, where the code stands, one of these: right length and checksum or not."""
        part = self.by_name[CODE]
        codes = b"|".join(re.escape(number.to_bytes(part.width, part.order)) for number in numbers)
        between = self.offset[CODE] - len(self.start)
        return re.compile(re.escape(self.start) + rb"[\s\S]{%d}(?:" % between + codes + b")")
