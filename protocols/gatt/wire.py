"""GATT on the wire: ATT PDUs, control points that answer with an indication, and counters of end-to-end protection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.att_wire import ERROR, INDICATION, AttWire, parse
from protocols.wire import Fields, LazyFields

WRITE_REQUEST, WRITE_RESPONSE = 0x12, 0x13
INVALID_COUNTER = 0x81
COUNTER_TOP = 0xFF
Reader = Callable[[int, bytes], Fields]


class GattFields(LazyFields):
    """A frame's fields, and what the conversation knew when it came: the handles whose indications are awaited."""

    __slots__ = ("awaited",)

    def __init__(self, read: Callable[[bytes], Fields], data: bytes) -> None:
        super().__init__(read, data)
        self.awaited: frozenset[bytes] = frozenset()


class GattWire(AttWire):
    """`read` gives further fields of a PDU: opcode and value behind opcode and handle, where it has one.

    `commands` maps messages to the first bytes of what they write, so that a guard can recognize them.
    """

    def __init__(self, read: Reader | None = None, commands: Mapping[str, bytes] | None = None) -> None:
        self._read = read
        self._commands = dict(commands or {})

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One frame; an indication is a reply where it answers a control point, and unsolicited where it does not."""
        frames, rest = super().split(buffer)
        return tuple(self._frame(frame) for frame in frames), rest

    def _frame(self, frame: Frame) -> Frame:
        kind = FrameKind.REPLY if frame.data[0] == INDICATION else frame.kind
        return Frame(kind, frame.data, GattFields(self._parse, frame.data))

    def _parse(self, pdu: bytes) -> Fields:
        """What every PDU has, and what the service reads from it, if it can."""
        fields = parse(pdu)
        read, value = self._read, fields.get("value")
        if read is None or not isinstance(value, bytes):
            return fields
        return {**fields, **LazyFields(lambda held: read(pdu[0], held), value)}

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """`procedure:…` notes whether the handle's indication is awaited; `counter:NAME` is the next one accepted."""
        if live.name.startswith("procedure:"):
            known = conversation.values.get("awaited", frozenset())
            handle = frozenset({data[1:3]})
            conversation.values["awaited"] = known | handle if live.name.endswith("awaited") else known - handle
            return b""
        if live.name.startswith("counter:"):
            return _next_counter(conversation, live.name).to_bytes(live.length, "little")
        return super().resolve(live, data, conversation)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Whether a counter was accepted; an indication is confirmed."""
        _settle_counter(frame.data, conversation)
        if isinstance(frame.fields, GattFields):
            frame.fields.awaited = conversation.values.get("awaited", frozenset())
        return super().learn(frame, conversation)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """A control point's answer is its indication, or the error; any other request's is its response."""
        if frame.kind is not FrameKind.REPLY or not sent:
            return False
        if frame.data[0] == INDICATION:
            return sent[0] == WRITE_REQUEST and frame.data[1:3] == sent[1:3]
        if frame.data[0] == WRITE_RESPONSE and sent[0] == WRITE_REQUEST:
            awaited = frame.fields.awaited if isinstance(frame.fields, GattFields) else ()
            return sent[1:3] not in awaited
        return super().answers(sent, frame)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """What writes one of the commands to whatever handle, and every part of a long write."""
        if not messages or any(name not in self._commands for name in messages):
            return super().forbidden(messages)
        codes = b"|".join(re.escape(self._commands[name]) for name in messages)
        return re.compile(rb"[\x12\x52\xd2][\s\S]{2}(?:" + codes + rb")|\x16[\s\S]{4}")


def _next_counter(conversation: Conversation, name: str) -> int:
    """1 to 255; it is used up once the device has accepted it."""
    value = int(conversation.values.get(name, 0)) % COUNTER_TOP + 1
    conversation.values["counting"] = (name, value)
    return value


def _settle_counter(pdu: bytes, conversation: Conversation) -> None:
    """A write response uses the counter up; an invalid one is taken to mean that the device began anew."""
    if pdu[:1] not in (bytes([WRITE_RESPONSE]), bytes([ERROR])) or "counting" not in conversation.values:
        return
    name, value = conversation.values.pop("counting")
    if pdu[0] == WRITE_RESPONSE:
        conversation.values[name] = value
    elif pdu[4:5] == bytes([INVALID_COUNTER]):
        conversation.values[name] = 0
