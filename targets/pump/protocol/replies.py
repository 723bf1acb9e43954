"""Replies and notifications of the pump's maintenance link as scapy packets, one class each."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from scapy.fields import ByteField, LEIntField, LEShortField, StrFixedLenField, XLEIntField

from targets.pump.protocol.fields import Body, rest, text

STATUSES = {
    0: "ok",
    1: "bad_crc",
    2: "unknown_command",
    3: "bad_length",
    4: "no_session",
    5: "denied",
    6: "bad_value",
    7: "wrong_state",
    8: "over_limit",
    9: "replayed",
    10: "busy",
    11: "storage",
    12: "bad_signature",
    13: "bad_version",
}
STATES = {0: "post", 1: "idle", 2: "infusing", 3: "bolus", 4: "paused", 5: "kvo", 6: "alarm"}


class StatusOnly(Body):
    """A reply that says only whether it worked."""

    fields_desc = [ByteField("status", 0)]


class StatusReply(Body):
    """Reply to Status: everything a state's proof and the detection of a reboot need."""

    opcode = 0x81
    fields_desc = [
        ByteField("status", 0),
        StrFixedLenField("model", b"MP-405\0\0", 8),
        StrFixedLenField("serial", b"SN-0004711", 10),
        LEShortField("firmware", 0),
        LEIntField("uptime_ms", 0),
        LEShortField("boots", 0),
        ByteField("therapy_state", 0),
        ByteField("session_open", 0),
        ByteField("pending", 0),
        LEShortField("alarms", 0),
        XLEIntField("configuration", 0),
        LEShortField("configuration_writes", 0),
    ]


class ChallengeReply(Body):
    """Reply to OpenSession."""

    opcode = 0x82
    fields_desc = [ByteField("status", 0), StrFixedLenField("challenge", bytes(8), 8)]


class SessionReply(Body):
    """Reply to Prove; `counter` is the last therapy counter that was accepted."""

    opcode = 0x83
    fields_desc = [
        ByteField("status", 0),
        XLEIntField("token", 0),
        LEShortField("timeout", 0),
        LEIntField("counter", 0),
    ]


class EchoReply(Body):
    """Reply to Echo."""

    opcode = 0x85
    fields_desc = [ByteField("status", 0), LEShortField("count", 0), rest("data", b"")]


class MemoryReply(Body):
    """Reply to MemoryStatistics: bytes."""

    opcode = 0x86
    fields_desc = [ByteField("status", 0), LEShortField("stack_size", 0), LEShortField("queue_size", 0)]


class SettingsReply(Body):
    """Reply to GetSettings."""

    opcode = 0x87
    fields_desc = [
        ByteField("status", 0),
        LEShortField("occlusion_limit", 0),
        LEShortField("air_limit", 0),
        LEShortField("kvo_rate", 0),
        LEShortField("bolus_spacing", 0),
        ByteField("volume", 0),
        ByteField("brightness", 0),
        *text("name", b""),
    ]


class PatientReply(Body):
    """Reply to ReadPatient."""

    opcode = 0x8B
    fields_desc = [ByteField("status", 0), *text("identifier", b""), *text("name", b""), LEShortField("weight", 0)]


class LogReply(Body):
    """Reply to ReadLog: `entries` entries of 16 bytes: time u32, event u8, detail u8, boot u16, peer 8 bytes."""

    opcode = 0x8C
    fields_desc = [ByteField("status", 0), ByteField("entries", 0), rest("data", b"")]


class LibraryListReply(Body):
    """Reply to LibraryList: `entries` names of 8 bytes; `version` of the library."""

    opcode = 0xA0
    fields_desc = [ByteField("status", 0), LEShortField("version", 0), ByteField("entries", 0), rest("names", b"")]


class LibraryReadReply(Body):
    """Reply to LibraryRead."""

    opcode = 0xA1
    fields_desc = [
        ByteField("status", 0),
        ByteField("index", 0),
        LEShortField("concentration", 0),
        LEIntField("soft_rate", 0),
        LEIntField("hard_rate", 0),
        LEIntField("bolus_max", 0),
        *text("name", b""),
    ]


class AlarmNotification(Body):
    """0xE0, sequence 0, unsolicited: the alarms that are active and the therapy state."""

    opcode = 0xE0
    fields_desc = [LEShortField("alarms", 0), ByteField("therapy_state", 0)]


class ErrorReply(Body):
    """0xFF: the frame could not be understood."""

    opcode = 0xFF
    fields_desc = [ByteField("status", 0)]


REPLIES: dict[int, type[Body]] = {
    body.opcode: body
    for body in (
        StatusReply, ChallengeReply, SessionReply, EchoReply, MemoryReply, SettingsReply, PatientReply, LogReply,
        LibraryListReply, LibraryReadReply, AlarmNotification, ErrorReply,
    )
}  # fmt: skip
