"""How well a requirement was exercised: by one execution, and by all that count, added up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.quick import quick


class Exercise(NamedTuple):
    """What one execution showed of one requirement; the terms are those of `RequirementStatistics`."""

    exercised: int
    exercised_seconds: float
    unknown_seconds: float
    violated: int
    margin: float

    def plus(self, more: Exercise) -> Exercise:
        """Both together."""
        return Exercise(
            self.exercised + more.exercised,
            self.exercised_seconds + more.exercised_seconds,
            self.unknown_seconds + more.unknown_seconds,
            self.violated + more.violated,
            min(self.margin, more.margin),
        )


@quick
@dataclass(frozen=True, slots=True)
class Watched:
    """What one execution showed of all requirements: link seconds that went by, and those that were judged or known."""

    seconds: float = 0.0
    exercises: Mapping[str, Exercise] = field(default_factory=dict[str, Exercise])

    def then(self, later: Watched) -> Watched:
        """Both, one after the other."""
        merged = dict(self.exercises)
        for name, more in later.exercises.items():
            merged[name] = merged[name].plus(more) if name in merged else more
        return Watched(self.seconds + later.seconds, merged)


@dataclass(frozen=True, slots=True)
class RequirementStatistics:
    """What was seen of one requirement so far. Times are seconds of link time over all cases.

    `exercised` counts how often the condition of its `implies` became true (`exercised_seconds`: for how long); a
    requirement without a condition counts each judgement and all observed time. `margin` is the smallest robustness
    seen, in [-1, 1]; None where it was never judged. `unknown_seconds` is the time in which a signal was missing, or
    none had come yet; `missing` are the names of the signals that never had a value.
    """

    requirement: str
    observed_seconds: float = 0.0
    unknown_seconds: float = 0.0
    exercised: int = 0
    exercised_seconds: float = 0.0
    violated: int = 0
    margin: float | None = None
    missing: tuple[str, ...] = ()


Sums = tuple[int, float, float, int, float]


@dataclass(frozen=True, slots=True)
class TotalsState:
    """What was added up: link seconds, and an `Exercise` for each requirement."""

    seconds: float
    sums: Mapping[str, Sums]


class RequirementTotals:
    """Adds up executions. `unconditional` are requirements that all observed time exercises."""

    def __init__(self, requirements: Iterable[str], unconditional: Iterable[str] = ()) -> None:
        self._totals = dict.fromkeys(requirements, Exercise(0, 0.0, 0.0, 0, math.inf))
        self._unconditional = frozenset(unconditional)
        self._seconds = 0.0

    def add(self, watched: Watched) -> None:
        """Count one execution."""
        self._seconds += watched.seconds
        for name, more in watched.exercises.items():
            self._totals[name] = self._totals[name].plus(more)

    def state(self) -> TotalsState:
        """The sums, to be written down."""
        return TotalsState(self._seconds, dict(self._totals))

    def restore(self, state: TotalsState) -> None:
        """Back to a `state()`."""
        self._seconds = state.seconds
        self._totals.update({name: Exercise(*sums) for name, sums in state.sums.items() if name in self._totals})

    def statistics(self) -> Mapping[str, RequirementStatistics]:
        """The figures by requirement."""
        return {name: self._figures(name, total) for name, total in self._totals.items()}

    def _figures(self, name: str, total: Exercise) -> RequirementStatistics:
        observed = self._seconds - total.unknown_seconds
        return RequirementStatistics(
            name,
            observed,
            total.unknown_seconds,
            total.exercised,
            observed if name in self._unconditional else total.exercised_seconds,
            total.violated,
            None if total.margin == math.inf else total.margin,
        )
