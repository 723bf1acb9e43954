"""The pump's maintenance link on the wire: frames, replies, and the values that only the conversation knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.checksums import crc16_ccitt_false
from protocols.packets import integer_places, plain_reader
from protocols.siphash import siphash24
from protocols.wire import Fields, LazyFields, Place, Wire, counted, stray
from targets.pump.protocol.packets import DEFAULT_IMAGE, SERVICE_KEY, START, PumpFrame, body_class, prove
from targets.pump.protocol.replies import StatusReply

HEAD = 3
OVERHEAD = 5
MIN_LENGTH, MAX_LENGTH = 2, 302
MAX_REPLY_LENGTH = 1024
STATUS_REPLY, CHALLENGE_REPLY, SESSION_REPLY = 0x81, 0x82, 0x83
ALARM, ERROR = 0xE0, 0xFF
NO_SESSION = 4
LIBRARY_BEGIN, LIBRARY_PART = 0x22, 0x23


class PumpLinkWire(Wire):
    """Frames as targets/pump/README.md has them; `commands` maps message names to codes."""

    def __init__(self, commands: Mapping[str, int]) -> None:
        self._commands = dict(commands)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Frames with a right CRC; every other byte is stray. The rest is at most one frame long."""
        frames: list[Frame] = []
        at = done = 0
        while (start := buffer.find(START, at)) >= 0:
            size = _frame_size(buffer, start)
            if size is None:
                return (*frames, *stray(buffer[done:start])), buffer[start:]
            at = start + max(size, 1)
            if size:
                frames += [*stray(buffer[done:start]), _frame(buffer[start:at])]
                done = at
        return (*frames, *stray(buffer[done:])), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """Sequence, token, therapy counter, the challenge's answer, the update's MAC, the library's digest."""
        match live.name:
            case "sequence":
                _note_library(data, conversation)
                value = counted(conversation, "sequence", live.length)
            case "token":
                value = _number(conversation, "token")
            case "counter":
                conversation.values["counter"] = (int(conversation.values.get("counter", 0)) + 1) & 0xFFFFFFFF
                value = _number(conversation, "counter")
            case "answer":
                value = prove(conversation.values.get("challenge", bytes(8)))
            case "mac":
                value = siphash24(SERVICE_KEY, data[live.offset - 6 : live.offset] + DEFAULT_IMAGE)
            case "digest":
                value = crc16_ccitt_false(conversation.values.get("library", b"")).to_bytes(2, "little")
            case _:
                return super().resolve(live, data, conversation)
        return value[: live.length].ljust(live.length, b"\0")

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Challenge, token and last accepted counter."""
        data = frame.data
        conversation.last_received = data
        if frame.kind is not FrameKind.REPLY or data[5:6] != b"\0":
            return b""
        if data[4] == CHALLENGE_REPLY:
            conversation.values["challenge"] = data[6:14].ljust(8, b"\0")
        elif data[4] == SESSION_REPLY and len(data) >= 16:
            conversation.values["token"] = int.from_bytes(data[6:10], "little")
            conversation.values["counter"] = int.from_bytes(data[12:16], "little")
        return b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The reply with the same sequence and command; to a frame that is none, any reply."""
        if frame.kind is not FrameKind.REPLY:
            return False
        start = sent.find(START)
        size = _frame_size(sent, start, MAX_LENGTH) if start >= 0 else None
        if not size or frame.data[4] == ERROR:
            return True
        return frame.data[3] == sent[start + 3] and frame.data[4] == sent[start + 4] | 0x80

    def expects_reply(self, sent: bytes) -> bool:
        """A complete frame is answered, right or wrong, and so is a length out of range."""
        start = sent.find(START)
        if start < 0 or len(sent) < start + HEAD:
            return False
        length = _length(sent, start)
        return not MIN_LENGTH <= length <= MAX_LENGTH or len(sent) >= start + length + OVERHEAD

    def served(self, frame: Frame) -> bool:
        """A status reply that says ok."""
        return frame.kind is FrameKind.REPLY and frame.data[4:6] == bytes([STATUS_REPLY, 0])

    def identity(self, frame: Frame) -> Identity:
        """Model, serial number and firmware version (major.minor)."""
        fields = frame.fields
        if "model" not in fields:
            return Identity()
        version = int(fields["firmware"])
        return Identity(str(fields["model"]), str(fields["serial"]), f"{version >> 8}.{version & 0xFF}")

    def places(self) -> Mapping[str, Place]:
        """A status reply's body begins behind start, length, sequence and command."""
        return integer_places(StatusReply, HEAD + 2)

    def session_lapsed(self, frame: Frame) -> bool:
        """Status 4: no session, or not this token."""
        return frame.kind is FrameKind.REPLY and frame.data[5:6] == bytes([NO_SESSION])

    def refuses(self, frame: Frame) -> bool:
        """A status other than 0, or an error in a reply's place."""
        return frame.kind is FrameKind.REPLY and (frame.data[4] == ERROR or frame.data[5:6] != b"\0")

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A start byte and, four bytes on, one of the commands: wherever a frame may be taken to begin."""
        codes = b"".join(re.escape(bytes([self._commands[name]])) for name in messages)
        return re.compile(b"\xa5[\\s\\S]{3}[" + codes + b"]") if codes else super().forbidden(())


def _length(data: bytes, start: int) -> int:
    return int.from_bytes(data[start + 1 : start + HEAD], "little")


def _frame_size(data: bytes, start: int, longest: int = MAX_REPLY_LENGTH) -> int | None:
    """Bytes of the frame that begins at `start`; 0 when none does; None when it is not all there yet."""
    if len(data) < start + HEAD:
        return None
    length = _length(data, start)
    if not MIN_LENGTH <= length <= longest:
        return 0
    stop = start + length + OVERHEAD
    if len(data) < stop:
        return None
    right = crc16_ccitt_false(data[start + 1 : stop - 2]).to_bytes(2, "little") == data[stop - 2 : stop]
    return stop - start if right else 0


def _frame(data: bytes) -> Frame:
    unsolicited = data[4] == ALARM and data[3] == 0
    return Frame(FrameKind.UNSOLICITED if unsolicited else FrameKind.REPLY, data, LazyFields(parse_frame, data))


def parse_frame(data: bytes) -> Fields:
    """Sequence, command and the body's fields; text without its padding."""
    whole = len(data) > OVERHEAD and _length(data, 0) + OVERHEAD == len(data)
    body = plain_reader(body_class(data[4], data[5:-2]))(data[5:-2]) if whole else None
    if body is not None:
        return {"sequence": data[3], "command": data[4]} | {name: _shown(value) for name, value in body.items()}
    frame: Any = PumpFrame(data)
    fields = getattr(frame.body, "fields_desc", ())
    read = {field.name: _shown(frame.body.getfieldval(field.name)) for field in fields}
    return {"sequence": frame.sequence, "command": frame.opcode, **read}


def _shown(value: Any) -> Any:
    """Text without its padding."""
    return value.rstrip(b"\0").decode("ascii") if isinstance(value, bytes) and value.rstrip(b"\0").isascii() else value


def _number(conversation: Conversation, name: str) -> bytes:
    return int(conversation.values.get(name, 0)).to_bytes(4, "little")


def _note_library(data: bytes, conversation: Conversation) -> None:
    """Keeps what a library commit's digest is over: the parts' bodies behind their tokens, as they go out."""
    command = data[4] if len(data) > 4 else 0
    if command == LIBRARY_BEGIN:
        conversation.values["library"] = b""
    elif command == LIBRARY_PART:
        conversation.values["library"] = conversation.values.get("library", b"") + data[9:-2]
