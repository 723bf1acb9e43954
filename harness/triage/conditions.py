"""What a fault takes, in words: which fields must be unusual, and from where to where, as far as it was asked."""

from __future__ import annotations

from harness.finding import Condition
from harness.interfaces import Part
from harness.triage.boundary import Reach, Reaches, scale_of, unusual_parts, value_of
from harness.triage.shrink import Shrinker, Window

_SHOWN = 24  # bytes


def conditions_of(
    shrinker: Shrinker, window: Window, reaches: Reaches, *, valid: bool = True, served: bool = True
) -> tuple[Condition, ...]:
    """One for each unusual field of a window in which nothing unusual can be left out, in the order of the messages.

    `valid` as for `unusual_parts`. `served`: what does not show it is known to be served well; else something else may
    be wrong with it.
    """
    found: list[Condition] = []
    for place, message, parts in unusual_parts(shrinker, window, valid=valid):
        for part in parts:
            reach = reaches.get((place, part.name))
            least, most = _range(part, reach)
            of_length = least is not None and not part.number
            found.append(Condition(message, part.name, _words(part, reach, served=served), least, most, of_length))
    return tuple(dict.fromkeys(found))


def _range(part: Part, reach: Reach | None) -> tuple[int | None, int | None]:
    scale = scale_of(part)
    if reach is None or scale is None:
        return None, None
    return (reach.near, reach.far) if scale.given > scale.usual else (reach.far, reach.near)


def _words(part: Part, reach: Reach | None, *, served: bool) -> str:
    scale = scale_of(part)
    given, value = _told(part)
    usual = f"{'what the message works out' if part.computed else 'usually'} {value}"
    if reach is None or scale is None:
        return f"{'empty' if not part.data and not part.number else given}, {usual}"
    step = 1 if scale.given > scale.usual else -1
    outside = [] if reach.near - step == scale.usual else [reach.near - step]
    outside += [] if reach.far is None else [reach.far + step]
    unit = "" if part.number else " bytes"
    words = f"{_reach(reach, unit, step)}, {usual}"
    if outside:
        one = bool(part.number) and len(outside) == 1
        does = ("is served" if one else "are served") if served else ("does not show it" if one else "do not show it")
        words += f"; {' and '.join(map(str, sorted(outside)))} {does}"
    return words if reach.near == scale.given else f"{words}, and it shows in this way at {scale.given}"


def _reach(reach: Reach, unit: str, step: int) -> str:
    if reach.around:
        return "any other number"
    if reach.near == reach.end:
        return f"{reach.near}{unit}"
    if reach.far is None:
        return f"{reach.near}{unit} or {'more' if step > 0 else 'less'}"
    if reach.near == reach.far:
        return f"{reach.near}{unit} exactly"
    return f"{min(reach.near, reach.far)} to {max(reach.near, reach.far)}{unit}"


def _told(part: Part) -> tuple[str, str]:
    """What is in a field and what usually is: of a number that is too wide or narrow, both as so many bytes."""
    given, usual = _digits(part, part.data), _digits(part, part.usual)
    if part.number in ("big", "little") and part.data and given is None and usual is not None:
        return _in_bytes(part.data), _in_bytes(part.usual)
    return _shown(part.data) if given is None else str(given), _shown(part.usual) if usual is None else str(usual)


def _in_bytes(data: bytes) -> str:
    """`4 bytes 00000000`."""
    return f"{len(data)} byte{'s' * (len(data) != 1)} {data[:_SHOWN].hex()}{'…' * (len(data) > _SHOWN)}"


def _digits(part: Part, data: bytes) -> int | None:
    """The number that is in a field for numbers, or None."""
    if not part.number or not data:
        return None
    if part.number == "ascii":
        return int(data) if data.isdigit() else None
    return value_of(data, part.number) if len(data) == len(part.usual) else None


def _shown(data: bytes) -> str:
    """A text in quotes, else hex; the beginning of what is long."""
    text = data[:_SHOWN].decode("ascii", "replace")
    shown = f"'{text}'" if text.isprintable() and text.isascii() else data[:_SHOWN].hex()
    return shown + (f"… ({len(data)} bytes)" if len(data) > _SHOWN else "") if data else "nothing"
