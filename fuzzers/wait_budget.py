"""Puts off cases that wait long, where waiting costs wall time: many short cases run for each long one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from fuzzers.wrapped import Wrapped
from harness.case import TestCase, Wait

_SECONDS_A_CASE = 0.05
_MAX_HELD = 2000


class WaitBudgetFuzzer(Wrapped):
    """Another fuzzer's cases, each once, in an order that spends at most `_SECONDS_A_CASE` of waiting a case.

    Depends on the cases alone, so that one seed still gives one order. `_MAX_HELD` cases are held back at most.
    """

    def cases(self) -> Iterator[TestCase]:
        """Short ones as they come; a long one as soon as enough short ones have paid for it."""
        saved, held = 0.0, deque[TestCase]()
        for case in self._fuzzer.cases():
            saved += _SECONDS_A_CASE
            if waiting(case) > saved:
                held.append(case)
            else:
                saved -= waiting(case)
                yield case
            if held and (waiting(held[0]) <= saved or len(held) > _MAX_HELD):
                saved = max(0.0, saved - waiting(held[0]))
                yield held.popleft()
        yield from held


def waiting(case: TestCase) -> float:
    """Seconds that a case does nothing but wait."""
    return sum(step.seconds for step in case.steps if isinstance(step, Wait))
