"""From which number on a fault shows, and up to which: both ends, asked of the device and not concluded.

Beside the number that a reproducer has, another fault of the same field may show: an overflow crashes here or there by
its length. So whatever the device shows counts, and only what it serves lies outside.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

from harness.case import Send
from harness.interfaces import Part
from harness.triage.reduce import bisected, mapped, nearest
from harness.triage.shrink import Place, Shrinker, Window, places_of

_TWICE = 2
_ASKED = 3  # times, what lies beside an end
_BETWEEN, _PARTS = (1, 3, 5), 7  # no round numbers, which have their bits in common


@dataclass(frozen=True, slots=True)
class Reach:
    """The numbers of a field (of a text: its lengths) that show a fault: from `near`, beside which one is served.

    `far` is the last on the way from the usual one; None where the end of what was asked still shows it. `end` is that
    end: the field's least or greatest number, or twice the length.
    """

    near: int
    far: int | None
    end: int


Reaches = Mapping[tuple[Place, str], Reach]


@dataclass(frozen=True, slots=True)
class Scale:
    """What can be counted in a field: the usual number, the one that it has, and the last one that can be asked.

    A longer text holds a shorter one; of a number any part may have a meaning of its own, so that there are `gaps`.
    """

    usual: int
    given: int
    end: int
    gaps: bool = False


def scale_of(part: Part) -> Scale | None:
    """A number's value, the length of a text that is longer than usual; None for whatever else."""
    size = len(part.data)
    if not part.number:
        return Scale(len(part.usual), size, _TWICE * size) if size > len(part.usual) else None
    if part.number == "ascii" or size != len(part.usual):
        return None
    usual, given = (value_of(data, part.number) for data in (part.usual, part.data))
    return Scale(usual, given, 0 if given < usual else 256**size - 1, gaps=True)


def value_of(data: bytes, number: str) -> int:
    """A binary integer in the byte order `number`."""
    return int.from_bytes(data, "little" if number == "little" else "big")


def reached(scale: Scale) -> Generator[int, bool, Reach]:
    """Asks numbers on both sides of the given one until it knows where the fault begins and where it ends.

    What lies beside an end is asked again: that a device did not show it once may have been the moment.
    """
    step = 1 if scale.given > scale.usual else -1
    near = far = scale.given
    while near - step != scale.usual and (yield from _shows(near - step)):
        near = yield from nearest(scale.usual, near - step)
    while far != scale.end and (yield from _shows(far + step)):
        far = yield from _last(scale, far + step, step)
    return Reach(near, None if far == scale.end else far, scale.end)


def _shows(number: int) -> Generator[int, bool, bool]:
    for _again in range(_ASKED):
        if (yield number):
            return True
    return False


def _last(scale: Scale, shows: int, step: int) -> Generator[int, bool, int]:
    """The last one behind one that shows it; the end alone may be served, as one with a meaning."""
    end = scale.end
    if shows == end or (yield end):
        far = end
    elif shows == end - step or (yield end - step):
        far = end - step
    else:
        far = yield from bisected(end - step, shows)
    return (yield from _without_gaps(shows, far)) if scale.gaps else far


def _without_gaps(shows: int, far: int) -> Generator[int, bool, int]:
    """The end of what shows it throughout, as far as some numbers in between tell."""
    between = {shows + (far - shows) * part // _PARTS for part in _BETWEEN}
    for number in sorted(between - {shows, far}, key=lambda number: abs(number - shows)):
        if not (yield number):
            return (yield from _without_gaps(shows, (yield from bisected(number, shows))))
    return far


def reaches_in(shrinker: Shrinker, window: Window) -> Generator[Window, bool, Reaches]:
    """Those of all unusual fields of a window, by place and name."""
    found: dict[tuple[Place, str], Reach] = {}
    for place in places_of(window, Send):
        for number, part in enumerate(shrinker.parts(window, place) or ()):
            if (scale := scale_of(part)) is not None:

                def built(value: int, place: Place = place, number: int = number, part: Part = part) -> Window:
                    return shrinker.changed(window, place, number, _data(part, value))

                found[place, part.name] = yield from mapped(reached(scale), built)
    return found


def _data(part: Part, value: int) -> bytes:
    if part.number:
        return value.to_bytes(len(part.data), "little" if part.number == "little" else "big")
    return (part.data + part.data[-1:] * value)[:value]
