"""Geometry of the small charts over a campaign: one step line over time, with round ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 460, 150
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 24
MOST_STEPS = 200


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis, at a pixel."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A step line in pixels; `area` closes it to the axis. `last` is its final value."""

    title: str
    line: str
    area: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    last: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def step_chart(title: str, points: Sequence[tuple[float, float]], end: float) -> Chart:
    """A chart of (seconds, value) points, each held until the next one, from 0 to `end` seconds."""
    top = max((value for _, value in points), default=0.0)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    x_scale, y_scale = width / (end or 1.0), height / (top or 1.0)

    def place(seconds: float, value: float) -> tuple[float, float]:
        return LEFT + min(seconds, end) * x_scale, TOP + height - value * y_scale

    line = _steps([place(*point) for point in _thinned(points)], place(end, 0)[0])
    base = TOP + height
    return Chart(
        title,
        line,
        f"{line} V{base} H{LEFT} Z" if line else "",
        tuple(Tick(LEFT + at * x_scale, f"{at:g} s") for at in round_ticks(end, 5)),
        tuple(Tick(base - at * y_scale, f"{at:,g}") for at in round_ticks(top, 3)),
        f"{points[-1][1]:,g}" if points else "0",
    )


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """At most `MOST_STEPS` and the last one: more than there are pixels is not seen."""
    stride = 1 + len(points) // MOST_STEPS
    return [*points[:-1:stride], *points[-1:]]


def _steps(places: Sequence[tuple[float, float]], end: float) -> str:
    if not places:
        return ""
    (x, y), *rest = places
    parts = [f"M{x:.1f} {y:.1f}"]
    for x, y in rest:
        parts.append(f"H{x:.1f}")
        parts.append(f"V{y:.1f}")
    return " ".join([*parts, f"H{end:.1f}"])


def round_ticks(top: float, count: int) -> tuple[float, ...]:
    """About `count` round numbers from 0 to `top`."""
    if not top > 0 or not math.isfinite(top):
        return (0.0,)
    rough = top / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return tuple(round(number * step, 12) for number in range(int(top / step * 1.0001) + 1))
