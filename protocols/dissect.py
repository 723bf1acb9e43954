"""Takes a message that was sent apart: which of its fields are unusual, and the same message with fewer of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import boofuzz

from harness.case import LiveField, Send
from harness.interfaces import Part
from protocols.encoding import is_integer
from protocols.render import Change, Layout, Leaf, Rendered

if TYPE_CHECKING:
    from protocols.model import Message

_FREE = (boofuzz.String, boofuzz.Delim, boofuzz.Static, boofuzz.Bytes, boofuzz.Simple, boofuzz.Group)


def parts_of(message: Message, send: Send) -> tuple[Part, ...] | None:
    """The fields that are not as in the message as it stands, in order; None where these do not explain the bytes."""
    layout = message.layout
    if send.replay_of >= 0 or (send.data and not send.spans):
        return None
    given = layout.given(send.data, send.spans)
    at = {span.name: span.offset for span in send.spans}
    own = [leaf for leaf in layout.leaves if leaf.index not in layout.computed]
    parts = [
        _part(layout, leaf, given) for leaf in own if _is_unusual(layout, leaf, given, at.get(leaf.name), send.live)
    ]
    for index in layout.computed:
        if not _is_worked_out(layout.leaves[index], _rendered(layout, parts), send):
            parts.append(_part(layout, layout.leaves[index], given, computed=True))
    order = {leaf.name: leaf.index for leaf in layout.leaves}
    parts.sort(key=lambda part: order[part.name])
    again = _rendered(layout, parts)
    return tuple(parts) if (again.data, again.live) == (send.data, send.live) else None


def texts_of(message: Message, send: Send) -> tuple[Part, ...]:
    """The fields that hold something, are as usual, and are of no fixed size: whatever can be left empty."""
    unusual = {part.name for part in parts_of(message, send) or ()}
    layout = message.layout
    given = layout.given(send.data, send.spans)
    free = [leaf for leaf in layout.leaves if isinstance(leaf.primitive, _FREE) and not leaf.live]
    parts = [_part(layout, leaf, given) for leaf in free if leaf.index not in layout.computed]
    return tuple(part for part in parts if part.data and part.name not in unusual)


def code_of(messages: Sequence[Message]) -> tuple[str, Mapping[bytes, str]]:
    """The field by which messages differ, and theirs by what is in it; "" where all have none such.

    It is in every message, holds something else in each, and is of one size.
    """
    codes = [{leaf.name: leaf.default for leaf in m.layout.leaves if leaf.default and not leaf.live} for m in messages]
    names = [message.name for message in messages]
    for field in codes[0] if len(codes) > 1 else ():
        values = [code.get(field, b"") for code in codes]
        if all(values) and len(set(values)) == len(values) and len(set(map(len, values))) == 1:
            return field, dict(zip(values, names, strict=True))
    return "", {}


def composed(message: Message, send: Send, parts: Sequence[Part]) -> Send:
    """The message with these fields unusual; callback and pace are those of `send`."""
    rendered = _rendered(message.layout, parts)
    step = (send.callback, send.replay_of, send.wait)
    return Send(message.name, rendered.data, rendered.live, rendered.spans, bool(parts), *step)


def _is_unusual(
    layout: Layout, leaf: Leaf, given: dict[str, bytes], offset: int | None, alive: Sequence[LiveField]
) -> bool:
    """A live field is usual where it is worked out at send time; one without bytes has no span."""
    if leaf.live and offset is None:
        return all(live.name != leaf.live or live.length for live in alive)
    if leaf.live:
        return all(live.offset != offset for live in alive)
    return given.get(leaf.name, b"") != layout.usual(leaf)


def _part(layout: Layout, leaf: Leaf, given: dict[str, bytes], *, computed: bool = False) -> Part:
    return Part(leaf.name, given.get(leaf.name, b""), layout.usual(leaf), computed, _number(leaf.primitive))


def _rendered(layout: Layout, parts: Sequence[Part]) -> Rendered:
    return layout.render([Change(part.name, part.data) for part in parts])


def _is_worked_out(leaf: Leaf, right: Rendered, sent: Rendered | Send) -> bool:
    """True for a length or checksum that is what the message itself would have put there, now or at send time."""
    there, here = _found(leaf, right), _found(leaf, sent)
    return there[1] == here[1] and (there[1] or there[0] == here[0])


def _found(leaf: Leaf, message: Rendered | Send) -> tuple[bytes, bool]:
    """A field's bytes, and whether they are worked out at send time."""
    span = next((span for span in message.spans if span.name == leaf.name), None)
    if span is None:
        return b"", False
    live = any(live.offset == span.offset for live in message.live)
    return message.data[span.offset : span.offset + span.length], live


def _number(primitive: boofuzz.Fuzzable) -> str:
    """The byte order of a binary integer, `ascii` for one in digits, "" for whatever else."""
    item: Any = primitive.bit_field if isinstance(primitive, boofuzz.Size) else primitive
    if not is_integer(item):
        return ""
    return "ascii" if item.format != "binary" else "little" if item.endian == "<" else "big"
