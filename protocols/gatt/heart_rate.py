"""Heart Rate (180D; Heart Rate Service 1.0): the notified measurement, and the control point that resets the energy."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from typing import Any

from scapy.fields import ByteField, FieldListField, LEShortField, MultipleTypeField, XByteField

from harness.interfaces import Mark
from protocols.gatt.messages import read, service, write
from protocols.gatt.packets import Value, told_as, when
from protocols.model import Message, Protocol

WIDE, ENERGY, INTERVALS = 0x01, 0x08, 0x10


def _wide(packet: Any) -> bool:
    return bool(packet.flags & WIDE)


class Measurement(Value):
    """2A37: beats a minute in one or two bytes, kJ since the last reset, RR intervals in 1/1024 s."""

    fields_desc = [
        XByteField("flags", 0),
        MultipleTypeField([(LEShortField("rate", 72), _wide)], ByteField("rate", 72)),
        when(ENERGY, LEShortField("energy", 0)),
        when(INTERVALS, FieldListField("intervals", [], LEShortField("interval", 1024))),
    ]


class ControlPoint(Value):
    """2A39: 1 resets the energy; it is answered by the write's response."""

    fields_desc = [XByteField("command", 1)]


def heart_rate() -> tuple[Message, ...]:
    """The reads and the write of the service."""
    return (
        read("sensor_location", "2a38"),
        write("reset_energy", "2a39", ControlPoint(), marks=frozenset({Mark.PRIVILEGED})),
    )


PROTOCOL: Protocol = service(
    "gatt_heart_rate", heart_rate(), (("reset_energy", "sensor_location"),), told_as(Measurement)
)
