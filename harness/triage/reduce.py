"""Algorithms that make things smaller while they still show a fault. They ask by yielding and are sent yes or no.

Each yields candidates that are smaller than the last one that was taken, and returns that; whoever drives it decides
what a question costs and when it is enough. None asks the same twice in a row or takes a candidate that showed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")
Asks = Generator[T, bool, T]


def fewest(items: Sequence[T], *, least: int = 0) -> Asks[tuple[T, ...]]:
    """A subsequence of which no item can be left out, and no fewer than `least`: ddmin by complements.

    Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002. Of n items of which
    k are needed, about k log n questions, the large pieces first: most are not needed.
    """
    kept, size = tuple(items), max(1, len(items) - least)
    while len(kept) > least:
        start = found = 0
        while start < len(kept) and len(kept) > least:
            shorter = kept[:start] + kept[start + min(size, len(kept) - least) :]
            if (yield shorter):
                kept, found = shorter, found + 1
            else:
                start += size
        if size == 1 and not found:
            break
        size = size if size == 1 else max(1, size // 2)
    return kept


def nearest(good: int, bad: int) -> Asks[int]:
    """The number next to `good` that still shows it, on the way from there to `bad`, which does.

    The boundary lies between it and its neighbour on the side of `good`, which was asked or is `good` itself. Steps
    that double lead away from `good`, then it bisects (Bentley and Yao, An almost optimal algorithm for unbounded
    searching, 1976): a boundary is often near what is usual, and a number that shows nothing costs no reset.
    """
    step = 1 if bad > good else -1
    while abs(step) <= abs(bad - good) // 2:
        if (yield good + step):
            bad = good + step
            break
        good, step = good + step, 2 * step
    return (yield from bisected(good, bad))


def bisected(good: int, bad: int) -> Asks[int]:
    """As `nearest`, and as likely to end anywhere where more than one number does."""
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        if (yield middle):
            bad = middle
        else:
            good = middle
    return bad


def mapped(asks: Generator[T, bool, R], built: Callable[[T], U]) -> Generator[U, bool, R]:
    """The questions of an algorithm, each built into what can be asked."""
    try:
        candidate = next(asks)
        while True:
            candidate = asks.send((yield built(candidate)))
    except StopIteration as done:
        return done.value
