"""Takes a captured message apart by a protocol's own definitions, and gives the message with what it held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import boofuzz

from protocols.bits import BitGroup
from protocols.encoding import encode, is_whole
from protocols.model import Message, Protocol
from protocols.render import TAIL, Change, Layout, Leaf

HANDLE = "handle:"
_VARIABLE = (boofuzz.BitField, BitGroup, boofuzz.String, boofuzz.Bytes, boofuzz.Group, boofuzz.Simple)
Parts = Mapping[str, bytes]


def recognized(protocol: Protocol, data: bytes, uuid: str = "") -> Message | None:
    """The message that `data` is, with the values it has there; None where no definition fits it byte for byte."""
    fit = best_fit(protocol, data, uuid)
    return with_values(*fit) if fit else None


def best_fit(protocol: Protocol, data: bytes, uuid: str = "") -> tuple[Message, Parts] | None:
    """The message that `data` is, and the bytes of each of its fields by path.

    Lengths and checksums must be right, and a guard would know the message. Of several, it is the one that agrees
    longest from the field on that tells the protocol's messages apart; that field must be the message's. A handle is
    known by its `uuid` only.
    """
    told = _telling_apart(list(protocol.messages.values()))
    known = [message for message in protocol.messages.values() if protocol.forbidden((message.name,)).search(data)]
    likely = [message.shaped(data) for message in known]
    fits = [(message, parts) for message in likely if (parts := taken_for(message, data, uuid))]
    fits = [(message, parts) for message, parts in fits if _is_of_kind(message, parts, told)]
    return max(fits, key=lambda fit: _agreement(*fit, told), default=None)


def values_of(message: Message, parts: Parts) -> bytes:
    """What two messages of a kind differ in: the fields that nothing computes, each behind its length."""
    own = (parts[leaf.name] for leaf in _plain(message.layout))
    return b"".join(len(part).to_bytes(4, "big") + part for part in own)


def taken_for(message: Message, data: bytes, uuid: str = "") -> Parts | None:
    """The bytes of each field of `message` in `data`, by path; None where it is not of that form."""
    handles = [name for name in message.live.values() if name.startswith(HANDLE)]
    if any(name.lower() != HANDLE + uuid.lower() for name in handles):
        return None
    layout = message.layout
    plain = layout.decoded(data)
    parts = None if plain is None else _Dissection(layout, plain).parts()
    if parts is None:
        return None
    given = [Change(leaf.name, parts[leaf.name]) for leaf in _given(layout)]
    same = layout.render(given).data == data
    return parts if same and all(_is_sayable(leaf, parts[leaf.name]) for leaf in _plain(layout)) else None


def with_values(message: Message, parts: Parts) -> Message:
    """The message with the defaults of `parts`, where nothing computes them."""
    request = deepcopy(message.request)
    for leaf in _plain(message.layout):
        if parts[leaf.name] != leaf.default:
            primitive: Any = request.names[f"{request.name}.{leaf.name}"]
            primitive._default_value = _value(primitive, parts[leaf.name])
    return replace(message, request=request, variants=(), seeds=())


def _is_sayable(leaf: Leaf, data: bytes) -> bool:
    """boofuzz has a value for the bytes."""
    return data == leaf.default or encode(leaf.primitive, _value(leaf.primitive, data)) == data


def _given(layout: Layout) -> list[Leaf]:
    """Leaves that no other leaf decides."""
    return [leaf for leaf in layout.leaves if not _is_computed(leaf) and not leaf.name.endswith(TAIL)]


def _plain(layout: Layout) -> list[Leaf]:
    return [leaf for leaf in _given(layout) if not leaf.live]


def _is_computed(leaf: Leaf) -> bool:
    return isinstance(leaf.primitive, boofuzz.Size | boofuzz.Checksum)


def _telling_apart(messages: Sequence[Message]) -> int:
    """The place, among the plain fields, of the first in which the messages differ."""
    rows = [[leaf.default for leaf in _plain(message.layout)] for message in messages]
    columns = zip(*rows, strict=False)
    return next((place for place, column in enumerate(columns) if len(set(column)) > 1), 0) if len(rows) > 1 else -1


def _is_of_kind(message: Message, parts: Parts, told: int) -> bool:
    """The field that tells messages apart is the message's."""
    plain = _plain(message.layout)
    return not 0 <= told < len(plain) or parts[plain[told].name] == plain[told].default


def _agreement(message: Message, parts: Parts, told: int) -> tuple[int, int]:
    """How many fields in a row are as the message has them, and how many at all."""
    same = [parts[leaf.name] == leaf.default for leaf in _plain(message.layout)]
    row = same[max(told, 0) :]
    return (row.index(False) if False in row else len(row)), sum(same)


def _value(primitive: Any, data: bytes) -> Any:
    """What the primitive encodes to `data`, if there is such a value."""
    if isinstance(primitive, BitGroup):
        return int.from_bytes(data, primitive.order)
    if isinstance(primitive, boofuzz.BitField):
        return _number(primitive, data)
    if isinstance(primitive, boofuzz.String):
        return data.decode(primitive.encoding, "replace")
    return data


def _number(primitive: Any, data: bytes) -> int:
    if primitive.format == "binary":
        return int.from_bytes(data, "little" if primitive.endian == "<" else "big")
    return int(data) if data.isdigit() else 0


@dataclass(slots=True)
class _Dissection:
    """One try to take bytes apart by a layout, from front to back."""

    layout: Layout
    data: bytes

    def parts(self) -> Parts | None:
        """The bytes of each leaf by path, or None."""
        starts, ends = [0], dict[int, int]()
        for leaf in self.layout.leaves:
            self._note_lengths(leaf.index, starts, ends)
            stop = self._stop(leaf, starts[-1], ends)
            if stop is None or not starts[-1] <= stop <= len(self.data):
                return None
            starts.append(stop)
        if starts[-1] != len(self.data):
            return None
        pairs = pairwise(starts)
        return {leaf.name: self.data[at:stop] for leaf, (at, stop) in zip(self.layout.leaves, pairs, strict=True)}

    def _note_lengths(self, index: int, starts: Sequence[int], ends: dict[int, int]) -> None:
        """Where what a length counts ends, once both the length and its beginning are known; by the leaf behind it."""
        for size in self.layout.sizes:
            if max(size.leaf + 1, size.extent.first) == index < size.extent.last:
                told = self.data[starts[size.leaf] : starts[size.leaf + 1]]
                first = starts[size.extent.first]
                lengths = range(len(self.data) - first + 1)
                fit = next((n for n in lengths if size.compute(n.to_bytes(8, "big")) == told), len(lengths))
                ends[size.extent.last] = first + fit

    def _stop(self, leaf: Leaf, at: int, ends: Mapping[int, int]) -> int | None:
        width = _width(leaf)
        if width is not None:
            return at + width if not _is_constant(leaf) or self.data.startswith(leaf.default, at) else None
        return self._variable(leaf, at, ends)

    def _variable(self, leaf: Leaf, at: int, ends: Mapping[int, int]) -> int:
        """Up to the end that a length tells, less what comes before that; else up to the next constant text."""
        last, end = min(
            ((last, end) for last, end in ends.items() if last > leaf.index),
            default=(len(self.layout.leaves), len(self.data)),
        )
        behind = [_width(other) for other in self.layout.leaves[leaf.index + 1 : last]]
        if None not in behind:
            return end - sum(width or 0 for width in behind)
        text = next(self._texts(leaf.index + 1, last), b"")
        found = self.data.find(text, at, end) if text else -1
        return found if found >= 0 else at + len(leaf.default)

    def _texts(self, first: int, last: int) -> Iterator[bytes]:
        return (leaf.default for leaf in self.layout.leaves[first:last] if leaf.default and _is_constant(leaf))


def _is_constant(leaf: Leaf) -> bool:
    """It is the same in every message: text, or what boofuzz has to render as it stands."""
    primitive = leaf.primitive
    if isinstance(primitive, boofuzz.Size | boofuzz.Checksum):
        return is_whole(primitive)
    return not isinstance(primitive, _VARIABLE) or not primitive.fuzzable


def _width(leaf: Leaf) -> int | None:
    """Its number of bytes where that is fixed."""
    primitive: Any = leaf.primitive
    if leaf.name.endswith(TAIL) or _is_constant(leaf) or isinstance(primitive, boofuzz.Checksum | BitGroup):
        return len(leaf.default)
    if isinstance(primitive, boofuzz.Size | boofuzz.BitField):
        return len(leaf.default) if primitive.format == "binary" else None
    return getattr(primitive, "size", None)
