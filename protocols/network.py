"""What of IP scapy computes in a post_build, and a Request has to keep right under mutation: headers' checksums."""

from __future__ import annotations

from typing import Any

from protocols.checksums import Algorithm, internet

_FIELDS = ("chksum", "cksum")
_NUMBERS = {"TCP": 6, "UDP": 17}
_ICMPV6 = 58
_HEADERS = {"IP": 20, "IPv6": 40}
_MODULES = ("scapy.layers.inet", "scapy.layers.inet6")


def summed(packet: Any, field: str, own: list[str], payload: str | None) -> tuple[list[str], Algorithm | str] | None:
    """What a checksum of IP, ICMP, UDP, TCP or ICMPv6 covers, as names beside it, and how; None for another field.

    `own` are the layer's own fields. What covers the addresses too (`..src`) covers all between them and the layer.
    """
    kind = _kind(packet)
    if field not in _FIELDS or not kind:
        return None
    here = [f".{name}" for name in own]
    everything = [*here, *([f".{payload}"] if payload else [])]
    if kind in ("IP", "ICMP"):
        return (here if kind == "IP" else everything), "internet"
    number = _NUMBERS.get(kind, _ICMPV6 if kind.startswith("ICMPv6") else 0)
    under, depth, between = _addressed(packet)
    if not number or not under:
        return None
    up = "." * (depth + 1)
    return [f"{up}src", f"{up}dst", *everything], _with_pseudo_header(under, number, between)


def _kind(packet: Any) -> str:
    """The header's name; one that is quoted in an error is the same header."""
    name = type(packet).__name__.replace("error6", "v6").removesuffix("error")
    return name if type(packet).__module__ in _MODULES else ""


def _addressed(packet: Any) -> tuple[str, int, int]:
    """The IP layer below, how many layers up that is, and how many bytes lie between its addresses and this layer."""
    below, depth = packet.underlayer, 1
    while below is not None and _kind(below) not in _HEADERS:
        below, depth = below.underlayer, depth + 1
    if below is None:
        return "", 0, 0
    kind = _kind(below)
    return kind, depth, len(below) - len(packet) - _HEADERS[kind]


def _with_pseudo_header(under: str, number: int, between: int) -> Algorithm:
    """RFC 768, 9293, 8200: addresses, length and protocol are summed with what the layer carries."""
    addresses = 8 if under == "IP" else 32

    def compute(data: bytes) -> int:
        carried = data[addresses + between :]
        pseudo = data[:addresses] + len(carried).to_bytes(4) + number.to_bytes(4)
        return internet(pseudo + carried) or (0xFFFF if number == _NUMBERS["UDP"] else 0)

    return Algorithm(f"internet_{number}_{addresses}_{between}", 2, compute)
