"""Interleaved runs, medians and tables: how every figure here is taken and shown."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

RUNS = 5


@dataclass(frozen=True, slots=True)
class Rates:
    """What each run gave, in things a second."""

    name: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle run."""
        return statistics.median(self.values)


def as_installed() -> dict[str, str]:
    """The environment of a command that keeps compiled modules, as it does where medfuzz is installed."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def interleaved(contenders: Mapping[str, Callable[[], float]], runs: int = RUNS) -> list[Rates]:
    """Each contender in turn, `runs` times over, so that a busy machine is busy for all of them."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, measure in contenders.items():
            taken[name].append(measure())
    return [Rates(name, tuple(values)) for name, values in taken.items()]


def ratio(of: Rates, to: Rates) -> float:
    """The median of the ratios of runs that stood side by side."""
    return statistics.median(a / b for a, b in zip(of.values, to.values, strict=True))


def table(title: str, unit: str, rates: Sequence[Rates], reference: Rates) -> str:
    """Medians, ratios to the reference, and the range."""
    lines = [title, f"  {'':<34}{unit:>12}{'ratio':>8}   min – max"]
    for row in rates:
        low, high = min(row.values), max(row.values)
        lines.append(f"  {row.name:<34}{row.median:>12,.0f}{ratio(row, reference):>8.2f}   {low:,.0f} – {high:,.0f}")
    return "\n".join(lines)


def wanted(what: str, reached: float, goal: float, *, at_most: bool = False) -> str:
    """One line that says whether a goal is reached."""
    good = reached <= goal if at_most else reached >= goal
    sign = "≤" if at_most else "≥"
    return f"  {what}: {reached:,.2f} (wanted {sign} {goal:,.2f}) {'reached' if good else 'NOT REACHED'}"
