"""What was said to a device over TCP: segments out of captured packets, put in order, connection by connection.

Link types as tcpdump numbers them: Ethernet with VLAN tags, Linux cooked (1 and 2), raw IP, BSD loopback.
"""

from __future__ import annotations

import ipaddress
import struct
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harness.captures import Record, Said

MAX_HELD, MAX_PIECES, MAX_FLOWS = 1 << 20, 256, 4096
_IPV4, _IPV6, _VLAN = 0x0800, 0x86DD, (0x8100, 0x88A8)
_TCP, _EXTENSIONS = 6, (0, 43, 60)
_SYN = 0x02
_RAW, _LOOPBACK, _COOKED, _COOKED_2, _ETHERNET = (12, 14, 101, 228, 229), (0, 108), 113, 276, 1
_HALF, _TOP = 1 << 31, 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment; endpoints are `HOST:PORT`."""

    source: str
    target: str
    sequence: int
    syn: bool
    data: bytes


@dataclass(slots=True)
class Flow:
    """One direction of one connection: what comes in order, each byte once. A byte that never came ends it."""

    conversation: int
    expected: int
    held: dict[int, bytes] = field(default_factory=dict[int, bytes])

    def take(self, sequence: int, data: bytes) -> Iterator[bytes]:
        """The pieces that are in order with this one."""
        self.held[sequence] = max(data, self.held.get(sequence, b""), key=len)
        while (ready := self._ready()) is not None:
            piece = self.held.pop(ready)[(self.expected - ready) & _TOP :]
            self.expected = (self.expected + len(piece)) & _TOP
            if piece:
                yield piece

    def _ready(self) -> int | None:
        """A held segment that begins at the next byte or before it."""
        return next((start for start in self.held if (self.expected - start) & _TOP < _HALF), None)

    @property
    def full(self) -> bool:
        """Too much is held back for a gap that is not filled."""
        return len(self.held) > MAX_PIECES or sum(map(len, self.held.values())) > MAX_HELD

    def skip(self) -> None:
        """Go on behind the gap."""
        self.expected = min(self.held, key=lambda start: (start - self.expected) & _TOP)


class Conversations:
    """The conversations with one device; `device` is `HOST:PORT` or `:PORT` of whichever host.

    `heard` counts the segments with data to every endpoint, for people who named none that was there.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._flows = OrderedDict[tuple[str, str], Flow]()
        self._made = 0
        self.heard = Counter[str]()

    def said(self, records: Iterable[Record]) -> Iterator[Said]:
        """Pieces of the streams to the device, in order within each conversation; the rest of each at the end."""
        for record in records:
            segment = segment_of(record)
            if segment is not None:
                yield from self._take(segment)
        for (_source, target), flow in self._flows.items():
            while flow.held:
                yield from self._behind_the_gap(flow, target)

    def _take(self, segment: Segment) -> Iterator[Said]:
        if segment.data and (segment.target in self.heard or len(self.heard) < MAX_FLOWS):
            self.heard[segment.target] += 1
        if not self._is_wanted(segment.target):
            return
        flow, first = self._flow(segment), segment.sequence + segment.syn & _TOP
        for piece in flow.take(first, segment.data) if segment.data else ():
            yield Said(flow.conversation, segment.target, piece)
        if flow.full:
            yield from self._behind_the_gap(flow, segment.target)

    def _is_wanted(self, target: str) -> bool:
        return target.endswith(self._device) if self._device.startswith(":") else target == self._device

    def _flow(self, segment: Segment) -> Flow:
        """The connection's; a new one where it begins."""
        key = (segment.source, segment.target)
        if segment.syn or key not in self._flows:
            first = (segment.sequence + 1) & _TOP if segment.syn else segment.sequence
            known = self._flows.get(key)
            if known is None or known.expected != first:
                self._flows[key] = Flow(self._next(), first)
            while len(self._flows) > MAX_FLOWS:
                self._flows.popitem(last=False)
        return self._flows[key]

    def _behind_the_gap(self, flow: Flow, target: str) -> Iterator[Said]:
        flow.skip()
        flow.conversation = self._next()
        for piece in flow.take(flow.expected, b""):
            yield Said(flow.conversation, target, piece)

    def _next(self) -> int:
        self._made += 1
        return self._made


def segment_of(record: Record) -> Segment | None:
    """The TCP segment of a packet; None for anything else, fragments of IP included."""
    kind, packet = _network(record)
    if kind == _IPV4 and len(packet) >= 20:
        return _in_ipv4(packet)
    if kind == _IPV6 and len(packet) >= 40:
        return _in_ipv6(packet)
    return None


def _network(record: Record) -> tuple[int, bytes]:
    """EtherType and packet of the network layer; (0, b"") where there is none."""
    data = record.data
    if record.link == _ETHERNET:
        return _untagged(int.from_bytes(data[12:14], "big"), data[14:])
    if record.link == _COOKED:
        return _untagged(int.from_bytes(data[14:16], "big"), data[16:])
    if record.link == _COOKED_2:
        return _untagged(int.from_bytes(data[:2], "big"), data[20:])
    if record.link in _LOOPBACK:
        data = data[4:]
    elif record.link not in _RAW:
        return 0, b""
    return {4: _IPV4, 6: _IPV6}.get(data[0] >> 4 if data else 0, 0), data


def _untagged(kind: int, data: bytes) -> tuple[int, bytes]:
    while kind in _VLAN and len(data) >= 4:
        kind, data = int.from_bytes(data[2:4], "big"), data[4:]
    return kind, data


def _in_ipv4(packet: bytes) -> Segment | None:
    head, total = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
    fragment = int.from_bytes(packet[6:8], "big") & 0x3FFF
    if packet[0] >> 4 != 4 or packet[9] != _TCP or fragment or head < 20:
        return None
    return _in_tcp(packet[head : total or None], packet[12:16], packet[16:20])


def _in_ipv6(packet: bytes) -> Segment | None:
    kind, length = packet[6], int.from_bytes(packet[4:6], "big")
    rest = packet[40 : 40 + length] if length else packet[40:]
    while kind in _EXTENSIONS and len(rest) >= 8:
        kind, rest = rest[0], rest[8 + 8 * rest[1] :]
    return _in_tcp(rest, packet[8:24], packet[24:40]) if kind == _TCP else None


def _in_tcp(packet: bytes, source: bytes, target: bytes) -> Segment | None:
    if len(packet) < 20:
        return None
    from_port, to_port, sequence = struct.unpack(">HHI", packet[:8])
    head = (packet[12] >> 4) * 4
    if head < 20:
        return None
    return Segment(
        _endpoint(source, from_port), _endpoint(target, to_port), sequence, bool(packet[13] & _SYN), packet[head:]
    )


def _endpoint(address: bytes, port: int) -> str:
    host = ipaddress.ip_address(address)
    return f"[{host}]:{port}" if host.version == 6 else f"{host}:{port}"
