"""Characteristic Presentation Formats (Assigned Numbers 2.4.1) as scapy fields, for `discover`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.discovery.gatt_table import Found, assigned_name
from protocols.gatt.values import FLOAT, SFLOAT, DecimalFloat

OURS = frozenset({"SFloatField", "FloatField"})
BYTES = "StrLenField"
_DECIMAL: dict[int, DecimalFloat] = {0x16: SFLOAT, 0x17: FLOAT}
_FEW_BYTES = b"\x01\x00"
_UTF8 = 0x19


@dataclass(frozen=True, slots=True)
class Format:
    """A format of the Characteristic Presentation Format (Assigned Numbers 2.4.1): its name, bytes, scapy field."""

    name: str
    size: int
    field: str = ""

    @property
    def signed(self) -> bool:
        """A signed integer."""
        return self.name.startswith("sint")


FORMATS = {
    0x01: Format("boolean", 1, "ByteField"),
    0x02: Format("uint2", 1, "ByteField"),
    0x03: Format("uint4", 1, "ByteField"),
    0x04: Format("uint8", 1, "ByteField"),
    0x05: Format("uint12", 2, "LEShortField"),
    0x06: Format("uint16", 2, "LEShortField"),
    0x07: Format("uint24", 3, "LEThreeBytesField"),
    0x08: Format("uint32", 4, "LEIntField"),
    0x09: Format("uint48", 6),
    0x0A: Format("uint64", 8, "LELongField"),
    0x0B: Format("uint128", 16),
    0x0C: Format("sint8", 1, "SignedByteField"),
    0x0D: Format("sint12", 2, "LESignedShortField"),
    0x0E: Format("sint16", 2, "LESignedShortField"),
    0x0F: Format("sint24", 3),
    0x10: Format("sint32", 4, "LESignedIntField"),
    0x11: Format("sint48", 6),
    0x12: Format("sint64", 8, "LESignedLongField"),
    0x13: Format("sint128", 16),
    0x14: Format("float32", 4),
    0x15: Format("float64", 8),
    0x16: Format("SFLOAT", 2, "SFloatField"),
    0x17: Format("FLOAT", 4, "FloatField"),
    _UTF8: Format("UTF-8 text", 7),
}


def format_of(found: Found) -> Format | None:
    return FORMATS.get(found.format[0]) if found.format else None


def described(found: Found) -> str:
    kind = format_of(found)
    unit = assigned_name(found.format[2:4][::-1].hex()) if len(found.format) >= 4 else ""
    exponent = int.from_bytes(found.format[1:2], "little", signed=True)
    words = [kind.name if kind else "", f"times 10^{exponent}" if exponent else "", unit]
    return ", ".join(word for word in words if word)


def field_of(found: Found) -> str:
    """The value's field: a number where its format says so, else bytes."""
    kind, value = format_of(found), found.value or b""
    if kind is None or not kind.field:
        plausible = value or (b"medfuzz" if found.format[:1] == bytes([_UTF8]) else bytes(kind.size) if kind else b"")
        return f'StrLenField("value", {_literal(plausible or _FEW_BYTES)}, length_from=lambda _packet: 512)'
    number = int.from_bytes(value, "little", signed=kind.signed) if len(value) == kind.size else 1
    decimal = _DECIMAL.get(found.format[0])
    if decimal is not None:
        return f'{kind.field}("value", "{decimal.text(number) if value else "1"}")'
    return f'{kind.field}("value", {number})'


def _literal(value: bytes) -> str:
    text = repr(value)
    return text if '"' in text or "'" in text[2:-1] else f'b"{text[2:-1]}"'
