"""What was unusual about a finding's messages, in plain words, and in the few classes by which it is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise

from harness.case import Procedure, Send, TestCase
from harness.finding import Condition, Finding

WELL_FORMED = "every message is well formed"
NOT_NEEDED = "no unusual field is known to be needed"  # what is left may be short, and not as usual in other ways
_SHOWN = 12
_NUMBER = 2  # bytes at most that may be a number, whatever letters they are
_LISTED = 6


class Unusual(StrEnum):
    """A class of what is unusual about the messages, or about what the device did with them."""

    NULL_POINTER = "null pointer"
    FORMAT = "format characters"
    LENGTH = "wrong length or checksum"
    LONG = "long field"
    EMPTY = "field left out"
    VALUE = "unusual value"
    REPLAYED = "bytes sent again"
    AT_ONCE = "without waiting"
    REPEATED = "repeated message"
    WATCHDOG = "ended by the watchdog"
    NO_SESSION = "no session"


_BENDS: Mapping[str, str] = {
    "sweep": "another length",
    "fill": "another length, filled up",
    "long": "a long text",
    "format": "format characters",
    "control": "control or non-ASCII characters",
    "plain": "another text",
    "own": "a value that the definition names",
    "edge": "a number at a limit",
    "flip": "one bit the other way",
    "shape": "left out or repeated",
    "wrong checksum": "a wrong checksum",
    "group": "fields that belong together, changed together",
    "boofuzz": "a value from a library of unusual ones",
}


def is_exact(finding: Finding) -> bool:
    """True where the reproducer was made as small as it gets: what is unusual then is what it takes."""
    return finding.minimized is not None and finding.minimized.done


def unusual_words(finding: Finding) -> str:
    """`body.name: 19 bytes or more, usually 'x'; 18 are served`, or what is unusual about the order of the messages."""
    if finding.minimized is not None and finding.minimized.conditions:
        return ", and ".join(f"{c.field}: {c.words}" for c in finding.minimized.conditions)
    order = order_words(finding.window)
    if not (changed := _changed(finding)):
        return f"{WELL_FORMED}; {order}"
    return f"{NOT_NEEDED}; {order}" if is_exact(finding) else _bent(finding) or f"{' and '.join(changed)} was changed"


def _changed(finding: Finding) -> list[str]:
    """Names of the messages that are not as their definition has them."""
    sends = [step for case in finding.window for step in case.steps if isinstance(step, Send)]
    return list(dict.fromkeys(step.message for step in sends if step.mutated))


def _bent(finding: Finding) -> str:
    """Each field that was changed, with what it held; what of it matters is not known."""
    told = [f"{name}: {_shown(data)}" for name, data in _fields(finding.case)]
    bend, field = _bend_of(finding), finding.case.origin.field
    if not bend:
        return ", ".join(told[:_LISTED])
    return f"{', '.join(told[:_LISTED]) or field or 'the whole message'} ({bend})"


def _fields(case: TestCase) -> Iterator[tuple[str, bytes]]:
    wanted = {name.strip() for name in case.origin.field.split(",") if name.strip()}
    for step in case.steps:
        if isinstance(step, Send) and step.mutated:
            for span in step.spans:
                if span.name in wanted:
                    yield span.name, step.data[span.offset : span.offset + span.length]


def _shown(data: bytes) -> str:
    head = data[:_SHOWN]
    text = f"'{head.decode()}'" if head.isascii() and head.decode().isprintable() else head.hex(" ")
    if 0 < len(data) <= _NUMBER and text != data.hex(" "):
        return f"{text} ({data.hex(' ')})"
    return f"{len(data)} bytes, {text}…" if len(data) > _SHOWN else text if data else "nothing"


def _bend_of(finding: Finding) -> str:
    mutation = finding.case.origin.mutation
    words = ("wrong checksum", *mutation.split(" ")[:1])
    return next((_BENDS[word] for word in words if mutation.startswith(word) and word in _BENDS), "")


def order_words(window: Sequence[TestCase]) -> str:
    """What of the order stands out, else the order itself."""
    told = [words for case in window for words in _order(case)]
    messages = [name for case in window for name in case.messages]
    if told:
        return ", ".join(dict.fromkeys(told))
    if len(messages) > _LISTED:
        return f"{len(messages)} messages, the last {', '.join(messages[-_LISTED:])}"
    return f"in this order: {', '.join(messages)}" if len(messages) > 1 else "one message" if messages else "no message"


def _order(case: TestCase) -> Iterator[str]:
    sends = [step for step in case.steps if isinstance(step, Send)]
    for step in sends:
        if step.replay_of >= 0:
            yield f"the bytes of {step.message} are sent again"
    for step, after in pairwise(case.steps):
        if isinstance(step, Send | Procedure) and not step.wait:
            follower = after.message if isinstance(after, Send) else after.name if isinstance(after, Procedure) else ""
            yield f"{follower or 'the next step'} comes right behind {_name(step)}"
    for name in dict.fromkeys(a.message for a, b in pairwise(sends) if a.message == b.message and b.replay_of < 0):
        yield f"{name} {sum(step.message == name for step in sends)} times"


def _name(step: Send | Procedure) -> str:
    return step.message if isinstance(step, Send) else step.name


def classes_of(finding: Finding) -> frozenset[Unusual]:
    """All classes that fit: what the device showed, and what the smallest reproducer still has.

    Where there may be a smaller one, nobody knows which of the messages' oddities matter: none of them counts. What a
    session has to do with it is told elsewhere.
    """
    found: set[Unusual] = set()
    if finding.observation.detail.get("type", "").startswith("null pointer"):
        found.add(Unusual.NULL_POINTER)
    if finding.observation.detail.get("cause") == "watchdog" or "watchdog" in finding.observation.fingerprint:
        found.add(Unusual.WATCHDOG)
    if finding.minimized is not None and is_exact(finding):
        found.update(_classes_of_order(finding.case))
        found.update(_class_of(condition) for condition in finding.minimized.conditions)
    return frozenset(found)


def _classes_of_order(case: TestCase) -> Iterator[Unusual]:
    sends = [step for step in case.steps if isinstance(step, Send)]
    if any(step.replay_of >= 0 for step in sends):
        yield Unusual.REPLAYED
    if any(not step.wait for step in sends):
        yield Unusual.AT_ONCE
    if any(a.message == b.message for a, b in pairwise(sends)):
        yield Unusual.REPEATED


def _class_of(condition: Condition) -> Unusual:
    words = condition.words
    if "what the message works out" in words:
        return Unusual.LENGTH
    if condition.of_length:
        return Unusual.LONG
    if words.startswith(("empty", "nothing")):
        return Unusual.EMPTY
    return Unusual.FORMAT if re.match(r"'[^']*%[ns]", words) else Unusual.VALUE
