"""Streams of mutations: one class of values of one field, in every state and with every way to go on."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import boofuzz

from fuzzers.chains import Variant, variants
from fuzzers.pools import combined, limits_of
from fuzzers.values import Changes, Values, of_extent, of_leaf, of_shape, shuffled
from protocols.model import Message, Protocol
from protocols.render import TAIL, Extent, Layout, Leaf

SHARED_BY = 3
ORDERED = ("sweep", "edge")


@dataclass(frozen=True, slots=True)
class Stream:
    """Pairs every value with every variant: value k meets variant (k + pass) first, so that both are new early on."""

    field: str
    values: Values
    variants: tuple[Variant, ...]

    @property
    def count(self) -> int:
        """How many cases there are in it."""
        return self.values.count * len(self.variants)

    def at(self, number: int) -> tuple[Variant, Changes, int]:
        """The variant, the changes and the value's number of one case."""
        turn, k = divmod(number, self.values.count)
        return self.variants[(k + turn) % len(self.variants)], self.values.at(k), k


class Streams:
    """Makes every stream of a protocol. A field that several messages have alike is bent in each of them in turn."""

    def __init__(
        self,
        protocol: Protocol,
        states: Sequence[str],
        seed: int,
        max_len: int,
        stimuli: Collection[str] | None = None,
    ) -> None:
        self._protocol = protocol
        self._seed = seed
        self._max_len = max_len
        self._random = Random(f"streams/{seed}")
        messages = protocol.messages.items()
        random = self._random
        self._ways = {name: variants(protocol, message, states, stimuli, random) for name, message in messages}

    def all(self) -> list[Stream]:
        """In a seeded order."""
        found: list[Stream] = []
        for field, names in _fields(self._protocol):
            found += self._of_field(field, names)
        for message in self._protocol.messages.values():
            found += self._of_message(message)
        self._random.shuffle(found)
        return found

    def _of_field(self, field: str, names: Sequence[str]) -> list[Stream]:
        message = self._protocol.message(names[0])
        layout, leaf = message.layout, message.layout.leaf(field)
        ways = [way for name in names for way in self._ways[name]]
        self._random.shuffle(ways)
        limits = limits_of(message, leaf)
        found = of_leaf(layout, leaf, self._max_len, f"{self._seed}/{message.name}", limits)
        if leaf.primitive.fuzzable:
            found += of_shape(layout, field)
        return [Stream(field, self._mixed(values), tuple(ways)) for values in found if values.count]

    def _of_message(self, message: Message) -> list[Stream]:
        layout, ways = message.layout, self._ways[message.name]
        found = [Stream("", Values("valid", len(message.valid), lambda _: (), 2), ways)]
        found += [Stream(name, of_extent(layout, name, self._max_len), ways) for name in _sized_blocks(layout)]
        found += [Stream(name, v, ways) for name in _blocks(layout) for v in of_shape(layout, name)]
        found.append(Stream("", combined(message, self._seed, self._max_len), ways))
        return [stream for stream in found if stream.count]

    def _mixed(self, values: Values) -> Values:
        """Sweeps and edges come in an order of their own; everything else is shuffled."""
        return values if values.kind in ORDERED else shuffled(values, str(self._random.random()))


def _fields(protocol: Protocol) -> list[tuple[str, list[str]]]:
    """Fields with the messages that share them: those of three or more messages joined, the rest one by one."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, message in protocol.messages.items():
        for leaf in message.layout.leaves:
            if not leaf.name.endswith(TAIL):
                found.setdefault((leaf.name, _likeness(message, leaf)), []).append(name)
    split: list[tuple[str, list[str]]] = []
    for (field, _), names in found.items():
        split += [(field, names)] if len(names) >= SHARED_BY else [(field, [name]) for name in names]
    return split


def _likeness(message: Message, leaf: Leaf) -> str:
    return f"{type(leaf.primitive).__name__}/{len(leaf.default)}/{limits_of(message, leaf)}"


def _sized_blocks(layout: Layout) -> list[str]:
    """Blocks whose length another field tells."""
    told = [size.extent for size in layout.sizes]
    return [name for name, extent in layout.extents.items() if extent in told and _is_block(layout, name, extent)]


def _is_block(layout: Layout, name: str, extent: Extent) -> bool:
    if name + TAIL in layout.extents:
        return True
    return isinstance(layout.leaves[extent.first].primitive, boofuzz.Block) and not name.endswith(TAIL)


def _blocks(layout: Layout) -> Iterator[str]:
    return (name for name in layout.extents if name + TAIL in layout.extents)
