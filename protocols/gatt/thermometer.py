"""Health Thermometer (1809; Health Thermometer Service 1.0): temperatures as FLOAT, and how often they are measured."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from scapy.fields import ByteField, LEShortField, XByteField

from harness.interfaces import Mark
from protocols.gatt.messages import read, service, write
from protocols.gatt.packets import Value, timestamp, told_as, when
from protocols.gatt.values import FloatField
from protocols.model import Message, Protocol

FAHRENHEIT, TIMESTAMP, TYPE = 0x01, 0x02, 0x04


class Measurement(Value):
    """2A1C indicated, 2A1E notified: degrees Celsius or Fahrenheit, and where they were taken."""

    fields_desc = [
        XByteField("flags", 0),
        FloatField("temperature", "36.6"),
        *timestamp(TIMESTAMP),
        when(TYPE, ByteField("type", 2)),
    ]


class Interval(Value):
    """2A21: seconds from one measurement to the next; 0 measures only when asked."""

    fields_desc = [LEShortField("seconds", 60)]


def thermometer() -> tuple[Message, ...]:
    """The reads and the write of the service."""
    interval = {"seconds": (0, 0xFFFF)}
    return (
        read("temperature_type", "2a1d"),
        read("interval", "2a21"),
        write("set_interval", "2a21", Interval(), ranges=interval, marks=frozenset({Mark.PRIVILEGED})),
    )


PROTOCOL: Protocol = service("gatt_thermometer", thermometer(), (("set_interval", "interval"),), told_as(Measurement))
