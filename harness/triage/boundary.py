"""From which number on a fault shows, and up to which: both ends, asked of the device and not concluded.

Beside the number that a reproducer has, another fault of the same field may show: an overflow crashes here or there by
its length. So whatever the device shows counts, and only what it serves lies outside. Of a text that does not show the
fault when as much of the usual one stands in its place, what is in it counts, and not how long it is.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace

from harness.case import Send
from harness.interfaces import Part
from harness.triage.reduce import bisected, mapped, nearest
from harness.triage.shrink import Place, Shrinker, Window, places_of

_TWICE = 2
_LETTER = b"A"
_ASKED = 3  # times, what lies beside an end
_BETWEEN, _PARTS = (1, 3, 5), 7  # no round numbers, which have their bits in common


@dataclass(frozen=True, slots=True)
class Reach:
    """The numbers of a field (of a text: its lengths) that show a fault: from `near`, beside which one is served.

    `far` is the last on the way from the usual one; None where the end of what was asked still shows it. `end` is that
    end: the field's least or greatest number, or twice the length. `around`: so does what lies on the other side of the
    usual one, beside it and at its end.
    """

    near: int
    far: int | None
    end: int
    around: bool = False


Reaches = Mapping[tuple[Place, str], Reach]


@dataclass(frozen=True, slots=True)
class Scale:
    """What can be counted in a field: the usual number, the one that it has, and the last one that can be asked.

    A longer text holds a shorter one; of a number any part may have a meaning of its own, so that there are `gaps`.
    `most` is the greatest.
    """

    usual: int
    given: int
    end: int
    most: int = 0
    gaps: bool = False


def scale_of(part: Part) -> Scale | None:
    """A number's value, the length of a text that is longer than usual; None for whatever else."""
    size = len(part.data)
    if not part.number:
        return Scale(len(part.usual), size, _TWICE * size) if size > len(part.usual) else None
    if part.number == "ascii" or size != len(part.usual):
        return None
    usual, given = (value_of(data, part.number) for data in (part.usual, part.data))
    most = 256**size - 1
    return Scale(usual, given, 0 if given < usual else most, most, gaps=True)


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
    if not scale.gaps:
        return Reach(near, None if far == scale.end else far, scale.end)
    far = yield from _without_meanings(near, far)
    around = near - step == scale.usual and far == scale.end and (yield from _around(scale, step))
    return Reach(near, None if far == scale.end else far, scale.end, around)


def _around(scale: Scale, step: int) -> Generator[int, bool, bool]:
    """What lies on the other side of the usual one: beside it, and at the end, where a number may have a meaning."""
    beside, end = scale.usual - step, 0 if step > 0 else scale.most
    if not 0 <= beside <= scale.most:
        return False
    for number in dict.fromkeys((beside, end)):
        if not (yield from _shows(number)):
            return False
    return True


def _shows(number: int, times: int = 0) -> Generator[int, bool, bool]:
    for _again in range(times or _ASKED):
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


def _without_meanings(near: int, far: int) -> Generator[int, bool, int]:
    """The end of what shows it throughout from `near`, asked the closer the nearer: codes with a meaning are small."""
    step, shows = 1 if far > near else -1, near
    while abs(far - near) > abs(step):
        if not (yield from _shows(near + step, _ASKED + 1)):
            return (yield from bisected(near + step, shows))
        shows, step = near + step, 2 * step
    return far


def reaches_in(shrinker: Shrinker, window: Window, *, valid: bool = True) -> Generator[Window, bool, Reaches]:
    """Those of all unusual fields of a window, by place and name; `valid` as for `unusual_parts`."""
    found: dict[tuple[Place, str], Reach] = {}
    for place, _message, parts in unusual_parts(shrinker, window, valid=valid):
        for number, part in enumerate(parts):
            scale, plain = scale_of(part), _plain(part)
            if scale is None:
                continue

            def built(value: int, place: Place = place, number: int = number, part: Part = plain) -> Window:
                return shrinker.changed(window, place, number, _data(part, value))

            if plain == part or (yield built(scale.given)):
                found[place, part.name] = yield from mapped(reached(scale), built)
    return found


def unusual_parts(shrinker: Shrinker, window: Window, *, valid: bool) -> Iterator[tuple[Place, str, tuple[Part, ...]]]:
    """What is unusual in each message, by place and name; in one that is not bent where `valid` ones count, too."""
    for place in places_of(window, Send):
        step = window[place[0]].steps[place[1]]
        if isinstance(step, Send) and (valid or step.mutated):
            yield place, step.message, shrinker.parts(window, place) or ()


def _plain(part: Part) -> Part:
    """As much of the usual text as there is of this one; a number as it is."""
    usual, size = part.usual or _LETTER, len(part.data)
    return part if part.number else replace(part, data=(usual * size)[:size])


def _data(part: Part, value: int) -> bytes:
    if part.number:
        return value.to_bytes(len(part.data), "little" if part.number == "little" else "big")
    return ((part.usual or _LETTER) * value)[:value]
