"""Pulse oximetry (1822; Pulse Oximeter Service 1.0.1): spot checks, continuous values, features, stored records."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from scapy.fields import LEThreeBytesField, XByteField, XLEShortField

from protocols.gatt import racp
from protocols.gatt.messages import read, service
from protocols.gatt.packets import INDICATION, NOTIFICATION, Value, timestamp, told_as, when
from protocols.gatt.values import SFloatField
from protocols.model import Message, Protocol
from protocols.wire import Fields


class SpotCheck(Value):
    """2A5E, indicated. Flags: 1 time, 2 measurement status, 4 device status, 8 pulse amplitude, 10 clock not set."""

    fields_desc = [
        XByteField("flags", 0),
        SFloatField("saturation", "98"),
        SFloatField("pulse", "72"),
        *timestamp(0x01),
        when(0x02, XLEShortField("status", 0)),
        when(0x04, LEThreeBytesField("device_status", 0)),
        when(0x08, SFloatField("amplitude", "5")),
    ]


class Continuous(Value):
    """2A5F, notified. Flags: 1 fast, 2 slow values, 4 measurement status, 8 device status, 10 pulse amplitude."""

    fields_desc = [
        XByteField("flags", 0),
        SFloatField("saturation", "98"),
        SFloatField("pulse", "72"),
        when(0x01, SFloatField("fast_saturation", "98")),
        when(0x01, SFloatField("fast_pulse", "72")),
        when(0x02, SFloatField("slow_saturation", "98")),
        when(0x02, SFloatField("slow_pulse", "72")),
        when(0x04, XLEShortField("status", 0)),
        when(0x08, LEThreeBytesField("device_status", 0)),
        when(0x10, SFloatField("amplitude", "5")),
    ]


SPOT, FLOW = told_as(SpotCheck, INDICATION), told_as(Continuous, NOTIFICATION)


def told(opcode: int, value: bytes) -> Fields:
    """Spot checks are indicated, continuous values notified."""
    return SPOT(opcode, value) or FLOW(opcode, value)


def oximetry() -> tuple[Message, ...]:
    """The features, and record access to spot checks."""
    return (read("plx_features", "2a60"), *racp.record_access())


PROTOCOL: Protocol = service("gatt_plx", oximetry(), racp.chains(), told)
