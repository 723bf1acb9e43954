"""Covering arrays of strength two: few rows in which every two levels of every two factors meet.

In-parameter-order (Lei and Tai, HASE 1998): each factor in turn is put into the rows that there are, then rows are
added for the pairs that are still missing. The number of rows grows with the logarithm of the number of factors.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

FREE = -1
Row = tuple[int, ...]


def covering(sizes: Sequence[int]) -> list[Row]:
    """Rows, with a level of each factor, FREE where no pair needs one. `sizes` are the numbers of levels, 1 or more."""
    order = sorted(range(len(sizes)), key=lambda factor: -sizes[factor])
    array = _Array([sizes[factor] for factor in order])
    places = {factor: place for place, factor in enumerate(order)}
    return [tuple(row[places[factor]] for factor in range(len(sizes))) for row in array.rows]


class _Array:
    """The rows as lists, and each as a set of bits: one for each level of each factor."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes, self._starts = sizes, [0, *accumulate(sizes)]
        self._factors = [factor for factor, size in enumerate(sizes) for _ in range(size)]
        self.rows: list[list[int]] = []
        self._bits: list[int] = []
        for factor in range(1, len(sizes)):
            self._take(factor)

    def _take(self, factor: int) -> None:
        """Another factor: all its pairs with those before it."""
        missing = [(1 << self._starts[factor]) - 1] * self._sizes[factor]
        for number in range(len(self.rows)):
            if not any(missing):
                return
            level = self._best(number, missing)
            if level != FREE:
                self._set(number, factor, level)
                missing[level] &= ~self._bits[number]
        for level in range(self._sizes[factor]):
            self._add(factor, level, missing[level])

    def _best(self, number: int, missing: Sequence[int]) -> int:
        """The level that meets most of what it has not met, of equal ones another in each row; FREE where none does."""
        bits, levels = self._bits[number], len(missing)
        gains = [(one & bits).bit_count() for one in missing]
        most = max(gains)
        if not most:
            return FREE
        return next(level for level in (*range(number % levels, levels), *range(levels)) if gains[level] == most)

    def _add(self, factor: int, level: int, missing: int) -> None:
        """Rows for what a level has still not met: those that are free there first."""
        while missing:
            bit = (missing & -missing).bit_length() - 1
            other = self._factors[bit]
            number = self._room(factor, level, other)
            self._set(number, factor, level)
            self._set(number, other, bit - self._starts[other])
            missing &= ~self._bits[number]

    def _room(self, factor: int, level: int, other: int) -> int:
        for number, row in enumerate(self.rows):
            if row[other] == FREE and row[factor] in (FREE, level):
                return number
        self.rows.append([FREE] * len(self._sizes))
        self._bits.append(0)
        return len(self.rows) - 1

    def _set(self, number: int, factor: int, level: int) -> None:
        self.rows[number][factor] = level
        self._bits[number] |= 1 << self._starts[factor] + level
