"""Reads what a frame carries: ARP (RFC 826), IPv4 and IPv6, and echoes in them (RFC 792, 4443); never raises."""

from __future__ import annotations

from dataclasses import dataclass

from harness.addresses import ARP, IPV4, IPV6, unwrapped
from protocols.checksums import internet

ECHOES = {4: (1, 8, 0), 6: (58, 128, 129)}
"""By version: the protocol's number, types of request and reply."""
SOLICITATION, ADVERTISEMENT = 135, 136
WHO_HAS, IS_AT = 1, 2
_ETHERNET_IPV4 = bytes.fromhex("000108000604")


@dataclass(frozen=True, slots=True)
class Arp:
    """A request or reply; `plain`: of Ethernet and IPv4."""

    operation: int
    source_mac: bytes
    source: bytes
    target: bytes
    plain: bool


@dataclass(frozen=True, slots=True)
class Datagram:
    """Of IP. `plain`: whole, without options, and all in its header is right; `summed`: the header's checksum is."""

    version: int
    source: bytes
    target: bytes
    protocol: int
    payload: bytes
    plain: bool
    summed: bool


@dataclass(frozen=True, slots=True)
class Icmp:
    """A message of ICMP or ICMPv6; `summed`: its checksum is right."""

    version: int
    type: int
    code: int
    rest: bytes
    summed: bool

    @property
    def ids(self) -> bytes:
        """Identifier and sequence number of an echo."""
        return self.rest[:4]

    @property
    def data(self) -> bytes:
        """What an echo is to give back."""
        return self.rest[4:]

    @property
    def asks(self) -> bool:
        """True for an echo request."""
        return (self.type, self.code) == (ECHOES[self.version][1], 0)

    @property
    def replies(self) -> bool:
        """True for an echo reply."""
        return self.type == ECHOES[self.version][2]


def arp_of(frame: bytes) -> Arp | None:
    """The ARP message of a frame; None for another one."""
    kind, body = unwrapped(frame)
    if kind != ARP or len(body) < 28:
        return None
    return Arp(int.from_bytes(body[6:8]), body[8:14], body[14:18], body[24:28], body[:6] == _ETHERNET_IPV4)


def datagram_of(frame: bytes) -> Datagram | None:
    """The datagram of a frame, without what fills the frame up; None for another one, or one that is cut."""
    kind, body = unwrapped(frame)
    if kind == IPV4 and len(body) >= 20:
        return _ipv4(body)
    if kind == IPV6 and len(body) >= 40:
        return _ipv6(body)
    return None


def _ipv4(body: bytes) -> Datagram:
    header, length = 4 * (body[0] & 0xF), int.from_bytes(body[2:4])
    summed = 20 <= header <= len(body) and internet(body[:header]) == 0
    whole = body[0] == 0x45 and header <= length <= len(body)
    unbroken = not int.from_bytes(body[6:8]) & 0xBFFF and body[8] > 0
    return Datagram(4, body[12:16], body[16:20], body[9], body[header:length], whole and unbroken and summed, summed)


def _ipv6(body: bytes) -> Datagram:
    length = 40 + int.from_bytes(body[4:6])
    whole = body[0] >> 4 == 6 and length <= len(body) and body[7] > 0
    return Datagram(6, body[8:24], body[24:40], body[6], body[40:length], whole, True)


def icmp_of(datagram: Datagram | None) -> Icmp | None:
    """The ICMP message of a datagram; None for another one."""
    if datagram is None or datagram.protocol != ECHOES[datagram.version][0] or len(datagram.payload) < 4:
        return None
    data = datagram.payload
    pseudo = datagram.source + datagram.target + len(data).to_bytes(4) + ECHOES[6][0].to_bytes(4)
    summed = internet((pseudo if datagram.version == 6 else b"") + data) == 0
    return Icmp(datagram.version, data[0], data[1], data[4:], summed)
