"""The insulin pump's GATT table as data: services, characteristics, properties, and which of them need encryption."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto


class Property(Flag):
    """What a client may do with a characteristic (Core Vol 3 Part G 3.3.1.1)."""

    READ = auto()
    WRITE = auto()
    WRITE_WITHOUT_RESPONSE = auto()
    NOTIFY = auto()
    INDICATE = auto()


READ, WRITE, NOTIFY, INDICATE = Property.READ, Property.WRITE, Property.NOTIFY, Property.INDICATE
COMMAND = Property.WRITE_WITHOUT_RESPONSE
CONTROL_POINT = WRITE | INDICATE


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One characteristic; `id` is its 16-bit UUID and the attribute number in the mailbox."""

    id: int
    name: str
    properties: Property
    needs_encryption: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A primary service and its characteristics, in the order of their handles."""

    uuid: int
    name: str
    characteristics: tuple[Characteristic, ...]


SERVICES = (
    Service(
        0x180A,
        "Device Information",
        (
            Characteristic(0x2A29, "manufacturer name", READ),
            Characteristic(0x2A24, "model number", READ),
            Characteristic(0x2A25, "serial number", READ),
            Characteristic(0x2A26, "firmware revision", READ),
        ),
    ),
    Service(0x180F, "Battery", (Characteristic(0x2A19, "battery level", READ | NOTIFY),)),
    Service(
        0x181F,
        "Continuous Glucose Monitoring",
        (
            Characteristic(0x2AA7, "CGM measurement", NOTIFY, needs_encryption=True),
            Characteristic(0x2AA8, "CGM feature", READ),
            Characteristic(0x2AA9, "CGM status", READ),
            Characteristic(0x2AAA, "CGM session start time", READ | WRITE, needs_encryption=True),
            Characteristic(0x2AAB, "CGM session run time", READ),
            Characteristic(0x2A52, "record access control point", CONTROL_POINT, needs_encryption=True),
            Characteristic(0x2AAC, "CGM specific ops control point", CONTROL_POINT, needs_encryption=True),
        ),
    ),
    Service(
        0x183A,
        "Insulin Delivery",
        (
            Characteristic(0x2B21, "IDD status", READ | INDICATE),
            Characteristic(0x2B22, "IDD annunciation status", READ),
            Characteristic(0x2B23, "IDD features", READ),
            Characteristic(0x2B24, "IDD status reader control point", CONTROL_POINT, needs_encryption=True),
            Characteristic(0x2B25, "IDD command control point", CONTROL_POINT, needs_encryption=True),
            Characteristic(0x2B27, "IDD record access control point", CONTROL_POINT, needs_encryption=True),
            Characteristic(0x2B28, "IDD history data", NOTIFY, needs_encryption=True),
        ),
    ),
    Service(
        0xF000,
        "IP-7",
        (
            Characteristic(0xF001, "login control point", CONTROL_POINT),
            Characteristic(0xF002, "pump status", READ),
            Characteristic(0xF003, "settings", READ | WRITE, needs_encryption=True),
            Characteristic(0xF004, "upload", WRITE | COMMAND, needs_encryption=True),
            Characteristic(0xF005, "patient", READ, needs_encryption=True),
            Characteristic(0xF006, "log", READ, needs_encryption=True),
        ),
    ),
)


def characteristics() -> Iterator[Characteristic]:
    """All characteristics of all services."""
    for service in SERVICES:
        yield from service.characteristics
