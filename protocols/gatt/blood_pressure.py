"""Blood Pressure (1810; Blood Pressure Service 1.1.1): measurements, the feature, stored records."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from scapy.fields import ByteField, XByteField, XLEShortField

from protocols.gatt import racp
from protocols.gatt.messages import read, service
from protocols.gatt.packets import Value, timestamp, told_as, when
from protocols.gatt.values import SFloatField
from protocols.model import Message, Protocol

KILOPASCAL, TIMESTAMP, PULSE, USER, STATUS = 0x01, 0x02, 0x04, 0x08, 0x10


class Measurement(Value):
    """2A35 indicated, 2A36 (cuff pressure, in `systolic`) notified: mmHg or kPa, beats a minute."""

    fields_desc = [
        XByteField("flags", 0),
        SFloatField("systolic", "120"),
        SFloatField("diastolic", "80"),
        SFloatField("mean", "93"),
        *timestamp(TIMESTAMP),
        when(PULSE, SFloatField("pulse", "72")),
        when(USER, ByteField("user", 1)),
        when(STATUS, XLEShortField("status", 0)),
    ]


def blood_pressure() -> tuple[Message, ...]:
    """The feature, and record access where the device has it."""
    return (read("pressure_feature", "2a49"), *racp.record_access())


PROTOCOL: Protocol = service("gatt_blood_pressure", blood_pressure(), racp.chains(), told_as(Measurement))
