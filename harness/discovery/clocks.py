"""Finds a device's uptime and boot counter in its answers: what grows with time is an uptime."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.assembly.assemble import assemble
from harness.bench import Bench, load_bench
from harness.errors import MedfuzzError
from harness.runner import Interface

Fields = Mapping[str, object]

_AT_ONCE, _LATER, _PAUSE = 5, 4, 0.35
_OFF = 1.5  # units: a counter of seconds is up to one behind, at both ends
_BOOTS = re.compile(r"boot|restart|reset|power_?(on|cycle)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The numbers of one answer, and when it came, in seconds of any clock."""

    at: float
    numbers: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Clocks:
    """Names of fields of the probe's answer; "" where none was found."""

    uptime: str = ""
    boots: str = ""


def find_clocks(path: Path) -> tuple[Clocks, str]:
    """Of the first interface of a bench that has some; and why the first that was not heard was not, "" where all were.

    A device that is not there yet has none.
    """
    clocks, silence = Clocks(), ""
    try:
        for interface in _interfaces(path):
            found, why = _of(interface)
            clocks, silence = clocks if clocks != Clocks() else found, silence or why
    except MedfuzzError as error:
        silence = silence or str(error)
    return clocks, silence


def _interfaces(path: Path) -> Sequence[Interface]:
    """Those over a wire: a radio is not started for this."""
    bench: Bench = load_bench(path)
    wired = [name for name, table in bench.interfaces.items() if not table.transport.startswith("ble:")]
    return list(assemble(path, seed=0, only=wired).runner.interfaces.values()) if wired else []


def _of(interface: Interface) -> tuple[Clocks, str]:
    try:
        answers = _asked(interface)
    except MedfuzzError as error:
        return Clocks(), str(error)
    else:
        return clocks_in(answers), "" if answers else f"{interface.name}: the probe is not answered"
    finally:
        interface.executor.close()


def _asked(interface: Interface, pause: Callable[[float], None] = time.sleep) -> list[Answer]:
    """Some answers at once, which tell a counter of answers from a clock, and some with pauses; all or none."""
    answers: list[Answer] = []
    for number in range(_AT_ONCE + _LATER):
        if number >= _AT_ONCE:
            pause(_PAUSE)
        answer = interface.executor.probe()
        if answer is None:
            return []
        answers.append(Answer(time.monotonic(), numbers_of(answer.fields)))
    return answers


def numbers_of(fields: Fields) -> dict[str, float]:
    """The fields that are numbers."""
    return {
        name: float(value)
        for name, value in fields.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def clocks_in(answers: Sequence[Answer]) -> Clocks:
    """What grows in step with time is uptime; what stands still and is called so, a boot counter."""
    if len(answers) < 2:
        return Clocks()
    names = [name for name in answers[0].numbers if all(name in answer.numbers for answer in answers)]
    series = {name: [(answer.at, answer.numbers[name]) for answer in answers] for name in names}
    uptimes = [name for name in names if _grows_with_time(series[name])]
    still = [name for name in names if len({value for _at, value in series[name]}) == 1]
    boots = [name for name in still if _BOOTS.search(name)]
    return Clocks((sorted(uptimes, key=_likely) or [""])[0], (boots or [""])[0])


def _likely(name: str) -> bool:
    """Sorts a field that is called uptime before one that is not, such as the time of day."""
    return "up" not in name.lower()


def _grows_with_time(points: Sequence[tuple[float, float]]) -> bool:
    (began, first), (ended, last) = points[0], points[-1]
    if last <= first or ended <= began:
        return False
    rate = (last - first) / (ended - began)
    off = max(_OFF, 0.1 * (last - first))
    return all(abs(value - first - rate * (at - began)) <= off for at, value in points)
