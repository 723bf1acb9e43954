"""Tells a device where our address is when it asks: by ARP (RFC 826) or neighbour discovery (RFC 4861)."""

from __future__ import annotations

import socket

from harness.addresses import ARP, IPV6, Addresses, unwrapped

_REQUEST, _REPLY = bytes.fromhex("0001080006040001"), bytes.fromhex("0001080006040002")
_ICMPV6, _SOLICITATION = b"\x3a", b"\x87"


def asks_for_us(frame: bytes, addresses: Addresses) -> bool:
    """True when the device wants to know which Ethernet address our IP address has."""
    kind, body = unwrapped(frame)
    if not addresses.own_ip or frame[6:12] != addresses.device_mac:
        return False
    if kind == ARP:
        return body[:8] == _REQUEST and body[24:28] == addresses.own_ip
    return kind == IPV6 and (body[6:7], body[40:41]) == (_ICMPV6, _SOLICITATION) and body[48:64] == addresses.own_ip


def told_where(frame: bytes, addresses: Addresses) -> bytes:
    """The answer to one who asks for us."""
    kind, body = unwrapped(frame)
    if kind == ARP:
        there = addresses.own_mac + addresses.own_ip
        return addresses.device_mac + addresses.own_mac + b"\x08\x06" + _REPLY + there + body[8:18]
    return _advertisement(body[8:24], addresses)


def _advertisement(asker: bytes, addresses: Addresses) -> bytes:
    from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IPv6
    from scapy.layers.l2 import Ether

    own = socket.inet_ntop(socket.AF_INET6, addresses.own_ip)
    asked = any(asker)
    there = socket.inet_ntop(socket.AF_INET6, asker) if asked else "ff02::1"
    packet = (
        Ether(dst=addresses.device_mac.hex(":"), src=addresses.own_mac.hex(":"))
        / IPv6(src=own, dst=there, hlim=255)
        / ICMPv6ND_NA(tgt=own, R=0, S=int(asked), O=1)
        / ICMPv6NDOptDstLLAddr(lladdr=addresses.own_mac.hex(":"))
    )
    return bytes(packet)
