"""What a case was the first to show: edges of the program, classes of replies, a requirement nearer to violation.

A reply's class is what of its fields is no free value: a field counts as long as it was seen with few values, as a
status code is, and no longer, as a counter. So classes are learned of any protocol. (AFLNet, Pham et al., ICST 2020,
has a server's response codes in their place.)
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.interfaces import Frame
from harness.learned import Kept, Learned
from harness.outcome import Outcome
from harness.transcript import Exchange
from protocols.model import Protocol

_FEW = 16  # values of a field that is a code
_LEADING = 2  # bytes of a reply that has no fields
_LEAST = 1e-6  # by which a margin counts as smaller


@dataclass(frozen=True, slots=True)
class News:
    """What a case showed first: edges, pairs of a message and its reply, pairs of two of these, requirements."""

    edges: int = 0
    replies: int = 0
    orders: int = 0
    nearer: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.edges or self.replies or self.orders or self.nearer)


class Novelty:
    """Tells what is new in one outcome after another."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._replies: set[int] = set()
        self._orders: set[int] = set()
        self._values: dict[str, set[str] | None] = {}
        self._margins: dict[str, float] = {}

    def of(self, state: str, outcome: Outcome) -> News:
        """What it is the first to show; only the first time."""
        replies = orders = 0
        before = zlib.crc32(state.encode())
        for now in self._classes(outcome.transcript.exchanges):
            order = zlib.crc32(now.to_bytes(4), before)
            replies += _added(self._replies, now)
            orders += _added(self._orders, order)
            before = now
        return News(outcome.measures.edges, replies, orders, tuple(self._nearer(outcome)))

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

    def state(self, kept: tuple[Kept, ...]) -> Learned:
        """What was seen, to be written down with the cases that were kept for it."""
        values = {name: None if few is None else tuple(sorted(few)) for name, few in self._values.items()}
        return Learned(kept, tuple(sorted(self._replies)), tuple(sorted(self._orders)), values, dict(self._margins))

    def restore(self, learned: Learned) -> None:
        """Back to a `state()`."""
        self._replies, self._orders = set(learned.replies), set(learned.orders)
        self._values = {name: None if few is None else set(few) for name, few in learned.values.items()}
        self._margins = dict(learned.margins)


def _added(seen: set[int], one: int) -> bool:
    new = one not in seen
    seen.add(one)
    return new
