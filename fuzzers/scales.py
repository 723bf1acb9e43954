"""A field as one number: what it says in binary or in digits, or how long it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import boofuzz

from fuzzers.pools import limits_of
from protocols.bits import BitGroup
from protocols.model import Message
from protocols.render import TAIL, Leaf

_DIGITS = re.compile(rb"(\d{1,9})(?:\.(\d{1,4}))?")
_MOST_BYTES = 8
Kind = Literal["number", "digits", "length"]


@dataclass(frozen=True, slots=True)
class Scale:
    """A field's number, what it may be by its definition, and how to write another one.

    `places` are decimal places of digits: 5.0 is 50 with one.
    """

    kind: Kind
    value: int
    low: int
    high: int
    data: bytes
    order: Literal["little", "big"] = "big"
    places: int = 0
    declared: bool = False

    def is_limit(self, number: int) -> bool:
        """True for an end of a declared range, and what is next to it."""
        return self.declared and min(abs(number - self.low), abs(number - self.high)) <= 1

    def written(self, number: int) -> bytes | None:
        """The field with this number; None where it has no room for it."""
        if self.kind == "number":
            size = len(self.data)
            return number.to_bytes(size, self.order) if 0 <= number < 1 << 8 * size else None
        if number < 0 or (self.kind == "length" and number > self.high):
            return None
        return self._digits(number) if self.kind == "digits" else self._resized(number)

    def _digits(self, number: int) -> bytes:
        text = str(number).rjust(self.places + 1, "0")
        return (f"{text[: -self.places]}.{text[-self.places :]}" if self.places else text).encode()

    def _resized(self, length: int) -> bytes:
        filler = self.data[-1:] or b"A"
        return (self.data + filler * max(0, length - len(self.data)))[:length]


def scales_of(message: Message, leaf: Leaf, data: bytes, max_len: int) -> list[Scale]:
    """Every way to see a field as a number, `data` being what is in it; none for what is constant or worked out."""
    if not leaf.primitive.fuzzable or leaf.name.endswith(TAIL) or leaf.index in message.layout.computed:
        return []
    declared = limits_of(message, leaf)
    low, high = declared or (0, (1 << 8 * len(data)) - 1)
    if is_number(leaf):
        order = order_of(leaf)
        fits = 0 < len(data) <= _MOST_BYTES
        value = int.from_bytes(data, order)
        return [Scale("number", value, low, high, data, order, declared=declared is not None)] if fits else []
    if not is_free(leaf):
        return []
    found = [Scale("length", len(data), 0, max_len, data)]
    if digits := _DIGITS.fullmatch(data):
        places = digits[2] or b""
        found.insert(0, Scale("digits", int(digits[1] + places), 0, 10**9, data, places=len(places)))
    return found


def is_number(leaf: Leaf) -> bool:
    """True for a binary integer."""
    primitive = leaf.primitive
    binary = getattr(primitive, "format", "binary") == "binary"
    return bool(leaf.default) and binary and isinstance(primitive, boofuzz.BitField | BitGroup)


def is_free(leaf: Leaf) -> bool:
    """True for text and bytes, of no fixed size."""
    return isinstance(leaf.primitive, boofuzz.Bytes | boofuzz.String)


def order_of(leaf: Leaf) -> Literal["little", "big"]:
    """Of an integer's bytes."""
    return "little" if getattr(leaf.primitive, "endian", ">") == "<" else "big"
