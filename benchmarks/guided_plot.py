"""Faults found over cases or seconds, a line for each contender: the median of the seeds, and the range of all."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.guided_table import Run, Runs

_INCHES, _DOTS = (8, 4.5), 110
_DRAWN_AT = 200  # points on the axis


def draw(found: Mapping[str, Runs], file: Path, *, timed: bool) -> None:
    """A PNG, the same for the same results."""
    figure = Figure(_INCHES, layout="constrained")
    axes = figure.subplots()
    for name, runs in found.items():
        ends = [run["seconds"] if timed else run["cases"] for run in runs]
        at = _scale(min(ends))
        counts = [[_found_by(run, place, timed=timed) for run in runs] for place in at]
        (line,) = axes.plot(at, [statistics.median(each) for each in counts], label=name, drawstyle="steps-post")
        axes.fill_between(
            at, list(map(min, counts)), list(map(max, counts)), step="post", alpha=0.12, color=line.get_color()
        )
    axes.set(xscale="log", xlabel="seconds" if timed else "cases", ylabel="distinct planted faults found")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", frameon=False)
    axes.grid(alpha=0.3)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=_DOTS, metadata={"Software": None})


def _scale(end: float) -> Sequence[float]:
    """Places from 1 to the end, at equal distances of a logarithmic axis."""
    return [max(end, 2.0) ** (k / _DRAWN_AT) for k in range(_DRAWN_AT + 1)]


def _found_by(run: Run, place: float, *, timed: bool) -> int:
    return sum((seconds if timed else case) <= place for case, seconds in run["found"].values())
