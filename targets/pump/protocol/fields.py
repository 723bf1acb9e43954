"""What the pump's maintenance link packets are made of: the body class, common fields, the CRC."""

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import FieldLenField, LEIntField, StrLenField, XLEIntField
from scapy.packet import Packet


def _crc_table() -> tuple[int, ...]:
    def entry(byte: int) -> int:
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x1021 if crc & 0x8000 else 0)
        return crc & 0xFFFF

    return tuple(entry(byte) for byte in range(256))


_TABLE = _crc_table()


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF, no reflection, no final xor."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _TABLE[crc >> 8 ^ byte]
    return crc


class Body(Packet):
    """What a frame carries; `opcode` is its code on the wire."""

    opcode: ClassVar[int] = 0

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes | None]:
        """Bytes behind the last field stay with the frame."""
        return b"", s


def token() -> XLEIntField:
    """The session token."""
    return XLEIntField("token", 0)


def counter() -> LEIntField:
    """The therapy counter, which must grow."""
    return LEIntField("counter", 0)


def text(name: str, default: bytes) -> list[Any]:
    """A length byte and that many bytes."""
    size = f"{name}_length"
    return [
        FieldLenField(size, None, length_of=name, fmt="B"),
        StrLenField(name, default, length_from=lambda packet: packet.getfieldval(size)),
    ]


def rest(name: str, default: bytes) -> StrLenField:
    """All that is left of the body."""
    return StrLenField(name, default, length_from=lambda _: 512)
