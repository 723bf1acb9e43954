"""Does something grow with each repetition? A robust straight line through samples, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median

Point = tuple[int, int]  # repetitions so far, and how much there was then

_WARM = 0.25  # of the repetitions: what is made once is made by then
_FEWEST = 6  # points behind that
_STRAIGHT = 0.15  # of the whole growth: how far a point may lie off the line
_ALIKE = 0.6  # the slope of either half is at least so much of the other's
_BACK = 0.1  # of the whole growth: what may be given back on the way


@dataclass(frozen=True, slots=True)
class Growth:
    """`each` repetition adds so much; `first` and `last` are the points between which that was seen."""

    each: float
    first: Point
    last: Point

    @property
    def total(self) -> float:
        """How much was added between the first and the last point."""
        return self.each * (self.last[0] - self.first[0])


def growth_in(points: Sequence[Point], least: int) -> Growth | None:
    """A straight line that goes up by `least` at least behind the first quarter; None where there is none.

    The slope is that of Theil and Sen (the median of those of all pairs). What fills up, what is given back in between,
    what comes in leaps and what grows slower and slower is no straight line: caches, pools, collectors, tables.
    """
    points = _settled(points)
    if len(points) < _FEWEST:
        return None
    slope = slope_of(points)
    grown = Growth(slope, points[0], points[-1])
    if slope <= 0 or grown.total < least or points[-1][1] - points[0][1] < least:
        return None
    return grown if _is_straight(points, grown) else None


def slope_of(points: Sequence[Point]) -> float:
    """The median of the slopes of all pairs of points, which differ in their first."""
    return median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))


def _settled(points: Sequence[Point]) -> list[Point]:
    """Those behind the warm-up, the last one of each number of repetitions."""
    warm = _WARM * max((number for number, _amount in points), default=0)
    return sorted({number: amount for number, amount in points if number >= warm}.items())


def _is_straight(points: Sequence[Point], grown: Growth) -> bool:
    slack, middle = _STRAIGHT * grown.total, len(points) // 2
    start = median(amount - grown.each * number for number, amount in points)
    near = all(abs(amount - start - grown.each * number) <= slack for number, amount in points)
    back = max(a[1] - b[1] for a, b in pairwise(points))
    low, high = sorted((slope_of(points[: middle + 1]), slope_of(points[middle:])))
    return near and back <= _BACK * grown.total and low >= _ALIKE * high
