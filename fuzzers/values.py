"""What a field is bent to: classes of values that hold for any protocol, each with random access."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import accumulate, chain
from random import Random
from typing import Any, cast

import boofuzz
from boofuzz.mutation import Mutation

from fuzzers.order import Order
from protocols.bits import BitGroup
from protocols.encoding import bound, is_whole
from protocols.render import TAIL, Change, Extent, Layout, Leaf

RANDOM_VALUES = 64
COPIES = (2, 16)
LETTER = b"A"
FILLERS = (b"\xff\x00", b"\0", b"%s%n")
FORMATS = (b"%s", b"%n", b"%s%s%s%s", b"%n%n%n%n", b"%x%d%s%n")  # short: the library's are long
SHORT, LONG = 40, 64
_LIMITS = 16  # of strings' lengths: a protocol has a few
_PRIMITIVES = 1024
_OVERLAP = 3  # bytes of the longest that boofuzz writes over others, but for the first
_PLAIN = frozenset(
    {boofuzz.Byte, boofuzz.Word, boofuzz.DWord, boofuzz.QWord, boofuzz.BitField, boofuzz.Bytes, boofuzz.String}
)
_NOT_OF_VALUES = frozenset({"_name", "_context_path", "_request", "_halt_mutations"})
POWERS = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)

Changes = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """`count` ways to bend one thing in one manner; `at(k)` makes the k-th. `weight` of them are taken in a round.

    The `first` of them stay first, in whatever order the others are taken.
    """

    kind: str
    count: int
    at: Callable[[int], Changes]
    weight: int = 1
    first: int = 0

    def times(self, factor: int) -> Values:
        """The same values, more of them in a round."""
        return replace(self, weight=self.weight * factor)


def shuffled(values: Values, seed: str) -> Values:
    """The same values in another order, behind those that stay first."""
    first = values.first
    order = Order(values.count - first, seed)

    def at(k: int) -> Changes:
        return values.at(k if k < first else first + order.at(k - first))

    return replace(values, at=at)


def of_leaf(layout: Layout, leaf: Leaf, max_len: int, seed: str, limits: tuple[int, int] | None) -> list[Values]:
    """Every class of values for one leaf, at most `max_len` bytes each."""
    primitive = leaf.primitive
    if leaf.name.endswith(TAIL) or not primitive.fuzzable:
        return []
    if is_whole(primitive):
        return [_of_mutations("boofuzz", layout, primitive.get_mutations(), max_len)]
    if isinstance(primitive, boofuzz.Size):
        return _of_length(layout, leaf)
    if isinstance(primitive, boofuzz.BitField | BitGroup):
        return _of_integer(layout, leaf, seed, limits)
    if isinstance(primitive, boofuzz.Bytes | boofuzz.String):
        return _of_string(layout, leaf, max_len)
    wrong = [*_flips(leaf), _edited(leaf)] if isinstance(primitive, boofuzz.Checksum) else []
    return [*_of_boofuzz(layout, leaf, max_len), *wrong]


def of_extent(layout: Layout, name: str, max_len: int) -> list[Values]:
    """A block that a length counts: every length from nothing to `max_len`, with what fits of its own bytes."""
    extent = layout.extents[name]
    lengths = sweep(sum(len(leaf.default) for leaf in layout.leaves[extent.first : extent.last]), max_len)
    return _swept(lengths, lambda length, filler: _resized(layout, name, length, filler), 2)


def _swept(lengths: Sequence[int], make: Callable[[int, bytes], Changes], weight: int) -> list[Values]:
    """Every length, filled up with letters; and again with what ends strings, repeats or formats."""
    others = len(FILLERS)
    return [
        Values("sweep", len(lengths), lambda k: make(lengths[k], LETTER), weight),
        Values("fill", others * len(lengths), lambda k: make(lengths[k // others], FILLERS[k % others]), weight // 2),
    ]


def of_groups(layout: Layout, max_len: int) -> Values:
    """Blocks that boofuzz renders once for each value of a group: both mutated together."""
    blocks = [item for item in layout.request.names.values() if isinstance(item, boofuzz.Block) and item.group]
    together = (mutations for block in blocks for mutations in block.get_mutations() if len(mutations) > 1)
    return _of_mutations("group", layout, together, max_len)


def _of_mutations(kind: str, layout: Layout, mutations: Iterable[list[Mutation]], max_len: int) -> Values:
    """boofuzz mutations as they come, bound and bounded at once."""
    made = [layout.of_mutations(_bounded(mutation, max_len) for mutation in several) for several in mutations]
    return Values(kind, len(made), lambda k: made[k])


def _bounded(mutation: Mutation, max_len: int) -> Mutation:
    value: Any = mutation.value
    kept = value[:max_len] if isinstance(value, str | bytes) else value
    return Mutation(kept, mutation.qualified_name, mutation.index)


def of_shape(layout: Layout, name: str) -> list[Values]:
    """A field or block left out, or there more than once."""
    extent = layout.extents[name]
    data = b"".join(part.data for part in _parts(layout, extent))
    if not data:
        return []
    forms = (b"", *(data * count for count in COPIES))
    return [Values("shape", len(forms), lambda k: (Change(name, forms[k]),))]


def sweep(usual: int, max_len: int) -> list[int]:
    """Lengths 0 to `max_len`, without the usual one: neighbours first, then powers of two, then short before long."""
    near = [usual + 1, max_len, 0, usual - 1, usual * 2, 1, max_len // 2, 2, usual + 2]
    powers = [length + delta for length in POWERS for delta in (0, 1, -1)]
    known = dict.fromkeys(length for length in near + powers if 0 <= length <= max_len and length != usual)
    others = [length for length in range(max_len + 1) if length not in known and length != usual]
    short, middle = bisect_right(others, SHORT), bisect_right(others, LONG)
    return [*known, *_spread(others[:short]), *_spread(others[short:middle]), *_spread(others[middle:])]


def _spread(lengths: Sequence[int]) -> list[int]:
    """From coarse to fine, so that any part of the range is visited early."""
    found: dict[int, None] = {}
    step = 1 << len(lengths).bit_length()
    while step:
        found |= dict.fromkeys(lengths[step // 2 :: step])
        step //= 2
    return list(found)


def _of_integer(layout: Layout, leaf: Leaf, seed: str, limits: tuple[int, int] | None) -> list[Values]:
    width = 8 * len(leaf.default)
    primitive: Any = leaf.primitive
    if width == 0 or getattr(primitive, "format", "binary") != "binary":
        return _of_boofuzz(layout, leaf, 64)
    top = (1 << width) - 1
    default = int(primitive.original_value() or 0) & top
    edges = _numbers(layout, leaf, edge_numbers(width, default, limits))
    flips = _numbers(layout, leaf, [default ^ (1 << bit) for bit in range(width)], "flip")
    if width == 8:
        return [edges, _numbers(layout, leaf, [value for value in range(256) if value != default], "value"), flips]
    random = Random(f"{seed}/{leaf.name}")
    drawn = [random.getrandbits(random.randint(1, width)) for _ in range(RANDOM_VALUES)]
    return [edges, *_of_boofuzz(layout, leaf, width), flips, _numbers(layout, leaf, drawn, "random")]


def edge_numbers(width: int, default: int, limits: tuple[int, int] | None) -> list[int]:
    """Ends of the type, signed and unsigned, of the declared range, of half the width; neighbours of the default."""
    top, half = (1 << width) - 1, 1 << (width - 1)
    low, high = limits or (0, top)
    near = [high + 1, low - 1, high, low, top, 0, half, half - 1, 1, top - 1, default + 1, default - 1, default * 2]
    near += [high * 2, high * 10, high + high // 2, half + 1, 2, top // 2 + default]
    near += [(1 << bits) + delta for bits in (8, 16, 24) if bits < width for delta in (-1, 0, 1)]
    return [value for value in dict.fromkeys(near) if 0 <= value <= top and value != default]


def _numbers(layout: Layout, leaf: Leaf, numbers: Sequence[int], kind: str = "edge") -> Values:
    weight = 4 if kind == "edge" else 1
    return Values(kind, len(numbers), lambda k: (layout.change(leaf, numbers[k]),), weight)


def _of_length(layout: Layout, leaf: Leaf) -> list[Values]:
    size: Any = leaf.primitive
    usual = layout.usual(leaf)
    if not usual or size.format != "binary":
        return _of_boofuzz(layout, leaf, 64)
    right = int.from_bytes(usual, "little" if size.endian == "<" else "big")
    near = [right + delta for delta in (1, -1, 2, -2, 4, -4, 16, -16)]
    numbers = [n for n in near if 0 <= n < 1 << (8 * size.length)] + edge_numbers(8 * size.length, right, None)
    return [_numbers(layout, leaf, list(dict.fromkeys(numbers)), "wrong length"), *_of_boofuzz(layout, leaf, 64)]


def _of_string(layout: Layout, leaf: Leaf, max_len: int) -> list[Values]:
    lengths = sweep(len(leaf.default), min(max_len, _countable(layout, leaf)))
    resized = _swept(lengths, lambda length, filler: (Change(leaf.name, fit(leaf.default, length, filler)),), 8)
    return [*map(partial(_short_first, leaf, max_len), _of_boofuzz(layout, leaf, max_len)), *resized, *_flips(leaf)]


def _short_first(leaf: Leaf, max_len: int, values: Values) -> Values:
    """The class of formats begins with what makes a careless `printf` read or write where it should not, alone."""
    texts = [text for text in FORMATS if len(text) <= max_len] if values.kind == "format" else []
    if not texts:
        return values
    count, others = len(texts), values.at

    def at(k: int) -> Changes:
        return (Change(leaf.name, texts[k]),) if k < count else others(k - count)

    return replace(values, count=count + values.count, at=at, first=count, weight=2 * values.weight)


def _countable(layout: Layout, leaf: Leaf) -> int:
    """The longest that a length field of the leaf's own can tell."""
    own = Extent(leaf.index, leaf.index + 1)
    sizes = [layout.leaves[size.leaf].default for size in layout.sizes if size.extent == own]
    return min(((1 << 8 * len(size)) - 1 for size in sizes), default=1 << 30)


def fit(data: bytes, length: int, filler: bytes) -> bytes:
    """`data` cut to a length, or filled up to it."""
    missing = length - len(data)
    return data[:length] + (filler * (missing // len(filler) + 1))[:missing] if missing > 0 else data[:length]


def _flips(leaf: Leaf) -> list[Values]:
    def flipped(k: int) -> Changes:
        data = bytearray(leaf.default)
        data[k // 8] ^= 1 << (k % 8)
        return (Change(leaf.name, bytes(data)),)

    return [Values("flip", 8 * len(leaf.default), flipped)] if leaf.default else []


def _edited(leaf: Leaf) -> Values:
    forms = (leaf.default[:-1], leaf.default[::-1] + b"\0", leaf.default * 2, b"")
    return Values("wrong checksum", len(forms), lambda k: (Change(leaf.name, forms[k]),))


def _of_boofuzz(layout: Layout, leaf: Leaf, max_len: int) -> list[Values]:
    """boofuzz's own mutations, sorted into classes."""
    return [_listed(layout, leaf, kind, values) for kind, values in _by_kind(leaf.primitive, max_len).items()]


@dataclass(frozen=True, slots=True)
class _Alike:
    """A primitive, equal to any that has the same values: a message's fields are often those of another one."""

    attributes: Hashable
    primitive: boofuzz.Fuzzable = field(compare=False)


def _by_kind(primitive: boofuzz.Fuzzable, max_len: int) -> dict[str, Sequence[Any]]:
    """Values by class, in order."""
    if type(primitive) not in _PLAIN:
        return _values_of(_Alike(primitive, primitive), max_len)
    given = sorted((name, repr(value)) for name, value in vars(primitive).items() if name not in _NOT_OF_VALUES)
    return _values_of(_Alike((type(primitive), *given), primitive), max_len)


@lru_cache(_PRIMITIVES)
def _values_of(alike: _Alike, max_len: int) -> dict[str, Sequence[Any]]:
    """A string's are not copied out of what all strings have in common, but where need be."""
    primitive = alike.primitive
    if type(primitive) is boofuzz.String and (plain := _plain_texts(primitive, max_len)) is not None:
        return plain
    kinds: dict[str, list[Any]] = {}
    for kind, value in dict.fromkeys(_library(primitive, max_len)):
        kinds.setdefault(kind, []).append(value)
    return dict(kinds)


def _plain_texts(primitive: boofuzz.String, max_len: int) -> dict[str, Sequence[str]] | None:
    """A string's values by class, where it brings none of its own and its default is in no library; else None."""
    limit, default = min(primitive.max_len or max_len, max_len), primitive.original_value()
    if primitive._fuzz_values:
        return None
    library, long = _shared_texts(limit)
    string: Any = copy(primitive)
    string.max_len = limit
    varied = [value[:limit] for value in string._yield_variable_mutations(default)]
    own = {value: text_kind(value) for value in varied if value not in library and value != default}
    if default in library or default in long or not long.keys().isdisjoint(own):
        return None
    first, last = _grouped_texts(limit)
    kinds = dict.fromkeys((*first, *own.values(), *last))
    return {
        kind: Joined(first.get(kind, ()), tuple(v for v in own if own[v] == kind), last.get(kind, ())) for kind in kinds
    }


class Joined(Sequence[str]):
    """Sequences one behind the other, without a copy of them."""

    def __init__(self, *parts: Sequence[str]) -> None:
        self._parts = [part for part in parts if part]
        self._ends = list(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: Any) -> Any:
        part = bisect_right(self._ends, index)
        return self._parts[part][index - self._ends[part]]


def _listed(layout: Layout, leaf: Leaf, kind: str, values: Sequence[Any]) -> Values:
    return Values(kind, len(values), lambda k: (layout.change(leaf, values[k]),))


def _library(primitive: boofuzz.Fuzzable, max_len: int) -> Iterable[tuple[str, Any]]:
    """A primitive's mutation values with their closures bound at once, none longer than `max_len`."""
    bounded: Any = copy(primitive)
    default = primitive.original_value()
    if isinstance(primitive, boofuzz.String | boofuzz.Bytes):
        bounded.max_len = min(primitive.max_len or max_len, max_len)
    if type(primitive) is boofuzz.Bytes:
        bounded._default_value = default[: max_len + _OVERLAP]  # what stands behind is cut off whatever is in it
    own = set(primitive._fuzz_values)
    if type(primitive) is boofuzz.String and all(isinstance(value, str) for value in own):
        for value, kind in _texts(bounded, default, max_len).items():
            if value != default:
                yield "own" if value in own else kind, value
        return
    for mutated in _mutated(bounded, bounded.original_value()):
        value = bound(bounded, mutated)
        value = value[:max_len] if isinstance(value, str | bytes) else value
        if value == default:
            continue
        if value in own:
            yield "own", value
        else:
            yield text_kind(value) if isinstance(value, str) else "boofuzz", value


def _mutated(primitive: Any, default: object) -> Iterable[Any]:
    """What `get_mutations` gives, without a `Mutation` and a qualified name around each value."""
    if not primitive.fuzzable:
        return
    for value in chain(primitive.mutations(default), primitive._fuzz_values):
        first = cast("list[Any]", value)[0] if isinstance(value, list) else value
        yield first.value if isinstance(first, Mutation) else first


def _texts(string: Any, default: str, max_len: int) -> dict[str, str]:
    """What `get_mutations` gives for a string, with classes; what all strings have in common is made once."""
    library, long = _shared_texts(string.max_len)
    varied = [value[: string.max_len] for value in string._yield_variable_mutations(default)]
    own = [value[:max_len] for value in string._fuzz_values]
    made = [{value: text_kind(value) for value in values if value not in library} for values in (varied, own)]
    return library | made[0] | long | made[1]


@lru_cache(_LIMITS)
def _shared_texts(limit: int) -> tuple[dict[str, str], dict[str, str]]:
    """boofuzz's library of strings, and its long ones, cut to a limit; with their classes."""
    string: Any = boofuzz.String("any", max_len=limit)
    texts = (string._fuzz_library, string._yield_long_strings(string.long_string_seeds))
    library, long = ({value[:limit]: text_kind(value[:limit]) for value in values} for values in texts)
    return library, long


@lru_cache(_LIMITS)
def _grouped_texts(limit: int) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The library and the long strings by class, each value where it comes first."""
    library, long = _shared_texts(limit)
    parts = library, {value: kind for value, kind in long.items() if value not in library}
    first, last = ({kind: tuple(v for v in texts if texts[v] == kind) for kind in texts.values()} for texts in parts)
    return first, last


def text_kind(value: str) -> str:
    """`format` for conversion characters, `control` for unprintable ones, `long`, or `plain`."""
    if len(value) >= LONG:
        return "format" if "%n" in value or "%s" in value else "long"
    if "%" in value:
        return "format"
    return "plain" if value.isprintable() and value.isascii() else "control"


def _parts(layout: Layout, extent: Extent) -> list[Change]:
    return [Change(leaf.name, leaf.default) for leaf in layout.leaves[extent.first : extent.last]]


def _resized(layout: Layout, name: str, length: int, filler: bytes) -> Changes:
    """Cuts fields from the end, or adds to the tail, so that what stands before stays live."""
    leaves = layout.leaves[layout.extents[name].first : layout.extents[name].last]
    room = length
    changes: list[Change] = []
    for leaf in leaves:
        kept = leaf.default[:room]
        if len(kept) < len(leaf.default):
            changes.append(Change(leaf.name, kept))
        room -= len(kept)
    if room > 0:
        changes.append(Change(leaves[-1].name, fit(b"", room, filler)))
    return tuple(changes)
