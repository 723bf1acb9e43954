"""What a fault takes, in words: which fields must be unusual, and from where on, as the smallest reproducer has it."""

from __future__ import annotations

from harness.case import Send
from harness.finding import Condition
from harness.interfaces import Dissects, Part
from harness.triage.shrink import Shrinker, Window

_SHOWN = 24  # bytes


def conditions_of(shrinker: Shrinker, window: Window) -> tuple[Condition, ...]:
    """One for each unusual field of a window in which nothing unusual can be left out, in the order of the messages."""
    found: list[Condition] = []
    for case in window:
        protocol = shrinker.protocol(case.interface)
        if isinstance(protocol, Dissects):
            sends = [step for step in case.steps if isinstance(step, Send)]
            found += [Condition(s.message, part.name, _words(part)) for s in sends for part in protocol.parts(s) or ()]
    return tuple(dict.fromkeys(found))


def _words(part: Part) -> str:
    if part.number:
        return _number(part)
    size, usual = len(part.data), len(part.usual)
    if not size:
        return f"empty, usually {_shown(part.usual)}"
    if size > usual:
        return f"{size} bytes or more, usually {_shown(part.usual)}; {size - 1} are served"
    return f"{_shown(part.data)}, usually {_shown(part.usual)}"


def _number(part: Part) -> str:
    if not part.data or not part.usual:
        return f"{_shown(part.data)}, usually {_shown(part.usual)}"
    value, usual = _value(part.data, part.number), _value(part.usual, part.number)
    if value is None or usual is None or part.number == "ascii" or abs(value - usual) <= 1:
        return (
            f"{_shown(part.data) if value is None else value}, usually {_shown(part.usual) if usual is None else usual}"
        )
    way, beside = ("or more", value - 1) if value > usual else ("or less", value + 1)
    right = "what the message works out" if part.computed else "usually"
    return f"{value} {way}, {right} {usual}; {beside} is served"


def _value(data: bytes, number: str) -> int | None:
    if number == "ascii":
        return int(data) if data.isdigit() else None
    return int.from_bytes(data, "little" if number == "little" else "big")


def _shown(data: bytes) -> str:
    """A text in quotes, else hex; the beginning of what is long."""
    text = data[:_SHOWN].decode("ascii", "replace")
    shown = f"'{text}'" if text.isprintable() and text.isascii() else data[:_SHOWN].hex()
    return shown + (f"… ({len(data)} bytes)" if len(data) > _SHOWN else "") if data else "nothing"
