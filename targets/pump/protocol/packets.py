"""The pump's maintenance link as scapy packets: one frame class, one body class a command, one a reply.

The wire format is specified in targets/pump/README.md. Integers are little endian; a name is a length byte and ASCII.
"""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from typing import Any

from scapy.fields import (
    ByteField,
    FieldLenField,
    LEIntField,
    LEShortField,
    PacketLenField,
    StrFixedLenField,
    XByteField,
)
from scapy.packet import Packet, Raw

from protocols.packets import ChecksumField
from protocols.siphash import siphash24
from targets.pump.protocol.fields import Body, counter, crc16, rest, text, token
from targets.pump.protocol.replies import REPLIES, AlarmNotification, ErrorReply, StatusOnly

START = 0xA5
REPLY_BIT = 0x80
SERVICE_KEY = b"MP405-SERVICEKEY"
DEFAULT_VERSION = 0x0203
DEFAULT_IMAGE = bytes(range(64))


def prove(challenge: bytes, key: bytes = SERVICE_KEY) -> bytes:
    """The eight-byte answer to an eight-byte challenge."""
    return siphash24(key, challenge)


def image_mac(version: int, image: bytes, key: bytes = SERVICE_KEY) -> bytes:
    """The MAC of an update image: over version u16, size u32 and the image."""
    return siphash24(key, version.to_bytes(2, "little") + len(image).to_bytes(4, "little") + image)


class Status(Body):
    """0x01: identity and state; the probe."""

    opcode = 0x01
    fields_desc = []


class OpenSession(Body):
    """0x02: asks for a challenge. Role 1 service, 2 pharmacy."""

    opcode = 0x02
    fields_desc = [ByteField("role", 1), *text("peer", b"bench-1")]


class Prove(Body):
    """0x03: answers the challenge."""

    opcode = 0x03
    fields_desc = [StrFixedLenField("answer", bytes(8), 8)]


class CloseSession(Body):
    """0x04: ends the session."""

    opcode = 0x04
    fields_desc = [token()]


class Echo(Body):
    """0x05: `count` bytes come back; `count` states how many follow."""

    opcode = 0x05
    fields_desc = [FieldLenField("count", None, length_of="data", fmt="<H"), rest("data", b"ping")]


class MemoryStatistics(Body):
    """0x06: stack and queue high-water marks."""

    opcode = 0x06
    fields_desc = []


class GetSettings(Body):
    """0x07: reads the settings."""

    opcode = 0x07
    fields_desc = [token()]


class SetSettings(Body):
    """0x08: writes the settings (units: 0.1 psi, µl, µl/h, s)."""

    opcode = 0x08
    fields_desc = [
        token(),
        LEShortField("occlusion_limit", 100),
        LEShortField("air_limit", 200),
        LEShortField("kvo_rate", 1000),
        LEShortField("bolus_spacing", 300),
        ByteField("volume", 5),
        ByteField("brightness", 5),
    ]


class SetDeviceName(Body):
    """0x09: names the device as the ward knows it."""

    opcode = 0x09
    fields_desc = [token(), *text("name", b"PUMP-A")]


class SetClock(Body):
    """0x0A: sets the calendar clock, seconds since 2000-01-01."""

    opcode = 0x0A
    fields_desc = [token(), LEIntField("seconds", 800_000_000)]


class ReadPatient(Body):
    """0x0B: reads the patient record. Reason 1 care, 2 service, 3 audit."""

    opcode = 0x0B
    fields_desc = [token(), ByteField("reason", 1)]


class ReadLog(Body):
    """0x0C: reads `count` entries of the security log, the newest being entry 0."""

    opcode = 0x0C
    fields_desc = [token(), LEShortField("first", 0), ByteField("count", 4)]


class AddHistory(Body):
    """0x0D: adds annotations: elements of type u8, size u8 (of the whole element), value."""

    opcode = 0x0D
    fields_desc = [token(), rest("elements", b"\x01\x06note\x02\x04\x11\x22")]


class Subscribe(Body):
    """0x0E: asks for alarm notifications: mask of alarms, hold-off in ms."""

    opcode = 0x0E
    fields_desc = [token(), LEShortField("mask", 0xFFFF), LEShortField("interval", 500)]


class SelfTest(Body):
    """0x0F: runs the self-test; refused while delivering."""

    opcode = 0x0F
    fields_desc = [token()]


class ProgramRate(Body):
    """0x10: asks for a rate in µl/h of a drug; pending until confirmed at the keypad."""

    opcode = 0x10
    fields_desc = [token(), counter(), ByteField("drug", 1), LEIntField("rate", 5000)]


class ProgramVolume(Body):
    """0x11: asks for a volume to be infused in µl; pending until confirmed at the keypad."""

    opcode = 0x11
    fields_desc = [token(), counter(), LEIntField("volume", 50_000)]


class Start(Body):
    """0x12: resumes a confirmed, paused infusion."""

    opcode = 0x12
    fields_desc = [token(), counter()]


class Stop(Body):
    """0x13: pauses delivery."""

    opcode = 0x13
    fields_desc = [token(), counter()]


class Bolus(Body):
    """0x14: a clinician bolus: µl over seconds."""

    opcode = 0x14
    fields_desc = [token(), counter(), LEIntField("amount", 2000), LEShortField("duration", 60)]


class Silence(Body):
    """0x15: silences the alarm tone for 1 to 120 s."""

    opcode = 0x15
    fields_desc = [token(), LEShortField("seconds", 60)]


class LibraryList(Body):
    """0x20: names of the drug library's entries from `first` on."""

    opcode = 0x20
    fields_desc = [ByteField("first", 0)]


class LibraryRead(Body):
    """0x21: one entry of the drug library."""

    opcode = 0x21
    fields_desc = [ByteField("index", 1)]


class LibraryBegin(Body):
    """0x22: begins a drug library upload of `entries` entries."""

    opcode = 0x22
    fields_desc = [token(), LEShortField("version", 8), ByteField("entries", 1)]


class LibraryPart(Body):
    """0x23: one entry: µg per ml, rates in µl/h, bolus maximum in µl."""

    opcode = 0x23
    fields_desc = [
        token(),
        ByteField("index", 0),
        LEShortField("concentration", 1000),
        LEIntField("soft_rate", 100_000),
        LEIntField("hard_rate", 200_000),
        LEIntField("bolus_max", 5000),
        *text("name", b"SALINE"),
    ]


class LibraryCommit(Body):
    """0x24: ends the upload; `digest` is the CRC-16 over all parts behind their tokens."""

    opcode = 0x24
    fields_desc = [token(), LEShortField("digest", crc16(bytes(LibraryPart())[4:]))]


class UpdateBegin(Body):
    """0x28: begins a firmware update."""

    opcode = 0x28
    fields_desc = [
        token(),
        LEShortField("version", DEFAULT_VERSION),
        LEIntField("size", len(DEFAULT_IMAGE)),
        StrFixedLenField("mac", image_mac(DEFAULT_VERSION, DEFAULT_IMAGE), 8),
    ]


class UpdateChunk(Body):
    """0x29: a part of the image at `offset`."""

    opcode = 0x29
    fields_desc = [token(), LEIntField("offset", 0), rest("data", DEFAULT_IMAGE)]


class UpdateCommit(Body):
    """0x2A: verifies the image and accepts its version."""

    opcode = 0x2A
    fields_desc = [token()]


REQUESTS: dict[int, type[Body]] = {
    body.opcode: body
    for body in (
        Status, OpenSession, Prove, CloseSession, Echo, MemoryStatistics, GetSettings, SetSettings, SetDeviceName,
        SetClock, ReadPatient, ReadLog, AddHistory, Subscribe, SelfTest, ProgramRate, ProgramVolume, Start, Stop,
        Bolus, Silence, LibraryList, LibraryRead, LibraryBegin, LibraryPart, LibraryCommit, UpdateBegin, UpdateChunk,
        UpdateCommit,
    )
}  # fmt: skip


def body_class(opcode: int, data: bytes) -> type[Packet]:
    """What the body of a command or a reply is."""
    if opcode < REPLY_BIT:
        return REQUESTS.get(opcode, Raw)
    if opcode in (AlarmNotification.opcode, ErrorReply.opcode):
        return REPLIES[opcode]
    return REPLIES.get(opcode, StatusOnly) if data[:1] == b"\0" else StatusOnly


def _parse_body(data: bytes, _parent: Any = None) -> Packet:
    return body_class(_parent.opcode if _parent is not None else 0, data)(data)


_NOTHING: Any = None


class PumpFrame(Packet):
    """Start, length of sequence, command and body, these three, CRC-16/CCITT-FALSE over length to body."""

    name = "pump_frame"
    fields_desc: Any = [
        XByteField("start", START),
        FieldLenField("length", None, length_of="body", fmt="<H", adjust=lambda _packet, size: size + 2),
        ByteField("sequence", 0),
        XByteField("opcode", 0),
        PacketLenField("body", _NOTHING, _parse_body, length_from=lambda packet: max(packet.length - 2, 0)),
        ChecksumField("crc16", over=("length", "body"), algorithm="crc16_ccitt_false", order="little"),
    ]


def frame(body: Packet, sequence: int = 0) -> PumpFrame:
    """The frame that carries `body`."""
    made: Any = PumpFrame(sequence=sequence, opcode=body.opcode, body=body)
    return made
