"""Continuous Glucose Monitoring (181F; CGM Service 1.0.2) as scapy packets; glucose is mg/dl, times are minutes."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import (
    ByteField,
    ConditionalField,
    LEShortField,
    LEThreeBytesField,
    SignedByteField,
    XByteField,
)

from protocols.gatt.packets import Value, operand, when
from protocols.gatt.values import SFloatField, e2e_crc

TREND, QUALITY, WARNING, CALIBRATION_STATUS, STATUS = 0x01, 0x02, 0x20, 0x40, 0x80
LENGTHS = {TREND: 2, QUALITY: 2, WARNING: 1, CALIBRATION_STATUS: 1, STATUS: 1}


def _protected(packet: Any) -> bool:
    """The CRC's two bytes are counted by the size, but have no flag."""
    return packet.size >= 8 + sum(length for flag, length in LENGTHS.items() if packet.flags & flag)


class Measurement(Value):
    """2AA7: size and flags say which fields follow."""

    fields_desc = [
        ByteField("size", 8),
        XByteField("flags", 0),
        SFloatField("glucose", "120"),
        LEShortField("time_offset", 0),
        when(STATUS, XByteField("status", 0)),
        when(CALIBRATION_STATUS, XByteField("calibration_status", 0)),
        when(WARNING, XByteField("warning", 0)),
        when(TREND, SFloatField("trend", "0")),
        when(QUALITY, SFloatField("quality", "0")),
        ConditionalField(e2e_crc("size", "quality"), _protected),
    ]


class Feature(Value):
    """2AA8."""

    fields_desc = [
        LEThreeBytesField("features", 0),
        XByteField("type_location", 0x59),
        e2e_crc("features", "type_location"),
    ]


class Status(Value):
    """2AA9: minutes since the session began, three octets of status."""

    fields_desc = [
        LEShortField("time_offset", 0),
        XByteField("status", 0),
        XByteField("calibration_status", 0),
        XByteField("warning", 0),
    ]


class ProtectedStatus(Status):
    """2AA9 with its CRC."""

    fields_desc = [*Status.fields_desc, e2e_crc("time_offset", "warning")]


class StartTime(Value):
    """2AAA: zone in quarters of an hour, summer time as its offset's code."""

    fields_desc = [
        LEShortField("year", 2026),
        ByteField("month", 1),
        ByteField("day", 2),
        ByteField("hour", 12),
        ByteField("minute", 0),
        ByteField("second", 0),
        SignedByteField("time_zone", 4),
        ByteField("summer_time", 0),
    ]


class ProtectedStartTime(StartTime):
    """2AAA with its CRC."""

    fields_desc = [*StartTime.fields_desc, e2e_crc("year", "summer_time")]


class Operand(Value):
    """What follows an opcode of the control point."""

    opcode: ClassVar[int] = 0


class SetInterval(Operand):
    """1: minutes between measurements; 0 stops them, 255 is the fastest."""

    opcode = 1
    fields_desc = [ByteField("minutes", 5)]


class SetCalibration(Operand):
    """4: a reference value, when and where it was taken, when the next is due."""

    opcode = 4
    fields_desc = [
        SFloatField("glucose", "120"),
        LEShortField("time", 1),
        XByteField("type_location", 0x11),
        LEShortField("next_time", 60),
        LEShortField("record", 0),
        XByteField("status", 0),
    ]


class GetCalibration(Operand):
    """5: the record's number; FFFF is the last."""

    opcode = 5
    fields_desc = [LEShortField("record", 0xFFFF)]


class SetAlert(Operand):
    """7, 10, 13, 16: a threshold in mg/dl; 19, 22: a rate in mg/dl/min."""

    fields_desc = [SFloatField("level", "250")]


def _body(behind: int) -> list[Any]:
    return [ByteField("opcode", 26), operand(Value(), behind)]


class SpecificOps(Value):
    """2AAC: opcode and operand."""

    fields_desc = _body(0)


class ProtectedSpecificOps(Value):
    """2AAC: opcode, operand and E2E-CRC."""

    fields_desc = [*_body(2), e2e_crc("opcode", "operand")]
