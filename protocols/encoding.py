"""How boofuzz primitives become bytes: late-bound values bound, integers without the detour over strings of bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import boofuzz
from boofuzz.mutation_context import MutationContext

from protocols.checksums import Order


class CodedBlock(boofuzz.Block):
    """A block each of whose bytes goes out in another form. A layout takes it apart like any other block.

    What is inside counts and sums up the bytes that are meant; what is outside, those that go out. `outgoing` of two
    pieces must be those of each, one behind the other; `incoming` gives None for what stands for no bytes.
    """

    def __init__(
        self,
        name: str,
        children: Iterable[boofuzz.Fuzzable],
        outgoing: Callable[[bytes], bytes],
        incoming: Callable[[bytes], bytes | None],
    ) -> None:
        self.outgoing, self.incoming = outgoing, incoming
        super().__init__(name, children=tuple(children), encoder=outgoing)


class HexBlock(CodedBlock):
    """A block that goes out as hexadecimal digits in upper case."""

    def __init__(self, name: str, children: Iterable[boofuzz.Fuzzable]) -> None:
        super().__init__(name, children, hex_digits, from_digits)


def hex_digits(data: bytes) -> bytes:
    """Two digits a byte."""
    return data.hex().upper().encode()


def from_digits(digits: bytes) -> bytes | None:
    """The bytes that digits stand for, in whatever letters; None for what is none."""
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None


def bound(primitive: boofuzz.Fuzzable, value: Any) -> Any:
    """A boofuzz mutation value with its default bound in; must be called before the next value is drawn."""
    return value(primitive.original_value()) if callable(value) else value


def is_whole(item: boofuzz.Fuzzable) -> bool:
    """True for what a layout does not take apart."""
    if isinstance(item, boofuzz.FuzzableBlock):
        return bool(item.stack)
    if isinstance(item, boofuzz.Checksum):
        return bool(item._ipv4_src_block_name or item._ipv4_dst_block_name)
    return isinstance(item, boofuzz.Mirror | boofuzz.Repeat)


def names_inside(item: boofuzz.Fuzzable) -> Iterable[str]:
    """Qualified names of everything in a block."""
    for child in item.stack if isinstance(item, boofuzz.FuzzableBlock) else ():
        yield child.qualified_name
        yield from names_inside(child)


def encode(primitive: boofuzz.Fuzzable, value: Any) -> bytes:
    """The bytes that boofuzz encodes a value to, integers the short way."""
    value = bound(primitive, value)
    if type(primitive) in _INTEGERS and isinstance(value, int):
        return integer_bytes(primitive, value)
    if isinstance(primitive, boofuzz.Size) and isinstance(value, int):
        return integer_bytes(primitive.bit_field, value)
    encoded: Any = primitive.encode(value, MutationContext())
    return encoded.encode() if isinstance(encoded, str) else encoded


def is_integer(item: object) -> bool:
    """True for a field that holds a number."""
    return type(item) in _INTEGERS


_KINDS = {1: boofuzz.Byte, 2: boofuzz.Word, 4: boofuzz.DWord, 8: boofuzz.QWord}
_INTEGERS = frozenset({boofuzz.BitField, *_KINDS.values()})


def endian_of(order: Order) -> str:
    """As boofuzz writes it."""
    return "<" if order == "little" else ">"


def integer(name: str, value: int, width: int, order: Order, own: Sequence[int] = ()) -> boofuzz.Fuzzable:
    """A binary integer of `width` bytes; `own` are values that a fuzzer tries besides."""
    endian, kind = endian_of(order), _KINDS.get(width)
    if kind is None:
        return boofuzz.BitField(name, value, width=8 * width, endian=endian, fuzz_values=list(own))
    return kind(name, value, endian=endian, fuzz_values=list(own))


def integer_bytes(primitive: Any, value: int) -> bytes:
    """What `BitField._render_int` gives, without its strings of ones and zeros."""
    if primitive.format != "binary":
        rendered: Any = primitive.encode(value, None)
        return rendered
    order = "little" if primitive.endian == "<" else "big"
    return (value & ((1 << primitive.width) - 1)).to_bytes((primitive.width + 7) // 8, order)
