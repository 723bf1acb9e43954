"""ICMP (RFC 792) and IPv4 itself (RFC 791): options, fragments, tunnels, closed ports; ICMPv6 (RFC 4443, 4861) with
extension headers. For a device's own IP stack, over `raw:`."""

from __future__ import annotations

import re

from harness.interfaces import Mark
from protocols.checksums import internet
from protocols.frames import ECHO, PROBES, WHO_HAS, Stack, frames_protocol
from protocols.model import Protocol

_REROUTES = frozenset({Mark.PRIVILEGED})
_DATA = b"medfuzz 01234567"
_QUOTED = "IPerror(proto=17)/UDPerror(sport=50000, dport=50001)"
_QUOTED_6 = "IPerror6(nh=17)/UDPerror(sport=50000, dport=50001)"
_ECHO, _ECHO_6 = (PROBES[ECHO, version].partition("/")[2].partition("/")[2] for version in (4, 6))
_OPTIONS = {
    "record_route": r"IPOption_RR(pointer=4, routers=['0.0.0.0', '0.0.0.0', '0.0.0.0'])/IPOption_EOL()",
    "timestamp_option": "IPOption_Timestamp(length=8, pointer=5, flg=0, timestamp=0)",
    "loose_source_route": "IPOption_LSRR(pointer=8, routers=[device_ip])/IPOption_EOL()",
    "router_alert": "IPOption_Router_Alert()",
}


def _type(number: int) -> bytes:
    """ICMP of a type behind a header of any length."""
    kind = re.escape(bytes([number]))
    heads = (
        rb"["
        + b"".join(re.escape(bytes([high << 4 | words])) for high in range(16))
        + rb"].{8}\x01.{%d}" % (4 * words - 10)
        for words in range(5, 16)
    )
    return rb"\x08\x00(?:" + b"|".join(heads) + rb")" + kind


def _type_6(number: int) -> bytes:
    """ICMPv6 of a type right behind the header; behind extension headers, any."""
    return rb"\x86\xdd.{6}(?:\x3a.{33}" + re.escape(bytes([number])) + rb"|[\x00\x2b\x2c\x3c])"


def _protocol(number: int) -> bytes:
    return rb"\x08\x00.{9}" + re.escape(bytes([number]))


def _icmp(number: int, fields: str = "", above: str = "", marks: frozenset[Mark] = frozenset()) -> Stack:
    text = f"Ether()/IP()/ICMP(type={number}{', ' if fields else ''}{fields})"
    return Stack(f"{text}/{above}" if above else text, _type(number), marks=marks)


def _icmp6(number: int, layers: str, marks: frozenset[Mark] = frozenset()) -> Stack:
    return Stack(f"Ether()/IPv6(hlim=255)/{layers}", _type_6(number), marks=marks)


def _fragments() -> dict[str, Stack]:
    """An echo request in two pieces; the checksum is that of the whole."""
    head = bytes.fromhex("0800 0000 4d46 0007")
    whole = head[:2] + internet(head + _DATA).to_bytes(2) + head[4:] + _DATA
    told = rb"\x08\x00.{6}(?:[^\x00\x40].|.[^\x00])"
    first, last = (f"Raw({piece!r})" for piece in (whole[:16], whole[16:]))
    return {
        "first_fragment": Stack(f"Ether()/IP(id=0x4d46, flags=1, proto=1)/{first}", told),
        "last_fragment": Stack(f"Ether()/IP(id=0x4d46, frag=2, proto=1)/{last}", told, needs=("first_fragment",)),
    }


ICMP = {
    "echo_request": Stack(PROBES[ECHO, 4], _type(8)),
    "echo_reply": _icmp(0, "id=0x4d46, seq=1", "Raw('medfuzz')"),
    "timestamp_request": _icmp(13, "id=0x4d46, seq=1, ts_ori=1, ts_rx=0, ts_tx=0"),
    "address_mask_request": _icmp(17, "id=0x4d46, seq=1"),
    "information_request": _icmp(15, "id=0x4d46, seq=1"),
    "router_solicitation": _icmp(10, "unused=0"),
    "destination_unreachable": _icmp(3, "code=3", _QUOTED),
    "fragmentation_needed": _icmp(3, "code=4, nexthopmtu=576", _QUOTED),
    "time_exceeded": _icmp(11, "", _QUOTED),
    "parameter_problem": _icmp(12, "ptr=1", _QUOTED),
    "redirect": _icmp(5, "code=1, gw=own_ip", "IPerror(src=device_ip, dst='198.51.100.1')/UDPerror()", _REROUTES),
    "source_quench": _icmp(4, "unused=0", _QUOTED),
    "udp_to_a_closed_port": Stack("Ether()/IP()/UDP(sport=50000, dport=9)/Raw('medfuzz')", _protocol(17)),
    "tcp_connection": Stack(
        "Ether()/IP()/TCP(sport=50000, dport=9, seq=1, flags='S', options=[('MSS', 1460), ('NOP', None), "
        "('WScale', 7)])",
        _protocol(6),
    ),
    "tcp_urgent": Stack(
        "Ether()/IP()/TCP(sport=50000, dport=9, seq=1, ack=1, flags='PAU', urgptr=5)/Raw('medfuzz')", _protocol(6)
    ),
    "from_the_device_itself": Stack("Ether()/IP(src=device_ip)/TCP(sport=9, dport=9, seq=1, flags='S')", _protocol(6)),
    "tunnel": Stack(f"Ether()/IP(proto=4)/IP()/{_ECHO}", _protocol(4)),
    "igmp_query": Stack(r"Ether()/IP(ttl=1, proto=2)/Raw(b'\x11\x64\xee\x9b\x00\x00\x00\x00')", _protocol(2)),
    **{
        name: Stack(f"Ether()/IP(options=[{option}])/{_ECHO}", rb"\x08\x00[^\x45]") for name, option in _OPTIONS.items()
    },
    **_fragments(),
}

ICMPV6 = {
    "echo_request": Stack(PROBES[ECHO, 6], _type_6(128)),
    "neighbour_solicitation": Stack(PROBES[WHO_HAS, 6], _type_6(135)),
    "neighbour_advertisement": _icmp6(136, "ICMPv6ND_NA(tgt=own_ip, S=1)/ICMPv6NDOptDstLLAddr(lladdr=own_mac)"),
    "router_solicitation": _icmp6(133, "ICMPv6ND_RS()/ICMPv6NDOptSrcLLAddr(lladdr=own_mac)"),
    "router_advertisement": _icmp6(
        134,
        "ICMPv6ND_RA(routerlifetime=0)/ICMPv6NDOptMTU(mtu=1500)/ICMPv6NDOptPrefixInfo(prefix='2001:db8:1::', "
        "validlifetime=60, preferredlifetime=60)/ICMPv6NDOptRDNSS(dns=[own_ip])",
        _REROUTES,
    ),
    "packet_too_big": _icmp6(2, f"ICMPv6PacketTooBig(mtu=1280)/{_QUOTED_6}"),
    "destination_unreachable": _icmp6(1, f"ICMPv6DestUnreach(code=4)/{_QUOTED_6}"),
    "time_exceeded": _icmp6(3, f"ICMPv6TimeExceeded()/{_QUOTED_6}"),
    "parameter_problem": _icmp6(4, f"ICMPv6ParamProblem()/{_QUOTED_6}"),
    "listener_query": _icmp6(130, "IPv6ExtHdrHopByHop(autopad=0, options=[RouterAlert(), PadN()])/ICMPv6MLQuery()"),
    "hop_by_hop": _icmp6(128, f"IPv6ExtHdrHopByHop(options=[PadN(optdata=b'abcd')])/{_ECHO_6}"),
    "destination_options": _icmp6(128, f"IPv6ExtHdrDestOpt(options=[PadN(optdata=b'abcd')])/{_ECHO_6}"),
    "routing_header": _icmp6(128, f"IPv6ExtHdrRouting(type=0, segleft=0)/{_ECHO_6}"),
    "atomic_fragment": _icmp6(128, f"IPv6ExtHdrFragment(id=1)/{_ECHO_6}"),
    "udp_to_a_closed_port": Stack(
        "Ether()/IPv6()/UDP(sport=50000, dport=9)/Raw('medfuzz')", rb"\x86\xdd.{6}(?:\x11|[\x00\x2b\x2c\x3c])"
    ),
}


def icmp() -> Protocol:
    """IPv4, and what is above it in every host."""
    return frames_protocol("icmp", ICMP, "echo_request", version=4)


def icmpv6() -> Protocol:
    """IPv6, with neighbour discovery."""
    return frames_protocol("icmpv6", ICMPV6, "echo_request", version=6)
