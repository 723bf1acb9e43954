"""What a case was the first to show: edges of the program, what a reply says, a requirement nearer to violation.

A value of a reply's field counts as long as the field was seen with few values, as a status code is, and no longer, as
a counter. So what a reply can say is learned of any protocol. (AFLNet, Pham et al., ICST 2020, has a server's response
codes in its place.) Values count one by one: all of a status report together would be new each time.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from harness.floors import refuses_nothing
from harness.interfaces import Expects, Frame, WireProtocol
from harness.outcome import News, Outcome

_FEW = 16  # values of a field that is a code
_LEADING = 2  # bytes of a reply that has no fields
_REMEMBERED = 1024  # replies: a device repeats itself
_LEAST = 1e-6  # by which a margin counts as smaller


@dataclass(frozen=True, slots=True)
class NoveltyState:
    """What was seen of one interface, as plain values.

    What replies say, and orders of two outcomes, are checksums: seen by one case, and by more; those of orders are odd.
    `values` are those of a field, None once they are free; `margins` the smallest robustness by requirement.
    """

    once: tuple[int, ...] = ()
    more: tuple[int, ...] = ()
    values: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict[str, "tuple[str, ...] | None"])
    margins: Mapping[str, float] = field(default_factory=dict[str, float])


class _Said(NamedTuple):
    """A frame of a reply: whether it says no, the names of its fields, and these with their values."""

    refuses: bool
    names: str
    values: tuple[tuple[str, str], ...]


class Novelty:
    """Tells what is new in one outcome after another of an interface."""

    def __init__(self, protocol: WireProtocol) -> None:
        self._protocol = protocol
        self._refuses = protocol.refuses if isinstance(protocol, Expects) else refuses_nothing
        self._read = lru_cache(_REMEMBERED)(self._said)
        self._seen: dict[int, bool] = {}  # True once a second case has shown it
        self._values: dict[str, set[str] | None] = {}
        self._margins: dict[str, float] = {}

    def of(self, state: str, outcome: Outcome) -> News:
        """What it is the first to show; only the first time."""
        outcomes: list[str] = []
        told: set[str] = set()
        for exchange in outcome.transcript.exchanges:
            if message := exchange.message:
                heard = [said for reply in exchange.replies for said in self._read(reply)]
                outcomes.append(f"{message} {_outcome(heard)}")
                told.update([f"{message} {self._value(*one)}" for said in heard for one in said.values])
        orders = map(" then ".join, zip([state, *outcomes], outcomes, strict=False))
        said, turned = _marks({*outcomes, *told}, 0), _marks({*orders}, 1)
        replies, once = self._count(said)
        turns, twice = self._count(turned)
        shown = (*said, *turned) if replies or turns or outcome.measures.edges else ()
        return News(outcome.measures.edges, replies, turns, once + twice, tuple(self._nearer(outcome)), shown)

    def _said(self, reply: bytes) -> tuple[_Said, ...]:
        return tuple(map(self._of_frame, self._protocol.split(reply)[0]))

    def _of_frame(self, frame: Frame) -> _Said:
        fields = frame.fields or {"head": frame.data[:_LEADING].hex(), "size": len(frame.data).bit_length()}
        values = tuple((name, str(value)) for name, value in fields.items())
        return _Said(self._refuses(frame.data), ",".join(frame.fields) or "bytes", values)

    def _count(self, shown: Collection[int]) -> tuple[int, int]:
        """How many are new, and by how many more there are now that one case alone has shown."""
        new = again = 0
        seen = self._seen
        for one in shown:
            if not (before := seen.get(one)):
                new, again = new + (before is None), again + (before is False)
                seen[one] = before is not None
        return new, new - again

    def _nearer(self, outcome: Outcome) -> Iterator[str]:
        for name, exercise in sorted(outcome.measures.watched.exercises.items()):
            if exercise.margin < self._margins.get(name, 1.0) - _LEAST:
                self._margins[name] = exercise.margin
                yield name

    def _value(self, name: str, value: str) -> str:
        values = self._values.setdefault(name, set())
        if values is None:
            return name
        values.add(value)
        if len(values) > _FEW:
            self._values[name] = None
            return name
        return f"{name}={value}"

    def state(self) -> NoveltyState:
        """What was seen, to be written down."""
        once, more = (tuple(one for one, twice in self._seen.items() if twice is wanted) for wanted in (False, True))
        values = {name: None if few is None else tuple(sorted(few)) for name, few in self._values.items()}
        return NoveltyState(once, more, values, dict(self._margins))

    def restore(self, state: NoveltyState) -> None:
        """Back to a `state()`."""
        self._seen = dict.fromkeys(state.once, False) | dict.fromkeys(state.more, True)
        self._values = {name: None if few is None else set(few) for name, few in state.values.items()}
        self._margins = dict(state.margins)


def _marks(shown: Collection[str], sort: int) -> set[int]:
    """A checksum of each; those of a `sort` are even or odd."""
    return {zlib.crc32(words.encode(errors="surrogatepass")) << 1 | sort for words in shown}


def _outcome(heard: Sequence[_Said]) -> str:
    """Not answered, refused or accepted, and what the answer consists of."""
    refused = any(said.refuses for said in heard)
    return f"{'refused' if refused else ''} {' '.join([said.names for said in heard])}"
