"""Geometry of one finding's timeline: every channel that was watched, one lane each, over the same link seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.finding import Finding
from harness.transcript import Sample, Transcript
from reports.charts import Tick, round_ticks
from reports.text import visible, visible_bytes

WIDTH, LEFT, RIGHT = 960, 150, 16
LANE, SIGNAL_LANE, AXIS = 26, 40, 26
MOST_SIGNALS = 10
MOST_MARKS = 400
LONGEST_TITLE = 160


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that lasted from `x` for `width` pixels, with the words that a pointer shows."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel: marks of a `kind`, which names the colour, or the path of a signal between `low` and `high`."""

    label: str
    kind: str
    top: float
    height: float
    marks: tuple[Mark, ...] = ()
    path: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class Channels:
    """The whole drawing in pixels; `moment` is where the observation was made, or -1 outside the drawing."""

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    moment: float
    height: float
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT


class _Axis:
    def __init__(self, transcript: Transcript) -> None:
        times = [transcript.started, transcript.ended]
        times += [time for e in transcript.exchanges for time in (e.sent_at, e.ended_at)]
        times += [event.time for event in transcript.events] + [time for time, _ in transcript.console]
        finite = [time for time in times if math.isfinite(time)]
        self.start, self.end = min(finite, default=0.0), max(finite, default=1.0)
        self._scale = (WIDTH - LEFT - RIGHT) / ((self.end - self.start) or 1.0)

    def x(self, time: float) -> float:
        """The pixel of a link second."""
        inside = min(max(time, self.start), self.end)
        return round(LEFT + (inside - self.start) * self._scale, 1)

    def mark(self, start: float, end: float, title: str) -> Mark:
        """A mark at least three pixels wide that stays inside."""
        x = min(self.x(start), WIDTH - RIGHT - 3.0)
        return Mark(x, round(max(3.0, self.x(end) - x), 1), visible(title)[:LONGEST_TITLE])

    def ticks(self) -> tuple[Tick, ...]:
        """Round seconds after the start."""
        return tuple(Tick(self.x(self.start + at), f"{at:g} s") for at in round_ticks(self.end - self.start, 8))


def channels_of(finding: Finding, names: Sequence[str], units: Mapping[str, str]) -> Channels:
    """The timeline of a finding's transcript; `names` are the signals in the order of a sample's values."""
    transcript, axis = finding.transcript, _Axis(finding.transcript)
    lanes: list[Lane] = []
    top = 4.0
    for label, kind, marks in _mark_lanes(transcript, axis):
        if marks:
            lanes.append(Lane(label, kind, top, LANE, tuple(marks[:MOST_MARKS])))
            top += LANE
    for index in _telling_signals(finding, names):
        unit = units.get(names[index], "")
        lanes.append(_signal_lane(transcript.samples, index, f"{names[index]} {unit}".strip(), top, axis))
        top += SIGNAL_LANE
    moment = finding.observation.time
    inside = axis.start <= moment <= axis.end
    return Channels(tuple(lanes), axis.ticks(), axis.x(moment) if inside else -1.0, top + AXIS)


def _mark_lanes(transcript: Transcript, axis: _Axis) -> list[tuple[str, str, list[Mark]]]:
    exchanges = transcript.exchanges
    sent = [axis.mark(e.sent_at, e.sent_at, f"{e.message}: {_bytes(e.sent)}") for e in exchanges if e.sent]
    waits = [axis.mark(e.sent_at, e.ended_at, _waiting(e.message, e.answered)) for e in exchanges if e.sent]
    replies = [axis.mark(e.ended_at, e.ended_at, _bytes(reply)) for e in exchanges for reply in e.replies]
    unasked = [axis.mark(e.ended_at, e.ended_at, _bytes(frame)) for e in exchanges for frame in e.unsolicited]
    stray = [axis.mark(e.ended_at, e.ended_at, _bytes(e.stray)) for e in exchanges if e.stray]
    console = [axis.mark(time, time, visible_bytes(text)) for time, text in transcript.console]
    events = [axis.mark(event.time, event.time, _event(event.kind, event.detail)) for event in transcript.events]
    return [
        ("sent", "sent", sent),
        ("in exchange", "exchange", waits),
        ("replies", "reply", replies),
        ("unsolicited", "unsolicited", unasked),
        ("non-frame bytes", "stray", stray),
        ("console", "console", console),
        ("target events", "event", events),
    ]


def _bytes(data: bytes) -> str:
    return f"{len(data)} bytes: {data[:40].hex(' ')}"


def _waiting(message: str, answered: bool) -> str:
    return f"{message}: {'answered' if answered else 'no answer'}"


def _event(kind: str, detail: Mapping[str, str]) -> str:
    return ", ".join([kind, *(f"{key} {value}" for key, value in detail.items())])


def _telling_signals(finding: Finding, names: Sequence[str]) -> list[int]:
    """The signals that the requirement reads, then those that changed; at most `MOST_SIGNALS`, as declared."""
    samples = finding.transcript.samples
    known = range(min([len(names), *(len(sample.values) for sample in samples)]) if samples else 0)
    read = [index for index in known if names[index] in finding.observation.detail]
    changed = [index for index in known if any(a.values[index] != b.values[index] for a, b in pairwise(samples))]
    chosen = list(dict.fromkeys([*read, *changed]))[:MOST_SIGNALS]
    return sorted(chosen, key=lambda index: (index not in read, index))


def _signal_lane(samples: Sequence[Sample], index: int, label: str, top: float, axis: _Axis) -> Lane:
    segments = _segments(samples, index, axis.end)
    known = [value for points, _ in segments for _, value in points]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low == high:
        low, high = min(low, 0.0), max(high, 1.0)
    scale = (SIGNAL_LANE - 14) / (high - low)

    def place(time: float, value: float) -> tuple[float, float]:
        return axis.x(time), top + SIGNAL_LANE - 7 - (value - low) * scale

    path = " ".join(_step_path([place(*point) for point in points], axis.x(stop)) for points, stop in segments)
    return Lane(visible(label), "signal", top, SIGNAL_LANE, path=path, low=f"{low:g}", high=f"{high:g}")


def _segments(samples: Sequence[Sample], index: int, end: float) -> list[tuple[list[tuple[float, float]], float]]:
    """Unbroken stretches of known values, each with the time at which it stops."""
    found: list[tuple[list[tuple[float, float]], float]] = []
    points: list[tuple[float, float]] = []
    for sample in samples:
        value = sample.values[index]
        if value is not None and math.isfinite(value):
            points.append((sample.time, value))
        elif points:
            found.append((points, sample.time))
            points = []
    return [*found, (points, end)] if points else found


def _step_path(places: Sequence[tuple[float, float]], stop: float) -> str:
    (x, y), *rest = places
    return " ".join([f"M{x:.1f} {y:.1f}", *(f"H{a:.1f} V{b:.1f}" for a, b in rest), f"H{stop:.1f}"])
