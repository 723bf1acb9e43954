"""Firmware files besides ELF: Intel HEX, and raw binaries, whose base address their own pointers tell."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from harness.errors import BenchError

Segments = tuple[tuple[int, bytes], ...]
_DATA, _END, _SEGMENT, _LINEAR = 0, 1, 2, 4
_PAGE, _MOST_TABLES, _VECTORS = 0x400, 1024, 64
_ROM_END = 0x1FF00000
_PUSHES = (0xB5, 0xB4)
_PUSH_WIDE = 0xE92D


def intel_hex(text: str) -> Segments:
    """The segments of an Intel HEX file, neighbours joined; raises BenchError naming the line."""
    found: list[tuple[int, bytearray]] = []
    for address, data in _records(text):
        if found and found[-1][0] + len(found[-1][1]) == address:
            found[-1][1].extend(data)
        else:
            found.append((address, bytearray(data)))
    return tuple((address, bytes(data)) for address, data in found)


def _records(text: str) -> Iterator[tuple[int, bytes]]:
    base = 0
    for number, line in enumerate(text.split(), 1):
        record = _record(number, line)
        length, offset, kind = record[0], int.from_bytes(record[1:3], "big"), record[3]
        data = record[4 : 4 + length]
        if kind == _DATA:
            yield base + offset, data
        elif kind == _END:
            return
        elif kind in (_SEGMENT, _LINEAR):
            base = int.from_bytes(data, "big") << (4 if kind == _SEGMENT else 16)


def _record(number: int, line: str) -> bytes:
    try:
        record = bytes.fromhex(line[1:]) if line.startswith(":") else b""
    except ValueError:
        record = b""
    if len(record) < 5 or len(record) != record[0] + 5 or sum(record) & 0xFF:
        raise BenchError(f"line {number} is no record of Intel HEX; name an ELF, a .hex or a .bin file")
    return record


def base_of(data: bytes) -> int | None:
    """Where a raw binary was linked to: the base at which most of its code pointers meet the start of a function.

    None where its first words are no vector table.
    """
    entries = [word for word in _words(data[: 4 * _VECTORS])[1:] if word & 1]
    if len(data) < 4 * 2 or not entries or _words(data[:8])[1] != entries[0]:
        return None
    pointers = {word & ~1 for word in _words(data) if word & 1 and abs(word - entries[0]) < len(data)}
    last = entries[0] & ~(_PAGE - 1)
    bases = range(last, max(last - len(data), -1), -_PAGE)
    scores = {base: _score(data, base, pointers, entries) for base in bases}
    best = max(scores, key=lambda base: scores[base], default=None)
    return best if best is not None and scores[best] else None


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def _score(data: bytes, base: int, pointers: set[int], entries: list[int]) -> int:
    """How many pointers meet a function that saves registers; an entry outside the file rules the base out."""
    if not all(0 <= (entry & ~1) - base < len(data) for entry in entries[:4]):
        return 0
    return 1 + sum(_begins_function(data, pointer - base) for pointer in pointers)


def _begins_function(data: bytes, offset: int) -> bool:
    if not 0 <= offset <= len(data) - 2:
        return False
    return data[offset + 1] in _PUSHES or int.from_bytes(data[offset : offset + 2], "little") == _PUSH_WIDE


def tables(segments: Segments) -> Iterator[int]:
    """Addresses at which a vector table may lie: a stack pointer in RAM, then entries that lead into the segments."""
    for address, data in sorted(segments):
        for offset in range(0, min(len(data) - 8, _PAGE * _MOST_TABLES), 0x100):
            stack, entry = struct.unpack_from("<II", data, offset)
            if _in_ram(stack) and entry & 1 and holds(segments, entry):
                yield address + offset


def _in_ram(address: int) -> bool:
    return address % 4 == 0 and (0x10000000 <= address < 0x40000000)


def holds(segments: Segments, address: int) -> bool:
    """True when an address lies in one of the segments."""
    return any(start <= address < start + len(data) for start, data in segments)
