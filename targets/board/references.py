"""What a function of the firmware refers to: calls, and addresses that it loads; and what a table points to.

Read from the image by the forms that Thumb-2 has for them (ARM DDI 0403, A7.7): BL, B, MOVW with MOVT, and the words in
the function itself, where its literals lie. What only looks so is none unless it leads exactly to a function or object.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise

from targets.board.image import Image, Symbol


def functions_in(image: Image) -> dict[int, Symbol]:
    """Functions that have a name and a size, by address, with those of the images beside it."""
    named = (symbol for symbol in image.named if symbol.function and symbol.size)
    found = {symbol.address: image.symbol_at(symbol.address) or symbol for symbol in named}
    for other in image.others:
        found |= functions_in(other)
    return found


class References:
    """Of one image with those beside it. `skipped` is the address of the vector table, which no code walks through."""

    def __init__(self, image: Image, functions: dict[int, Symbol], skipped: int) -> None:
        self._images, self._functions, self._skipped = _all(image), functions, skipped

    def of(self, symbol: Symbol) -> Iterator[Symbol]:
        """Functions that it calls or names, and objects."""
        data = self._bytes(symbol)
        if symbol.function:
            halves = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
            for address in _called(symbol.address, halves):
                if address in self._functions and address != symbol.address:
                    yield self._functions[address]
            yield from filter(None, map(self._named, _loaded(halves)))
        yield from filter(None, map(self._named, _words(symbol.address, data)))

    def _named(self, value: int) -> Symbol | None:
        """The function whose address, with the Thumb bit, it is, or the object of which it is a part."""
        if value & 1 and value - 1 in self._functions:
            return self._functions[value - 1]
        found = next(filter(None, (image.symbol_at(value) for image in self._images)), None)
        if found is None or found.function or found.address <= self._skipped < found.address + found.size:
            return None
        return found

    def _bytes(self, symbol: Symbol) -> bytes:
        for base, data in self._images[0].segments:
            if base <= symbol.address < base + len(data):
                return data[symbol.address - base : symbol.address - base + symbol.size]
        return b""


def _all(image: Image) -> list[Image]:
    return [image, *(one for other in image.others for one in _all(other))]


def _words(address: int, data: bytes) -> Sequence[int]:
    """Whole words at addresses that words have."""
    data = data[-address % 4 :]
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def _called(address: int, halves: Sequence[int]) -> Iterator[int]:
    """Where BL, and B in its two forms without a condition, lead to."""
    for index, half in enumerate(halves):
        place = address + 2 * index + 4
        if half & 0xF800 == 0xE000:  # B, 11 bits
            yield place + 2 * _signed(half & 0x7FF, 11)
        elif half & 0xF800 == 0xF000 and index + 1 < len(halves) and halves[index + 1] & 0x9000 == 0x9000:  # BL, B.W
            yield place + _far(half, halves[index + 1])


def _far(first: int, second: int) -> int:
    sign = first >> 10 & 1
    high = (~(second >> 13) ^ sign) & 1, (~(second >> 11) ^ sign) & 1
    return 2 * _signed(sign << 23 | high[0] << 22 | high[1] << 21 | (first & 0x3FF) << 11 | second & 0x7FF, 24)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value


def _loaded(halves: Sequence[int]) -> Iterator[int]:
    """What MOVW and the next MOVT to the same register make together."""
    low: dict[int, int] = {}
    for first, second in pairwise(halves):
        if second & 0x8000 or first & 0xFB70 != 0xF240:
            continue
        register = second >> 8 & 0xF
        value = (first & 0xF) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
        if not first & 0x80:
            low[register] = value
        elif register in low:
            yield value << 16 | low[register]
