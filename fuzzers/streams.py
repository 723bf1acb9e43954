"""Streams of mutations: one class of values of one field, in every state and with every way to go on.

A message's bases are the message itself and its seeds. A field that a seed has as its message has it is bent together
with that one's; any other is a field of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

import boofuzz

from fuzzers.chains import Variant, variants
from fuzzers.pools import combined, limits_of
from fuzzers.values import Changes, Values, of_extent, of_groups, of_leaf, of_shape, shuffled
from harness.interfaces import Mark
from protocols.encoding import is_whole, names_inside
from protocols.model import Message, Protocol
from protocols.render import TAIL, Extent, Layout, Leaf

SHARED_BY = 3
THERAPY_WEIGHT = 2
ORDERED = ("sweep", "edge")
_UNFIT = 2
_TURNS = (0, 0, 1, 0, _UNFIT)  # of the groups of ways
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Stream:
    """Pairs every value with every way to send it; with each turn through the values the ways are others.

    Four times in five the way is one in which the message can be accepted, as long as there are such ways left, and
    mostly one that goes on: what a message has changed may show behind what follows it only.
    """

    field: str
    values: Values
    ways: Ways

    @property
    def count(self) -> int:
        """How many cases there are in it."""
        return self.values.count * len(self.ways)

    def at(self, number: int) -> tuple[Variant, Changes, int]:
        """The variant, the changes and the value's number of one case."""
        turn, k = divmod(number, self.values.count)
        return self.ways.at(turn, k), self.values.at(k), k


@dataclass(frozen=True, slots=True)
class Ways:
    """Variants in groups: as far along the graph as it goes, others in which the message can be accepted, the rest."""

    groups: tuple[tuple[Variant, ...], ...]

    def __len__(self) -> int:
        return sum(map(len, self.groups))

    def at(self, turn: int, k: int) -> Variant:
        """The variant of value `k` in a turn: all of them, one by one, as the turns go on."""
        used = [0] * len(self.groups)
        for number in range(k, k + turn):
            used[self._group(number, used)] += 1
        group = self._group(k + turn, used)
        return self.groups[group][(k + used[group]) % len(self.groups[group])]

    def _group(self, number: int, used: Sequence[int]) -> int:
        """The one whose turn it is, or the first of which there is some left."""
        wanted = _TURNS[number % len(_TURNS)]
        return next(n for n in (wanted, *range(len(used))) if used[n] < len(self.groups[n]))


def _ways(variants: Sequence[Variant], random: Random) -> Ways:
    mixed = random.sample(variants, len(variants))
    longest = {way.message.name: 0 for way in mixed}
    for way in mixed:
        longest[way.message.name] = max(longest[way.message.name], len(way.after))
    groups: tuple[list[Variant], ...] = [], [], []
    for way in mixed:
        groups[_UNFIT if not way.fit else len(way.after) < longest[way.message.name]].append(way)
    return Ways(tuple(map(tuple, groups)))


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
        self._bases = _bases(protocol)
        self._variants = {
            key: tuple(replace(way, message=base) for way in variants(protocol, base, states, stimuli))
            for key, base in self._bases.items()
        }

    def all(self) -> list[Stream]:
        """In a seeded order."""
        found: list[Stream] = []
        for field, keys in _fields(self._bases):
            found += self._of_field(field, keys)
        for key in self._bases:
            found += self._of_message(key)
        self._random.shuffle(found)
        return found

    def of_messages(self, values: Callable[[Message], Values]) -> list[Stream]:
        """One of each message, of what `values` makes of it; in a seeded order."""
        made = {key: values(message) for key, message in self._bases.items()}
        found = [Stream("", one, _ways(self._variants[key], self._random)) for key, one in made.items() if one.count]
        self._random.shuffle(found)
        return found

    def _of_field(self, field: str, keys: Sequence[Key]) -> list[Stream]:
        message = self._bases[keys[0]]
        layout, leaf = message.layout, message.layout.leaf(field)
        ways = _ways([way for key in keys for way in self._variants[key]], self._random)
        limits = limits_of(message, leaf)
        found = of_leaf(layout, leaf, self._max_len, f"{self._seed}/{message.name}", limits)
        if leaf.primitive.fuzzable:
            found += of_shape(layout, field)
        factor = THERAPY_WEIGHT if Mark.THERAPY in message.marks and len(keys) == 1 else 1
        return [Stream(field, self._mixed(values).times(factor), ways) for values in found if values.count]

    def _of_message(self, key: Key) -> list[Stream]:
        message = self._bases[key]
        layout, ways = message.layout, _ways(self._variants[key], self._random)
        found = [Stream("", Values("valid", len(message.valid), lambda _: (), 2), ways)]
        for name in _sized_blocks(layout):
            found += [Stream(name, values, ways) for values in of_extent(layout, name, self._max_len)]
        found += [Stream(name, v, ways) for name in _blocks(layout) for v in of_shape(layout, name)]
        found.append(Stream("", self._mixed(of_groups(layout, self._max_len)), ways))
        found.append(Stream("", combined(message, self._seed, self._max_len), ways))
        return [stream for stream in found if stream.count]

    def _mixed(self, values: Values) -> Values:
        """Sweeps and edges come in an order of their own; everything else is shuffled."""
        return values if values.kind in ORDERED else shuffled(values, str(self._random.random()))


def _bases(protocol: Protocol) -> dict[Key, Message]:
    """Every message, and its seeds behind it."""
    both = ((message, *message.seeds) for message in protocol.messages.values())
    return {(base.name, base.seed): base for bases in both for base in bases}


def _fields(bases: Mapping[Key, Message]) -> list[tuple[str, list[Key]]]:
    """Fields with the bases that share them: those of three or more joined, the rest one by one."""
    found: dict[tuple[str, str], list[Key]] = {}
    for key, base in bases.items():
        own = bases.get((base.name, 0), base)
        for leaf in base.layout.leaves:
            if not leaf.name.endswith(TAIL):
                found.setdefault((leaf.name, _likeness(base, leaf, own)), []).append(key)
    split: list[tuple[str, list[Key]]] = []
    for (field, _), keys in found.items():
        split += [(field, keys)] if len(keys) >= SHARED_BY else [(field, [key]) for key in keys]
    return split


def _likeness(base: Message, leaf: Leaf, own: Message) -> str:
    """Equal for fields that are bent alike; a seed's value that is not its message's stands alone."""
    place = own.layout.extents.get(leaf.name)
    usual = own.layout.leaves[place.first].default if place else None
    apart = "" if leaf.default == usual else f"/{leaf.default.hex()}"
    return f"{type(leaf.primitive).__name__}/{len(leaf.default)}/{limits_of(base, leaf)}{apart}{_inside(base, leaf)}"


def _inside(base: Message, leaf: Leaf) -> str:
    """What a field has of its own to be bent to: the fields of a block that is kept whole, the values of a group."""
    if isinstance(leaf.primitive, boofuzz.Group):
        return f"/{leaf.primitive.values}"
    names = (base.request.names[name] for name in names_inside(leaf.primitive)) if is_whole(leaf.primitive) else ()
    return "".join(f"/{_path(base, item)} {type(item).__name__}" for item in names)


def _path(base: Message, item: boofuzz.Fuzzable) -> str:
    return item.qualified_name.removeprefix(base.name + ".")


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
