"""How one protocol's bytes behave on the wire: framing, replies, live values; a base with harmless defaults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Literal

from harness.case import LiveField
from harness.errors import UsageError
from harness.interfaces import Conversation, Frame, FrameKind, Identity

_REMEMBERED, _SHORT = 4096, 4096  # frames, of at most so many bytes

Fields = Mapping[str, "int | str | bytes"]
Place = tuple[int, int, Literal["big", "little"]]  # of an integer in a frame: offset, length in bytes, order of bytes


class LazyFields(Mapping[str, "int | str | bytes"]):
    """What a parser reads out of a frame, read when somebody asks; a parser that fails has read nothing."""

    __slots__ = ("_data", "_parse", "_read")

    def __init__(self, parse: Callable[[bytes], Fields], data: bytes) -> None:
        self._parse = parse
        self._data = data
        self._read: Fields | None = None

    def _fields(self) -> Fields:
        if self._read is None:
            self._read = (_fields_of if len(self._data) <= _SHORT else _read)(self._parse, self._data)
        return self._read

    def __getitem__(self, key: str) -> int | str | bytes:
        return self._fields()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())


def _read(parse: Callable[[bytes], Fields], data: bytes) -> Fields:
    try:
        return parse(data)
    except Exception:  # noqa: BLE001  hostile bytes must not stop a campaign, whatever a parser makes of them
        return {}


_fields_of = lru_cache(_REMEMBERED)(_read)
"""What the parser reads; several monitors ask for the same frame, and devices repeat themselves."""


class Wire:
    """Takes whatever comes as one reply; a protocol overrides what it knows better.

    None of the methods raises on hostile bytes.
    """

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole frames at the front of `buffer`, and the rest; the same for the same bytes, whenever it is asked."""
        return ((Frame(FrameKind.REPLY, buffer),) if buffer else ()), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The bytes of a live field that is neither a checksum nor a session value."""
        raise UsageError(f"live field '{live.name}' has no resolver; override resolve() in the protocol's Wire")

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Takes what the next messages need from a frame; returns an answer to send at once or b""."""
        conversation.last_received = frame.data
        return b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """True when `frame` is the reply to `sent`; a copy of it is the line's echo, or proves nothing."""
        return frame.kind is FrameKind.REPLY and frame.data != sent

    def expects_reply(self, sent: bytes) -> bool:
        """True when a device that serves must answer `sent`."""
        return bool(sent)

    def unfinished(self, sent: bytes) -> bytes:
        """The end of all that was sent on a connection which only begins a message; none where nobody may wait for it.

        A device on whose connection there is some is asked on another one whether it serves.
        """
        return b""

    def ends(self, frame: Frame) -> bool:
        """True when nothing more can be said on the connection on which the frame came: who asked closes it."""
        return False

    def served(self, frame: Frame) -> bool:
        """True when `frame` is the probe's proper answer."""
        return frame.kind is FrameKind.REPLY

    def identity(self, frame: Frame) -> Identity:
        """What the probe's answer says of the device."""
        return Identity()

    def places(self) -> Mapping[str, Place]:
        """Where integers of the probe's answer lie, for who has no parser; none where that is not always the same."""
        return {}

    def session_lapsed(self, frame: Frame) -> bool:
        """True when the reply says that the session is gone."""
        return False

    def refuses(self, frame: Frame) -> bool:
        """True when the reply says that the message was read and not carried out; False where that cannot be told."""
        return False

    def blames_request(self, frame: Frame) -> bool:
        """True when a refusal is for what was asked, and not for trouble of the device's own."""
        return self.refuses(frame)

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Why the reply to `sent` cannot be right, whatever the device, in words that one fault has in common; or "".

        Only what the protocol's standard leaves no choice in: each device that does otherwise gets a finding.
        """
        return ""

    def demands(self, sent: bytes) -> bool:
        """True where the standard demands an answer to `sent`, also from a device that cannot read it."""
        return False

    def absent(self, frame: Frame) -> bool:
        """True when the reply says that there is no such place in the device as was asked for."""
        return False

    def content(self, frame: Frame) -> bytes:
        """What a reply says, without what belongs to its request alone (an id): equal for equal contents."""
        return frame.data

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A pattern of the outgoing stream; a protocol that cannot tell its messages apart lets nothing out."""
        return re.compile(rb"[\s\S]" if messages else rb"(?!)")


def stray(data: bytes) -> tuple[Frame, ...]:
    """What is no frame, if there is any: shown in the report, and searched by the console patterns."""
    return (Frame(FrameKind.STRAY, data),) if data else ()


def counted(conversation: Conversation, name: str, length: int) -> bytes:
    """The next value of a counter kept in the conversation, big-endian, wrapping at `length` bytes."""
    value = (int(conversation.values.get(name, 0)) + 1) % (1 << (8 * length))
    conversation.values[name] = value
    return value.to_bytes(length, "big")


def session_value(conversation: Conversation, name: str, live: LiveField, data: bytes) -> bytes:
    """A session variable fitted to the field: cut, or padded with zeros; the template's bytes where it is not set."""
    value = conversation.values.get(name)
    if value is None:
        return data[live.offset : live.offset + live.length]
    if isinstance(value, int):
        return (value % (1 << (8 * live.length))).to_bytes(live.length, "big")
    raw = value.encode() if isinstance(value, str) else bytes(value)
    return raw[: live.length].ljust(live.length, b"\0")
