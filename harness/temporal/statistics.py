"""How well a requirement was exercised: counters that only grow, whatever snapshot the monitor goes back to."""

from __future__ import annotations

from dataclasses import dataclass


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
