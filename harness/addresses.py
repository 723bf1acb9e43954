"""Who speaks with whom on an Ethernet, and which frames name nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

BROADCAST = b"\xff" * 6
HEADER, SHORTEST_BODY = 14, 46
IPV4, ARP, VLANS, IPV6 = 0x0800, 0x0806, (0x8100, 0x88A8, 0x9100), 0x86DD
_SNAP, _LONGEST_802_3 = bytes.fromhex("aaaa03000000"), 1500
_OWN_AT = "our own address is told to be at"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Ours and the device's: six bytes each, and four or sixteen of an IP address; b"" where there is none."""

    own_mac: bytes
    device_mac: bytes
    own_ip: bytes = b""
    device_ip: bytes = b""

    @property
    def version(self) -> int:
        """Of IP: 4, 6, or 0 where none is spoken."""
        return {4: 4, 16: 6}.get(len(self.device_ip), 0)


_MACS = bytes.fromhex("02005e005301"), bytes.fromhex("02005e005302")
EXAMPLES = {
    4: Addresses(*_MACS, ip_address("192.0.2.1").packed, ip_address("192.0.2.2").packed),
    6: Addresses(*_MACS, ip_address("2001:db8::1").packed, ip_address("2001:db8::2").packed),
}
"""What stands in templates, by version of IP; each is replaced when its message goes out."""


def stranger(frame: bytes, addresses: Addresses, *, broadcast: bool) -> str:
    """Whom a frame names besides us and the device, in words; "" for nobody. `broadcast`: it may go to all.

    Looked at are the frame's own addresses and, wherever their fields stand, those of ARP, IPv4 and IPv6.
    """
    if len(frame) < HEADER:
        return "it is shorter than the header of a frame, and whole frames are sent here"
    if frame[6:12] != addresses.own_mac:
        return f"it comes from {written(frame[6:12])}, which is not us"
    if frame[:6] != addresses.device_mac and not (broadcast and frame[:6] == BROADCAST):
        more = "; broadcast=on in the transport lets it out" if frame[:6] == BROADCAST else ""
        return f"it goes to {written(frame[:6])}, which is not the device{more}"
    return next(_strangers(frame, addresses), "")


def _strangers(frame: bytes, addresses: Addresses) -> Iterator[str]:
    kind, body = unwrapped(frame)
    padded = body.ljust(SHORTEST_BODY, b"\0")
    if kind == ARP:
        source, target, place = padded[14:18], padded[24:28], padded[8:14]
        if source == addresses.own_ip and place != addresses.own_mac:
            yield f"{_OWN_AT} {written(place)}"
    elif kind == IPV4:
        source, target = padded[12:16], padded[16:20]
    elif kind == IPV6:
        source, target = padded[8:24], padded[24:40]
    else:
        return
    if not _is_nobody(source, addresses, group=False):
        yield f"it says that it is from {ip_address(source)}, which is neither us nor the device"
    if not _is_nobody(target, addresses, group=True):
        yield f"it is for {ip_address(target)}, which is neither us nor the device"


def _is_nobody(address: bytes, addresses: Addresses, *, group: bool) -> bool:
    """True for both of us, and for what is no other host's address."""
    if address in (addresses.own_ip, addresses.device_ip):
        return True
    found: IPv4Address | IPv6Address = ip_address(address)
    return found.is_unspecified or found.is_loopback or (group and (found.is_multicast or found.is_reserved))


def unwrapped(frame: bytes) -> tuple[int, bytes]:
    """The type of what a frame carries, and that: behind VLAN tags, and behind a SNAP header in an IEEE 802.3 frame."""
    at = 12
    while (kind := int.from_bytes(frame[at : at + 2])) in VLANS:
        at += 4
    body = frame[at + 2 :]
    if kind <= _LONGEST_802_3 and body[:6] == _SNAP:
        return int.from_bytes(body[6:8]), body[8:]
    return kind, body


def written(mac: bytes) -> str:
    """As people write it: `02:00:5e:00:53:01`."""
    return mac.hex(":")
