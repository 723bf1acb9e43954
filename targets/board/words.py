"""What a firmware's code compares with and loads: numbers and texts that a fuzzer may say to it.

Read from the image alone, by the forms that Thumb-2 has for constants (ARM DDI 0403, A6.3, A7.7): what is data among
the code is read, too, and makes a few numbers more.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from harness.learned import Words
from targets.board.image import Image

_TEXT = re.compile(rb"[\x20-\x7e]{3,40}(?=\0)")
_MOST = 2048
_NEAR = 8  # halfwords


def words_of(image: Image) -> Words:
    """Numbers, the most frequent first, and texts, in their order; at most 2048 of each."""
    numbers: dict[int, int] = {}
    texts: dict[bytes, None] = {}
    for address, data in image.segments:
        for number in _numbers(address, data):
            numbers[number] = numbers.get(number, 0) + 1
        texts |= dict.fromkeys(text for text in _TEXT.findall(data) if _is_said(text))
    ranked = sorted(numbers, key=lambda number: (-numbers[number], number))
    places = [range(address, address + len(data)) for address, data in image.segments]
    return Words(tuple(n for n in ranked if not _is_place(n, places))[:_MOST], tuple(texts)[:_MOST])


def _is_said(text: bytes) -> bool:
    """True for what is letters and digits mostly; code reads like anything else."""
    return sum(chr(one).isalnum() for one in text) * 4 >= 3 * len(text)


def _is_place(number: int, places: Iterable[range]) -> bool:
    """True for an address of code, data, RAM or a peripheral: nothing that one says to a device."""
    return any(number in place for place in places) or number >> 28 in (0x2, 0x4, 0xE)


def _numbers(address: int, data: bytes) -> Iterator[int]:
    halves = struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])
    for index, half in enumerate(halves):
        if half & 0xF800 == 0x2800:  # CMP Rn, #imm8
            yield half & 0xFF
        elif half & 0xF800 == 0x4800:  # LDR Rt, [PC, #imm8 * 4]
            place = ((address + 2 * index + 4) & ~3) + 4 * (half & 0xFF) - address
            if 0 <= place <= len(data) - 4:
                yield int.from_bytes(data[place : place + 4], "little")
        elif index + 1 < len(halves):
            yield from _wide(half, halves[index + 1], halves[index + 2 : index + 2 + _NEAR])


def _wide(first: int, second: int, behind: Sequence[int]) -> Iterator[int]:
    imm12 = (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xFF
    if first & 0xFBF0 == 0xF1B0 and second & 0x8F00 == 0x0F00:  # CMP.W Rn, #const
        yield _expanded(imm12)
    elif first & 0xFBF0 == 0xF240 and not second & 0x8000 and not _is_half(second, behind):  # MOVW Rd, #imm16
        yield (first & 0xF) << 12 | imm12


def _is_half(second: int, behind: Sequence[int]) -> bool:
    """True where a MOVT to the same register follows: half of an address, mostly."""
    return any(first & 0xFBF0 == 0xF2C0 and (second ^ other) & 0x0F00 == 0 for first, other in pairwise(behind))


def _expanded(imm12: int) -> int:
    """ThumbExpandImm (A5.3.2)."""
    low, kind = imm12 & 0xFF, imm12 >> 8 & 3
    if imm12 >> 10 == 0:
        return low * (0x00000001, 0x00010001, 0x01000100, 0x01010101)[kind]
    rotated, by = 0x80 | imm12 & 0x7F, imm12 >> 7
    return (rotated >> by | rotated << (32 - by)) & 0xFFFFFFFF
