"""Edges with how often they were taken: AFL's tuples, told apart by its eight classes of hit counts."""

from __future__ import annotations

import re
from collections.abc import Collection

_LEAST = (1, 2, 3, 4, 8, 16, 32, 128)
"""From how many hits on each class is, as in AFL's `count_class_lookup8`."""
_CLASSES = bytes(sum((hits >= least) for least in _LEAST) for hits in range(256))
_BITS = bytes(1 << (number - 1) if number else 0 for number in _CLASSES)
_SOME = re.compile(rb"[^\0]")


class Tuples:
    """Those that were ever seen. One is a number: eight times its edge's place in the map, plus the class of its count.

    All are the bits of one integer, so that most maps, in which nothing is new, cost no loop.
    """

    def __init__(self) -> None:
        self._seen = 0

    def __len__(self) -> int:
        return self._seen.bit_count()

    def add(self, hits: bytes) -> None:
        """Count as seen what a map shows: a byte for each edge, how often it was taken."""
        self._seen |= int.from_bytes(hits.translate(_BITS), "little")

    def know(self, tuples: Collection[int]) -> None:
        """Count these as seen."""
        raw = bytearray(max(tuples, default=0) // 8 + 1)
        for one in tuples:
            raw[one // 8] |= 1 << one % 8
        self._seen |= int.from_bytes(raw, "little")

    def all(self) -> tuple[int, ...]:
        """All of them, in order."""
        raw = self._seen.to_bytes((self._seen.bit_length() + 7) // 8, "little")
        some = ((found.start(), found[0][0]) for found in _SOME.finditer(raw))
        return tuple(8 * place + bit for place, bits in some for bit in range(8) if bits >> bit & 1)
