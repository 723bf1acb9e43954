"""The insulin pump's own characteristics (F001-F006) as scapy packets; specified in targets/insulin/README.md."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from scapy.fields import (
    ByteField,
    FieldLenField,
    LEIntField,
    LEShortField,
    PacketListField,
    StrFixedLenField,
    StrLenField,
    XByteField,
    XLEIntField,
    XLEShortField,
)

from protocols.gatt.packets import REST, Value
from protocols.siphash import siphash24

PIN = b"73918425"
KEYS = b"IP7-LOGIN-KEY-01", b"IP7-LOGIN-KEY-02"
DELIVERY = {0: "self-test", 1: "stopped", 2: "running", 3: "paused", 4: "priming", 5: "alarm"}


def proof(nonce: bytes, pin: bytes = PIN) -> bytes:
    """The eight bytes that answer a login's nonce of eight bytes."""
    return siphash24(b"".join(siphash24(key, pin) for key in KEYS), nonce)


class Hello(Value):
    """F001, 1: asks for a nonce."""

    fields_desc = [XByteField("request", 1)]


class Prove(Value):
    """F001, 2: answers the nonce."""

    fields_desc = [XByteField("request", 2), StrFixedLenField("answer", bytes(8), 8)]


class Logout(Value):
    """F001, 3: ends the session."""

    fields_desc = [XByteField("request", 3)]


class ChangePin(Value):
    """F001, 4: another PIN of four to eight digits."""

    fields_desc = [XByteField("request", 4), StrLenField("pin", PIN, length_from=lambda _packet: REST)]


class Bond(Value):
    """F001, 5: the connected peer becomes known with this key."""

    fields_desc = [XByteField("request", 5), StrFixedLenField("key", bytes(range(16)), 16)]


class PumpStatus(Value):
    """F002: everything that a state's proof and the detection of a restart need."""

    fields_desc = [
        LEIntField("uptime_ms", 0),
        LEShortField("boots", 1),
        ByteField("delivery_state", 2),
        ByteField("session_open", 0),
        XLEIntField("configuration", 0),
        LEShortField("configuration_writes", 0),
        XLEShortField("alarms", 0),
    ]


class Settings(Value):
    """F003: limits in 0.01 U and 0.01 U/h, alerts in mg/dl, loudness and brightness."""

    fields_desc = [
        LEShortField("max_bolus", 1500),
        LEShortField("max_basal", 500),
        LEShortField("alert_low", 70),
        LEShortField("alert_high", 250),
        ByteField("volume", 5),
        ByteField("brightness", 5),
    ]


class Record(Value):
    """One record of an upload: 1 the pump's name, 2 a note."""

    fields_desc = [
        ByteField("type", 1),
        FieldLenField("size", None, length_of="data", fmt="B"),
        StrLenField("data", b"PUMP7", length_from=lambda packet: packet.size),
    ]


class Upload(Value):
    """F004: records one behind the other."""

    fields_desc = [PacketListField("records", [Record(), Record(type=2, data=b"changed in clinic")], Record)]
