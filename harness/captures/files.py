"""Reads btsnoop, pcap and pcapng files record by record, and says at which offset one is damaged.

scapy's readers take a damaged end for the end of the file and keep quiet about it; hence these.
Formats: RFC 1761 with the datalinks of hcidump and btmon; libpcap's file format; pcapng (draft-ietf-opsawg-pcapng).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from harness.captures import H4, CaptureDamaged, Record
from harness.errors import UsageError

MAX_RECORD, MAX_BLOCK = 1 << 18, 1 << 20
BTSNOOP, PCAPNG = b"btsnoop\0", b"\x0a\x0d\x0d\x0a"
PCAP = {b"\xa1\xb2\xc3\xd4": ">", b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">", b"\x4d\x3c\xb2\xa1": "<"}
H1, UART, MONITOR = 1001, 1002, 2001
H4_WITH_DIRECTION, LINUX_MONITOR = 201, 254
COMMAND, ACL, EVENT = b"\1", b"\2", b"\4"
_MONITORED = {2: (COMMAND, True), 3: (EVENT, False), 4: (ACL, True), 5: (ACL, False)}
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_FLAGS, _INBOUND, _OUTBOUND = 2, 1, 2


def read_records(path: Path) -> Iterator[Record]:
    """Its packets in order, all of Bluetooth's as H4; raises UsageError, and CaptureDamaged where it is damaged."""
    try:
        with path.open("rb") as file:
            for record in _Reader(path, file).records():
                if (plain := _as_h4(record)) is not None:
                    yield plain
    except OSError as error:
        raise UsageError(f"capture {path}: {error.strerror}. Name a btsnoop, pcap or pcapng file") from error


class _Reader:
    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file

    def records(self) -> Iterator[Record]:
        """By what the file begins with."""
        magic = self._file.read(8)
        self._file.seek(0)
        if magic == BTSNOOP:
            return self._btsnoop()
        if magic[:4] in PCAP:
            return self._pcap(PCAP[magic[:4]])
        if magic[:4] == PCAPNG:
            return self._pcapng()
        packed = " (it is gzipped: gunzip it first)" if magic[:2] == b"\x1f\x8b" else ""
        raise UsageError(f"capture {self._path}: neither btsnoop nor pcap nor pcapng{packed}")

    def _damaged(self, offset: int, what: str) -> CaptureDamaged:
        return CaptureDamaged(f"capture {self._path}: damaged at offset {offset}: {what}")

    def _exactly(self, count: int, what: str) -> bytes:
        offset = self._file.tell()
        data = self._file.read(count)
        if len(data) < count:
            raise self._damaged(offset, f"the file ends within {what}")
        return data

    def _head(self, count: int) -> bytes:
        """A record's head, or b"" at the end of the file."""
        offset = self._file.tell()
        data = self._file.read(count)
        if data and len(data) < count:
            raise self._damaged(offset, "the file ends within a record's head")
        return data

    def _body(self, offset: int, count: int) -> bytes:
        if count > MAX_RECORD:
            raise self._damaged(offset, f"a record of {count} bytes; {MAX_RECORD} at most")
        return self._exactly(count, "a record")

    def _btsnoop(self) -> Iterator[Record]:
        _magic, _version, datalink = struct.unpack(">8sII", self._exactly(16, "its head"))
        if datalink not in (H1, UART, MONITOR):
            raise UsageError(f"capture {self._path}: btsnoop datalink {datalink} is not known; {H1}, {UART}, {MONITOR}")
        offset = self._file.tell()
        while head := self._head(24):
            _original, count, flags, _drops, _time = struct.unpack(">IIIIQ", head)
            yield _snooped(offset, datalink, flags, self._body(offset, count))
            offset = self._file.tell()

    def _pcap(self, order: str) -> Iterator[Record]:
        link: int = struct.unpack(order + "I", self._exactly(24, "its head")[20:])[0] & 0xFFFF
        offset = self._file.tell()
        while head := self._head(16):
            _seconds, _fraction, count, _original = struct.unpack(order + "IIII", head)
            yield Record(offset, link, self._body(offset, count))
            offset = self._file.tell()

    def _pcapng(self) -> Iterator[Record]:
        order, links = "<", list[int]()
        offset = 0
        while head := self._head(8):
            if head[:4] == PCAPNG:
                order, links = self._order(offset), []
            kind, size = struct.unpack(order + "II", head)
            body = self._block(offset, size, order)
            if kind == _INTERFACE and len(body) >= 8:
                links.append(struct.unpack(order + "H", body[:2])[0])
            elif kind in (_ENHANCED, _SIMPLE) and (record := _in_block(offset, kind, body, order, links)):
                yield record
            offset = self._file.tell()

    def _order(self, offset: int) -> str:
        """The byte order of a section, which is told behind the length."""
        mark = self._exactly(4, "a section's head")
        self._file.seek(-4, 1)
        if mark not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
            raise self._damaged(offset, f"a section's byte order is {mark.hex()}")
        return ">" if mark[0] == 0x1A else "<"

    def _block(self, offset: int, size: int, order: str) -> bytes:
        if size < 12 or size % 4 or size > MAX_BLOCK:
            raise self._damaged(offset, f"a block of {size} bytes; 12 to {MAX_BLOCK}, in fours")
        body = self._exactly(size - 12, "a block")
        if struct.unpack(order + "I", self._exactly(4, "a block"))[0] != size:
            raise self._damaged(offset, "a block's two lengths differ")
        return body


def _in_block(offset: int, kind: int, body: bytes, order: str, links: list[int]) -> Record | None:
    """The packet of an Enhanced or Simple Packet Block; None where its interface is not described."""
    if kind == _SIMPLE:
        if len(body) < 4 or not links:
            return None
        (original,) = struct.unpack(order + "I", body[:4])
        return Record(offset, links[0], body[4 : 4 + original])
    if len(body) < 20:
        return None
    interface, _high, _low, count, _original = struct.unpack(order + "5I", body[:20])
    place: int = interface
    if place >= len(links):
        return None
    sent = _direction(body[20 + count + -count % 4 :], order)
    return Record(offset, links[place], body[20 : 20 + count], sent)


def _direction(options: bytes, order: str) -> bool | None:
    while len(options) >= 4:
        code, count = struct.unpack(order + "HH", options[:4])
        if code == _FLAGS and count == 4 and len(options) >= 8:
            return {_INBOUND: False, _OUTBOUND: True}.get(struct.unpack(order + "I", options[4:8])[0] & 3)
        options = options[4 + count + -count % 4 :]
    return None


def _snooped(offset: int, datalink: int, flags: int, data: bytes) -> Record:
    """A btsnoop record; its flags are the direction and kind, or btmon's opcode."""
    if datalink == MONITOR:
        return Record(offset, LINUX_MONITOR, struct.pack(">HH", flags >> 16, flags & 0xFFFF) + data)
    sent = not flags & 1
    if datalink == H1:
        data = (ACL if not flags & 2 else COMMAND if sent else EVENT) + data
    return Record(offset, H4, data, sent)


def _as_h4(record: Record) -> Record | None:
    """Bluetooth's other link types as H4; None for what is no packet of HCI."""
    if record.link == H4_WITH_DIRECTION and len(record.data) > 4:
        return Record(record.offset, H4, record.data[4:], record.data[:4] == bytes(4))
    if record.link == LINUX_MONITOR:
        kind, sent = _MONITORED.get(int.from_bytes(record.data[2:4], "big"), (b"", False))
        return Record(record.offset, H4, kind + record.data[4:], sent) if kind else None
    return record
