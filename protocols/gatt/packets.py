"""What values of GATT characteristics are made of: a base class, operands, and a reader for whatever comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scapy.fields import ByteField, ConditionalField, LEShortField, PacketLenField
from scapy.packet import NoPayload, Packet, Raw

from protocols.gatt.values import DecimalFloatField
from protocols.wire import Fields

READ_RESPONSE, NOTIFICATION, INDICATION = 0x0B, 0x1B, 0x1D
REST = 512


class Value(Packet):
    """A characteristic's value, or an operand in one."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        """Bytes behind the last field stay with whoever holds the value."""
        return b"", s


class NoOperand(Value):
    """Nothing."""

    fields_desc = []  # noqa: RUF012  (scapy's)


def operand(default: Packet, behind: int = 0) -> PacketLenField:
    """The operand: everything up to `behind` bytes before the end."""
    return PacketLenField("operand", default, Raw, length_from=lambda _packet: -behind or REST)


def when(flags: int, field: Any) -> ConditionalField:
    """A field that is there where `flags` has one of the bits."""

    def present(packet: Any) -> bool:
        return bool(packet.flags & flags)

    return ConditionalField(field, present)


def timestamp(flags: int) -> list[ConditionalField]:
    """A Date Time (2A08) that is there where `flags` has the bit; 0 means not known."""
    first = LEShortField("year", 2026)
    rest = (("month", 1), ("day", 2), ("hour", 12), ("minute", 0), ("second", 0))
    return [when(flags, first), *(when(flags, ByteField(name, value)) for name, value in rest)]


def fields_read(kind: type[Packet]) -> Callable[[bytes], Fields]:
    """Reads a value as a packet class: fields by name, decimal floats as text; nothing where bytes are left over."""

    def read(value: bytes) -> Fields:
        packet: Any = kind(value)
        if bytes(packet.payload) or not isinstance(packet.payload, NoPayload):
            return {}
        return {field.name: _shown(packet, field) for field in packet.fields_desc if _holds(packet, field)}

    return read


def _holds(packet: Any, field: Any) -> bool:
    present: Callable[[Any], bool] = getattr(field, "cond", lambda _packet: True)
    return present(packet) and packet.getfieldval(field.name) is not None


def _shown(packet: Any, field: Any) -> int | str | bytes:
    value = packet.getfieldval(field.name)
    inner = getattr(field, "fld", field)
    if isinstance(inner, DecimalFloatField):
        return inner.form.text(value)
    return value if isinstance(value, int | str | bytes) else str(value)


def told_as(kind: type[Packet], *opcodes: int) -> Callable[[int, bytes], Fields]:
    """Reads notified and indicated values, or those of the PDUs named, as a packet class."""
    wanted = opcodes or (NOTIFICATION, INDICATION)
    read = fields_read(kind)
    return lambda opcode, value: read(value) if opcode in wanted else {}
