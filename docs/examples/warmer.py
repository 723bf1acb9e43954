"""What a fluid warmer says on its service port: the worked example of docs/protocol.md."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence

import boofuzz

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity, Mark, Resynchronization, State
from protocols.checksums import BlockChecksum, crc16_modbus
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.wire import LazyFields, Wire, counted

START = b"\xaa"
HEAD, OVERHEAD, SHORTEST = 4, 4, 2  # before the body; around what `length` counts; what it counts at least
COMMANDS = {"status": 1, "login": 2, "set_target": 3, "heat": 4, "set_label": 5, "logout": 6, "erase": 0x7E}
REPLY, REPORT = 0x80, 0x70
OK, NO_SESSION = 0, 2


# -- the messages ------------------------------------------------------------------------------------------------------


def message(
    name: str,
    *body: boofuzz.Fuzzable,
    marks: Sequence[Mark] = (),
    ranges: Mapping[str, tuple[int, int]] | None = None,
    accepted_in: tuple[str, ...] = (),
) -> Message:
    """One command in its frame: AA, length, sequence, command, body, CRC-16/MODBUS over length to body."""
    content = (boofuzz.Byte("sequence", 0), boofuzz.Byte("command", COMMANDS[name]), *body)
    request = boofuzz.Request(
        name,
        children=(
            boofuzz.Byte("start", START[0]),
            boofuzz.Size("length", ".content", length=1),
            boofuzz.Block("content", children=content),
            BlockChecksum("crc", (".length", ".content"), "crc16_modbus", "little"),
        ),
    )
    live = {"content.sequence": "sequence"}
    live |= {"content.token": "session:token"} if any(part.name == "token" for part in body) else {}
    return Message(request, frozenset(marks), live, ranges=ranges or {}, accepted_in=accepted_in)


def token() -> boofuzz.Fuzzable:
    """What a login gave; filled in when the message is sent."""
    return boofuzz.DWord("token", 0, endian=">")


LABEL = (boofuzz.Size("label_length", ".label", length=1), boofuzz.String("label", "WARD 3"))
LOGGED_IN = ("session", "heating")
THERAPY, PRIVILEGED = Mark.THERAPY, Mark.PRIVILEGED
MESSAGES = messages_by_name(
    (
        message("status"),
        message("login", boofuzz.Bytes("pin", b"739184", size=6), marks=[Mark.AUTHENTICATION]),
        message(
            "set_target",
            token(),
            boofuzz.Word("target", 370, endian=">"),
            marks=[THERAPY],
            ranges={"target": (300, 410)},
            accepted_in=LOGGED_IN,
        ),
        message("heat", token(), boofuzz.Byte("on", 1), marks=[THERAPY], ranges={"on": (0, 1)}, accepted_in=LOGGED_IN),
        message("set_label", token(), *LABEL, marks=[PRIVILEGED], accepted_in=LOGGED_IN),
        message("logout", token(), marks=[Mark.AUTHENTICATION], accepted_in=LOGGED_IN),
        message("erase", token(), marks=[PRIVILEGED, Mark.FORBIDDEN_ON_HARDWARE], accepted_in=LOGGED_IN),
    )
)


# -- the wire ----------------------------------------------------------------------------------------------------------


class WarmerWire(Wire):
    """Frames in the stream, which reply belongs to what was sent, and the values that only the conversation knows."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole frames with a right checksum, what is between them as stray bytes, and the rest."""
        frames: list[Frame] = []
        while (start := buffer.find(START)) >= 0:
            size = frame_size(buffer, start)
            if size is None:
                return (*frames, *stray(buffer[:start])), buffer[start:]
            stop = start + (size or 1)
            frames += [*stray(buffer[:start]), reply(buffer[start:stop])] if size else stray(buffer[:stop])
            buffer = buffer[stop:]
        return (*frames, *stray(buffer)), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The sequence number; checksums and `session:` values are filled in without our help."""
        if live.name == "sequence":
            return counted(conversation, "sequence", live.length)
        return super().resolve(live, data, conversation)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """The token out of the reply to a login."""
        if frame.kind is FrameKind.REPLY and "token" in frame.fields:
            conversation.values["token"] = frame.fields["token"]
        return super().learn(frame, conversation)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The reply with the same sequence number and command; to bytes that are no frame, any reply."""
        if frame.kind is not FrameKind.REPLY or not frame_size(sent, 0):
            return frame.kind is FrameKind.REPLY
        return frame.data[2] == sent[2] and frame.data[3] == sent[3] | REPLY

    def expects_reply(self, sent: bytes) -> bool:
        """Only a right frame is answered; the device skips everything else in silence."""
        return bool(frame_size(sent, 0))

    def served(self, frame: Frame) -> bool:
        """A status reply that says ok."""
        return frame.data[3:5] == bytes([COMMANDS["status"] | REPLY, OK])

    def identity(self, frame: Frame) -> Identity:
        """Serial number and firmware version."""
        return Identity("FW-2", str(frame.fields.get("serial", "")), str(frame.fields.get("firmware", "")))

    def session_lapsed(self, frame: Frame) -> bool:
        """Status 2: nobody is logged in, or not with this token."""
        return frame.data[4:5] == bytes([NO_SESSION])

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A start byte and, three on, one of the commands: right length and checksum or not."""
        codes = b"".join(re.escape(bytes([COMMANDS[name]])) for name in messages)
        return re.compile(b"\xaa[\\s\\S]{2}[" + codes + b"]") if codes else super().forbidden(())


def frame_size(data: bytes, start: int) -> int | None:
    """Bytes of the frame that begins at `start`; 0 when none does; None when it is not all there yet."""
    if len(data) < start + 2:
        return None
    if data[start + 1] < SHORTEST:
        return 0
    stop = start + data[start + 1] + OVERHEAD
    if len(data) < stop:
        return None
    right = crc16_modbus(data[start + 1 : stop - 2]).to_bytes(2, "little") == data[stop - 2 : stop]
    return stop - start if right and data[start : start + 1] == START else 0


def reply(data: bytes) -> Frame:
    """A frame with what can be read from it; reports come unasked and answer nothing."""
    kind = FrameKind.UNSOLICITED if data[3] == REPORT else FrameKind.REPLY
    return Frame(kind, data, LazyFields(fields_of, data))


def stray(data: bytes) -> tuple[Frame, ...]:
    """Bytes between frames: shown in the report, and searched by the console patterns."""
    return (Frame(FrameKind.STRAY, data),) if data else ()


def fields_of(data: bytes) -> dict[str, int | str | bytes]:
    """What a reply says, by name, for people, proofs and monitors; may raise, which counts as nothing read."""
    command, status, body = data[3] & ~REPLY, data[HEAD], data[HEAD + 1 : -2]
    fields: dict[str, int | str | bytes] = {"status": status}
    if command == COMMANDS["login"] and status == OK:
        fields["token"] = int.from_bytes(body, "big")
    elif command == COMMANDS["status"]:
        heating, session, target, uptime, serial, version = struct.unpack(">BBHI8sH", body)
        fields |= {"heating": heating, "session": session, "target": target, "uptime_ms": uptime}
        fields |= {"serial": serial.decode("ascii"), "firmware": f"{version >> 8}.{version & 0xFF}"}
    return fields


# -- states and order --------------------------------------------------------------------------------------------------

LOGIN = MESSAGES["login"].send()
STOP = (LOGIN, MESSAGES["heat"].send(on=0))
STATES = {
    "idle": State("idle", (*STOP, MESSAGES["logout"].send()), {"heating": 0, "session": 0}),
    "session": State("session", STOP, {"heating": 0, "session": 1}),
    "heating": State(
        "heating", (LOGIN, MESSAGES["set_target"].send(), MESSAGES["heat"].send()), {"heating": 1, "session": 1}
    ),
}
EDGES = (
    Edge("", "status"),
    Edge("", "login"),
    *(Edge("login", name) for name in ("set_target", "set_label", "erase", "logout")),
    Edge("set_target", "heat"),
    Edge("heat", "logout"),
)

PROTOCOL = Protocol(
    name="warmer",
    messages=MESSAGES,
    edges=EDGES,
    wire=WarmerWire(),
    states=STATES,
    probe=MESSAGES["status"].send(),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.15),
    max_len=260,
    waits=(0.05, 1.0),
)
