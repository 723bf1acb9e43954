"""What a case was the first to show: edges of the program, classes of replies, a requirement nearer to violation.

A reply's class is what of its fields is no free value: a field counts as long as it was seen with few values, as a
status code is, and no longer, as a counter. So classes are learned of any protocol. (AFLNet, Pham et al., ICST 2020,
has a server's response codes in their place.)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.interfaces import Frame, WireProtocol
from harness.outcome import News, Outcome
from harness.transcript import Exchange

_FEW = 16  # values of a field that is a code
_LEADING = 2  # bytes of a reply that has no fields
_LEAST = 1e-6  # by which a margin counts as smaller


@dataclass(frozen=True, slots=True)
class NoveltyState:
    """What was seen of one interface, as plain values.

    Classes of replies, and orders of two of them, are checksums: seen by one case, and by more. `values` are those of a
    field, None once they are free; `margins` the smallest robustness by requirement.
    """

    once: tuple[int, ...] = ()
    more: tuple[int, ...] = ()
    values: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict[str, "tuple[str, ...] | None"])
    margins: Mapping[str, float] = field(default_factory=dict[str, float])


class Novelty:
    """Tells what is new in one outcome after another of an interface."""

    def __init__(self, protocol: WireProtocol) -> None:
        self._protocol = protocol
        self._seen: dict[int, bool] = {}  # True once a second case has shown it
        self._values: dict[str, set[str] | None] = {}
        self._margins: dict[str, float] = {}

    def of(self, state: str, outcome: Outcome) -> News:
        """What it is the first to show; only the first time."""
        classes = list(self._classes(outcome.transcript.exchanges))
        before = [zlib.crc32(state.encode()), *classes]
        orders = [zlib.crc32(b"%d %d" % pair) for pair in zip(before, classes, strict=False)]
        replies, once = self._count(classes)
        turns, twice = self._count(orders)
        return News(outcome.measures.edges, replies, turns, once + twice, tuple(self._nearer(outcome)))

    def _count(self, classes: Sequence[int]) -> tuple[int, int]:
        """How many are new, and by how many more there are now that one case alone has shown."""
        new = again = 0
        for one in set(classes):
            before = self._seen.get(one)
            new, again = new + (before is None), again + (before is False)
            self._seen[one] = before is not None
        return new, new - again

    def _nearer(self, outcome: Outcome) -> Iterator[str]:
        for name, exercise in outcome.measures.watched.exercises.items():
            if exercise.margin < self._margins.get(name, 1.0) - _LEAST:
                self._margins[name] = exercise.margin
                yield name

    def _classes(self, exchanges: Sequence[Exchange]) -> Iterator[int]:
        for exchange in exchanges:
            if exchange.message:
                words = [exchange.message, *map(self._class, self._frames(exchange))]
                yield zlib.crc32("\0".join(words).encode(errors="surrogatepass"))

    def _frames(self, exchange: Exchange) -> list[Frame]:
        return [frame for reply in exchange.replies for frame in self._protocol.split(reply)[0]]

    def _class(self, frame: Frame) -> str:
        if not frame.fields:
            return f"{frame.data[:_LEADING].hex()} {len(frame.data).bit_length()}"
        return " ".join(self._told(f"{name}/{len(frame.fields)}", str(value)) for name, value in frame.fields.items())

    def _told(self, name: str, value: str) -> str:
        """A field with its value, and without it once that is free."""
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
