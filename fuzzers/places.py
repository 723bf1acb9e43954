"""A message said of each place that a device has, with every length and edge of what it carries there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import dropwhile
from typing import Any

import boofuzz

from fuzzers.moves import Outline, Plan
from fuzzers.order import Order
from fuzzers.planned import PlannedFuzzer
from fuzzers.pools import limits_of
from fuzzers.values import Changes, of_leaf, sweep
from protocols.model import Message, Protocol
from protocols.render import TAIL, Change, Leaf

Place = Mapping[str, Any]
_FILLERS = (b"\xff", b"\0", b"A")
_LENGTHS, _EDGES = 40, 16


@dataclass(frozen=True, slots=True)
class _Way:
    """How a message is said of every place: as it is, or with one field of another length or value."""

    field: str
    what: str
    length: int = -1  # bytes; below 0 what the place usually has
    by: int = 0  # added to that
    filler: bytes = b""
    changes: Changes = ()


class PlacesFuzzer(PlannedFuzzer):
    """For faults of one place only: a buffer behind one attribute, a table behind one address.

    Ways go outside, places inside: the lengths most likely to be wrong come first, of every place.
    """

    name = "places"
    needs = "protocols whose messages tell the device's places, as `discover` writes them"

    @classmethod
    def fits(cls, protocol: Protocol) -> bool:
        """True where messages know their places."""
        return any(message.places for message in protocol.messages.values())

    @cached_property
    def _plans(self) -> list[Plan]:
        return [
            self._plan(message, state)
            for message in self._protocol.messages.values()
            if message.places
            for state in self._states
        ]

    def _plan(self, message: Message, state: str) -> Plan:
        ways, places = list(self._ways(message)), message.places
        order = Order(len(places), f"{self._seed}/{message.name}/{state}")

        def at(k: int) -> Outline:
            way, place = ways[k // len(places)], places[order.at(k % len(places))]
            return self._outline(message, state, way, place)

        return Plan(f"{message.name} everywhere", len(ways) * len(places), at)

    def _ways(self, message: Message) -> Iterator[_Way]:
        yield _Way("", "as it is")
        own = {name for place in message.places for name in place}
        leaves = list(dropwhile(lambda leaf: leaf.name not in own, message.layout.leaves))  # before it: which message
        streams = [self._of_leaf(message, leaf, own) for leaf in leaves if not _is_fixed(leaf)]
        longest = max(map(len, streams), default=0)
        yield from (stream[k] for k in range(longest) for stream in streams if k < len(stream))

    def _of_leaf(self, message: Message, leaf: Leaf, own: set[str]) -> Sequence[_Way]:
        """Lengths around the place's own and around powers of two; the edges of an integer that is no place."""
        if isinstance(leaf.primitive, boofuzz.Bytes | boofuzz.String):
            near = [(-1, 0), (-1, 1), (0, 0), (-1, -1), (1, 0), (2, 0)]
            lengths = [*near, *((length, 0) for length in sweep(0, self._max_len)[:_LENGTHS])]
            return [
                _Way(leaf.name, _described(length, by, filler), length, by, filler)
                for length, by in dict.fromkeys(lengths)
                for filler in _FILLERS
            ]
        if leaf.name in own:
            return ()
        values = of_leaf(message.layout, leaf, self._max_len, f"{self._seed}/{message.name}", limits_of(message, leaf))
        edges = (each.at(k) for each in values if each.kind == "edge" for k in range(min(each.count, _EDGES)))
        return [_Way(leaf.name, "an edge", changes=changes) for changes in edges]

    def _outline(self, message: Message, state: str, way: _Way, place: Place) -> Outline:
        layout = message.layout
        usual = layout.set(**place)
        changes = [change for change in usual if change.name != way.field]
        if way.filler:
            known = next((change.data for change in usual if change.name == way.field), None)
            size = len(layout.leaf(way.field).default if known is None else known) if way.length < 0 else way.length
            changes.append(Change(way.field, way.filler * max(0, size + way.by)))
        changes += way.changes
        send = message.mutated(changes) if way.field else message.send(**place)
        steps = (*self._protocol.lead_in(message.name), self._protocol.in_place(send))
        return Outline(state, steps, way.what, field=way.field)


def _is_fixed(leaf: Leaf) -> bool:
    return bool(leaf.live) or leaf.name.endswith(TAIL) or not leaf.primitive.fuzzable


def _described(length: int, by: int, filler: bytes) -> str:
    size = f"{length} bytes" if length >= 0 else f"its own length{f' {by:+d}' if by else ''}"
    return f"{size} of {filler.hex()}"
