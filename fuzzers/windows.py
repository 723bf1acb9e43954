"""Bytes of a free field as numbers: one alone, and two or four side by side in both orders.

A field of which nobody knows the layout has none that could be looked into; where a program reads numbers in it shows
in what it compares. A window's name is the field's with where it lies: `bytes[2:4]<` are two, the lowest first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from fuzzers.operands import Three
from fuzzers.scales import Scale

MOST = 48  # bytes of a field that are looked into
_SIZES = (1, 2, 4)
_NAME = re.compile(r"(.*)\[(\d+):(\d+)\]([<>])")
Order = Literal["little", "big"]


class Window(NamedTuple):
    """Some bytes of a field, as an integer."""

    field: str
    start: int
    stop: int
    order: Order

    @property
    def name(self) -> str:
        """The field with where it lies in it."""
        return f"{self.field}[{self.start}:{self.stop}]{'<' if self.order == 'little' else '>'}"

    @property
    def most(self) -> int:
        """The largest number that it has room for."""
        return (1 << 8 * (self.stop - self.start)) - 1

    def number(self, data: bytes) -> int:
        """What stands there."""
        return int.from_bytes(data[self.start : self.stop], self.order)

    def scale(self, data: bytes) -> Scale:
        """As a number that can be given another value."""
        part = data[self.start : self.stop]
        return Scale("number", self.number(data), 0, self.most, part, self.order)


def window_of(name: str) -> Window | None:
    """The window of that name; None for a field's own name."""
    if not (found := _NAME.fullmatch(name)):
        return None
    return Window(found[1], int(found[2]), int(found[3]), "little" if found[4] == "<" else "big")


def field_of(name: str) -> str:
    """The field that a window lies in, or that is named."""
    window = window_of(name)
    return window.field if window else name


def single(field: str, size: int) -> list[Window]:
    """Each byte alone, as far as they are looked into."""
    return [Window(field, at, at + 1, "big") for at in range(min(size, MOST))]


def windows(field: str, size: int) -> Iterator[Window]:
    """All, the single bytes first."""
    yield from single(field, size)
    for width in _SIZES[1:]:
        for at in range(min(size, MOST) - width + 1):
            yield Window(field, at, at + width, "little")
            yield Window(field, at, at + width, "big")


def written(data: bytes, changes: Mapping[Window, bytes]) -> bytes:
    """The field's bytes with these in their windows."""
    made = bytearray(data)
    for window, part in changes.items():
        made[window.start : window.stop] = part
    return bytes(made)


def moved_in(window: Window, datas: Sequence[bytes]) -> bool:
    """True where the window's number is not the same in all."""
    return len({data[window.start : window.stop] for data in datas}) > 1


def three_of(window: Window, datas: Sequence[bytes]) -> Three:
    """The window's number in each of three."""
    first, second, third = map(window.number, datas)
    return first, second, third
