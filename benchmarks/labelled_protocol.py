"""What the labelled device says, as its user would write it down: framed and as text, and files of ours that fail."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from re import Pattern
from re import compile as pattern

import boofuzz

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity, Mark, Resynchronization, State
from protocols.checksums import BlockChecksum, crc16_modbus
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.wire import LazyFields, Wire, counted

START, HEAD, TAIL, LEAST = b"\x7e", 3, 2, 2
COMMANDS = {"status": 1, "set_name": 2, "set_rate": 3, "select": 4}
REPLY, REPORT = 0x80, 0x70
STATUS = ">BBB8sHIHH"
NAMES = ("status", "serial", "boots", "uptime_ms", "limit", "writes")
REPLY_TIMEOUT = 0.25


def message(name: str, *body: boofuzz.Fuzzable, marks: Sequence[Mark] = ()) -> Message:
    """One command in its frame."""
    content = (boofuzz.Byte("sequence", 0), boofuzz.Byte("command", COMMANDS[name]), *body)
    request = boofuzz.Request(
        name,
        children=(
            boofuzz.Static("start", START),
            boofuzz.Size("length", ".content", length=2, endian=">", fuzzable=False),
            boofuzz.Block("content", children=content),
            BlockChecksum("crc", (".length", ".content"), "crc16_modbus", "little", fuzzable=False),
        ),
    )
    return Message(request, frozenset(marks), {"content.sequence": "sequence"})


MESSAGES = messages_by_name(
    (
        message("status"),
        message("set_name", boofuzz.String("name", "ward 3", max_len=40), marks=[Mark.PRIVILEGED]),
        message("set_rate", boofuzz.Word("rate", 120, endian=">"), marks=[Mark.THERAPY]),
        message("select", boofuzz.Byte("channel", 1)),
    )
)


class FramedWire(Wire):
    """Frames in the stream, and which reply belongs to what was sent."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole frames with a right checksum, what is between them as stray bytes, and the rest."""
        frames: list[Frame] = []
        while (start := buffer.find(START)) >= 0:
            size = frame_size(buffer, start)
            frames += stray(buffer[:start])
            if size is None:
                return tuple(frames), buffer[start:]
            frames += [frame(buffer[start : start + size])] if size else stray(START)
            buffer = buffer[start + (size or 1) :]
        return (*frames, *stray(buffer)), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The sequence number."""
        return counted(conversation, "sequence", live.length)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The reply with the same sequence number and command; to bytes that are no frame, any reply."""
        if frame.kind is not FrameKind.REPLY or not frame_size(sent, 0):
            return frame.kind is FrameKind.REPLY
        return frame.data[3] == sent[3] and frame.data[4] == sent[4] | REPLY

    def expects_reply(self, sent: bytes) -> bool:
        """Only a right frame is answered."""
        return bool(frame_size(sent, 0))

    def served(self, frame: Frame) -> bool:
        """A status reply that says ok."""
        return frame.data[4:6] == bytes([COMMANDS["status"] | REPLY, 0])

    def identity(self, frame: Frame) -> Identity:
        """The serial number."""
        return Identity(serial=str(frame.fields.get("serial", "")))

    def forbidden(self, messages: Sequence[str]) -> Pattern[bytes]:
        """A start byte and, four on, one of the commands."""
        codes = "".join(f"\\x{COMMANDS[name]:02x}" for name in messages)
        return pattern(f"\\x7e[\\s\\S]{{3}}[{codes}]".encode()) if codes else super().forbidden(())


def frame_size(data: bytes, start: int) -> int | None:
    """Bytes of the frame that begins at `start`; 0 when none does; None when it is not all there yet."""
    if len(data) < start + HEAD:
        return None
    length = int.from_bytes(data[start + 1 : start + HEAD], "big")
    stop = start + HEAD + length + TAIL
    if length > 512 or length < LEAST or data[start : start + 1] != START:
        return 0
    if len(data) < stop:
        return None
    right = crc16_modbus(data[start + 1 : stop - TAIL]).to_bytes(TAIL, "little") == data[stop - TAIL : stop]
    return stop - start if right else 0


def frame(data: bytes) -> Frame:
    """Without the reply's bit it is a report, or an echo of ours."""
    kind = FrameKind.REPLY if data[4] & REPLY else FrameKind.UNSOLICITED
    return Frame(kind, data, LazyFields(fields_of, data))


def stray(data: bytes) -> tuple[Frame, ...]:
    """Bytes between frames."""
    return (Frame(FrameKind.STRAY, data),) if data else ()


def fields_of(data: bytes) -> Mapping[str, int | str | bytes]:
    """What a reply to `status` says."""
    if data[4] != COMMANDS["status"] | REPLY:
        return {"status": data[5]}
    _sequence, _command, status, serial, *rest = struct.unpack(STATUS, data[HEAD:-TAIL])
    return dict(zip(NAMES, (status, serial.decode("ascii"), *rest), strict=True))


EDGES = tuple(Edge("", name) for name in COMMANDS)
STATES = {"idle": State("idle", (MESSAGES["select"].send(),), {"status": 0})}
PROTOCOL = Protocol(
    name="labelled",
    messages=MESSAGES,
    edges=EDGES,
    wire=FramedWire(),
    states=STATES,
    probe=MESSAGES["status"].send(),
    reply_timeout=REPLY_TIMEOUT,
    resynchronization=Resynchronization(0.15),
    max_len=64,
    waits=(0.05,),
)
ANYWHERE = replace(PROTOCOL, states={"idle": State("idle", (), {"status": 0})})
UNREACHABLE = replace(PROTOCOL, states={**STATES, "armed": State("armed", (MESSAGES["select"].send(),), {"limit": 1})})


# -- as text, where nothing says where an answer ends ------------------------------------------------------------------


class TextWire(Wire):
    """Whatever comes until the line is quiet is one answer; that to the probe is known by its letter."""

    def served(self, frame: Frame) -> bool:
        """The status line that says ok."""
        return b"S 0 " in frame.data

    def identity(self, frame: Frame) -> Identity:
        """The serial number."""
        words = frame.data.partition(b"S 0 ")[2].split()
        return Identity(serial=words[0].decode("ascii", "replace") if words else "")


def line(name: str, *body: boofuzz.Fuzzable) -> Message:
    """A letter, a space, a value, the line's end."""
    end = boofuzz.Static("end", b"\r\n")
    return Message(boofuzz.Request(name, children=(boofuzz.Static("letter", LETTERS[name]), *body, end)))


LETTERS = {"status": b"S", "set_name": b"N ", "set_rate": b"R ", "select": b"C "}
LINES = messages_by_name(
    (
        line("status"),
        line("set_name", boofuzz.String("name", "ward 3", max_len=40)),
        line("set_rate", boofuzz.String("rate", "120", max_len=8)),
        line("select", boofuzz.String("channel", "1", max_len=8)),
    )
)
TEXT = Protocol(
    name="labelled text",
    messages=LINES,
    edges=EDGES,
    wire=TextWire(),
    states={"idle": State("idle", (LINES["select"].send(),), {})},
    probe=LINES["status"].send(),
    reply_timeout=REPLY_TIMEOUT,
    resynchronization=Resynchronization(0.15, b"\r\n"),
    max_len=64,
    waits=(0.05,),
)
PLAIN = replace(TEXT, name="labelled, nothing said", wire=Wire())


# -- our own mistakes --------------------------------------------------------------------------------------------------


class RaisingSplit(FramedWire):
    """A decoder that did not think of a refused request."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Fails on a reply whose status is not 0."""
        frames, rest = super().split(buffer)
        for one in frames:
            if one.kind is FrameKind.REPLY and one.data[5]:
                raise IndexError("no such status")
        return frames, rest


class RaisingMonitor(FramedWire):
    """A reading of the session that fails: it is a monitor that asks for it."""

    def session_lapsed(self, frame: Frame) -> bool:
        """Fails on every reply."""
        raise ZeroDivisionError("of our own")


class RaisingAnswers(FramedWire):
    """A comparison that fails for some messages."""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """Fails for one message."""
        if sent[4] == COMMANDS["set_name"]:
            raise KeyError("name")
        return super().answers(sent, frame)


RAISING_SPLIT = replace(PROTOCOL, wire=RaisingSplit())
RAISING_MONITOR = replace(PROTOCOL, wire=RaisingMonitor())
RAISING_ANSWERS = replace(PROTOCOL, wire=RaisingAnswers())
