"""What campaigns found, as tables in Markdown: a row for each fault, a column for each contender."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

NEVER = math.inf


class Run(TypedDict):
    """One campaign: what it was limited to, how long it took, and (case, seconds) at which each fault was found."""

    limit: list[str]
    cases: int
    seconds: float
    found: Mapping[str, tuple[int, float]]


Runs = Sequence[Run]


def markdown(found: Mapping[str, Runs], limit: str) -> str:
    """Cases, and seconds, until each fault is found: the median of the seeds, the least and the most."""
    seeds = max(map(len, found.values()), default=0)
    return "\n\n".join(
        [
            f"Until each planted fault is found: median of {seeds} seeds (least – most), {limit}",
            _table(found, "cases", lambda place: place[0]),
            _table(found, "seconds", lambda place: place[1]),
        ]
    )


def reach(runs: Runs) -> float:
    """How many faults a campaign finds, at the median."""
    return statistics.median(len(run["found"]) for run in runs) if runs else 0.0


def _table(found: Mapping[str, Runs], unit: str, value: Callable[[tuple[int, float]], float]) -> str:
    def places(runs: Runs, fault: str) -> list[float]:
        return [value(run["found"][fault]) if fault in run["found"] else NEVER for run in runs]

    faults = {fault for runs in found.values() for run in runs for fault in run["found"]}
    rows = sorted(([places(runs, fault) for runs in found.values()], fault) for fault in faults)
    rows.sort(key=lambda row: [statistics.median_high(each) for each in row[0]])
    lines = [[unit, *found], ["---", *["--:"] * len(found)]]
    lines += [[f"`{fault}`", *map(_spread, cells)] for cells, fault in rows]
    lines.append(["faults", *(_count(runs) for runs in found.values())])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _spread(values: Sequence[float]) -> str:
    middle = statistics.median_high(values)
    if len(values) == 1 or min(values) == NEVER:
        return _shown(middle)
    return f"{_shown(middle)} ({_shown(min(values))} – {_shown(max(values))})"


def _count(runs: Runs) -> str:
    counts = [len(run["found"]) for run in runs]
    return f"{statistics.median(counts):g} ({min(counts)} – {max(counts)})"


def _shown(value: float) -> str:
    if value == NEVER:
        return "never"
    return f"{value:,.1f}" if isinstance(value, float) and value < 100 else f"{value:,.0f}"
