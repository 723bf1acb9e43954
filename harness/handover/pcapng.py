"""Writes pcapng blocks with comments (draft-ietf-opsawg-pcapng): a section, one interface, its packets.

scapy's own writer has comments for packets only, and its arguments differ between the versions that we allow.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass

ETHERNET, RAW_IP, UPPER_PDU = 1, 101, 252
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC, _UNKNOWN_LENGTH, _NO_LIMIT = 0x1A2B3C4D, -1, 0
_COMMENT, _NAME, _PROGRAM, _FLAGS = 1, 2, 4, 2
_INBOUND, _OUTBOUND = 1, 2
_LONGEST = 0xFFFC
_PER_SECOND, _LATEST = 1_000_000, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, `seconds` after the clock's zero; outbound is from us to the device. "" is no comment."""

    seconds: float
    outbound: bool
    data: bytes
    comment: str = ""


def capture(packets: Iterable[Packet], *, link_type: int, interface: str, program: str, comment: str) -> bytes:
    """The whole file; `interface` names where it was captured, `comment` says what the capture is."""
    section = struct.pack("<IHHq", _MAGIC, 1, 0, _UNKNOWN_LENGTH)
    described = struct.pack("<HHI", link_type, 0, _NO_LIMIT)
    return b"".join(
        (
            _block(_SECTION, section, _text(_COMMENT, comment), _text(_PROGRAM, program)),
            _block(_INTERFACE, described, _text(_NAME, interface)),
            *(_packet(packet) for packet in packets),
        )
    )


def _packet(packet: Packet) -> bytes:
    time, size = _ticks(packet.seconds), len(packet.data)
    head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, size, size)
    flags = struct.pack("<HHI", _FLAGS, 4, _OUTBOUND if packet.outbound else _INBOUND)
    return _block(_PACKET, head + _padded(packet.data), _text(_COMMENT, packet.comment), flags)


def _ticks(seconds: float) -> int:
    """Microseconds; a time that cannot be written is 0."""
    return min(round(seconds * _PER_SECOND), _LATEST) if 0 <= seconds < math.inf else 0


def _text(code: int, text: str) -> bytes:
    """An option; what is too long for one is cut at a whole character."""
    data = text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").encode()
    return struct.pack("<HH", code, len(data)) + _padded(data) if data else b""


def _block(kind: int, body: bytes, *options: bytes) -> bytes:
    given = b"".join(options)
    content = body + (given + bytes(4) if given else b"")
    length = struct.pack("<I", len(content) + 12)
    return struct.pack("<I", kind) + length + content + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
