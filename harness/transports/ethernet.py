"""A network interface of this machine, as Linux tells of it: whether it is there and up, and what addresses it has."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BenchError, LinkError, UsageError, did_you_mean

SOLICITED, _ALL_PROTOCOLS = bytes.fromhex("3333ff"), 0x0003
_ADDRESS, _FLAGS, _MTU, _HARDWARE = 0x8915, 0x8913, 0x8921, 0x8927  # of ioctl, as in <linux/sockios.h>
_UP, _RUNNING, _ETHERNET = 0x1, 0x40, 1
_ATTACH_FILTER, _PACKET, _ADD_MEMBERSHIP, _MULTICAST = 26, 263, 1, 0
_WHOLE = 0x40000
_LOAD_WORD, _LOAD_HALF, _EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06
_NO_ADDRESS = (errno.EADDRNOTAVAIL, errno.ENODEV)


@dataclass(frozen=True, slots=True)
class Ethernet:
    """An interface that is up: its own address, and the longest that a frame may carry."""

    name: str
    mac: bytes
    mtu: int


def ethernet(moniker: str, name: str) -> Ethernet:
    """The interface; raises LinkError that says what is wrong with it and what to do."""
    try:
        flags, hardware = _asked(name, _FLAGS), _asked(name, _HARDWARE)
    except OSError as error:
        known = did_you_mean(name, (known for _number, known in socket.if_nameindex()))
        raise LinkError(f"{moniker}: this machine has no network interface '{name}'.{known}") from error
    if int.from_bytes(hardware[:2], sys.byteorder) != _ETHERNET:
        raise UsageError(f"{moniker}: '{name}' carries no Ethernet frames; name the interface of the device's cable")
    bits = int.from_bytes(flags[:2], sys.byteorder)
    if not bits & _UP:
        raise LinkError(f"{moniker}: '{name}' is down. Bring it up: sudo ip link set {name} up")
    if not bits & _RUNNING:
        raise LinkError(f"{moniker}: '{name}' has no carrier. Is the cable plugged in at both ends, and the device on?")
    return Ethernet(name, hardware[2:8], int.from_bytes(_asked(name, _MTU)[:4], sys.byteorder))


def has_carrier(name: str) -> bool:
    """True while somebody is at the other end; False also where the interface is down, or gone."""
    try:
        bits = int.from_bytes(_asked(name, _FLAGS)[:2], sys.byteorder)
    except OSError:
        return False
    return bits & (_UP | _RUNNING) == _UP | _RUNNING


def hardware_address(name: str) -> bytes:
    """The interface's own address; b"" where there is no such interface."""
    try:
        return _asked(name, _HARDWARE)[2:8]
    except OSError:
        return b""


def address_beside(name: str, other: bytes) -> bytes:
    """An IP address of the interface, of the same version as `other` and, where IPv6, of its network; b"" for none."""
    if len(other) == 4:
        try:
            return _asked(name, _ADDRESS)[4:8]
        except OSError as error:
            if error.errno in _NO_ADDRESS:
                return b""
            raise
    for line in _lines("/proc/net/if_inet6"):
        digits, _index, length, *_rest, interface = line.split()
        network = ipaddress.ip_network((bytes.fromhex(digits), int(length, 16)), strict=False)
        if interface == name and other and ipaddress.ip_address(other) in network:
            return bytes.fromhex(digits)
    return b""


def leads_everywhere(name: str) -> bool:
    """True where this machine's way to all other networks goes over the interface."""
    four = [line.split() for line in _lines("/proc/net/route")[1:]]
    six = [line.split() for line in _lines("/proc/net/ipv6_route")]
    return any(line[0] == name and not int(line[1], 16) and not int(line[7], 16) for line in four) or any(
        line[-1] == name and not int(line[0], 16) and not int(line[1], 16) for line in six
    )


def frame_socket(moniker: str, name: str, *, sender: bytes, group: bytes = b"") -> socket.socket:
    """A socket that gives what comes from `sender` alone, also to the multicast address `group`.

    Raises BenchError that says which right is missing, and how to give it.
    """
    try:
        frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except AttributeError as error:
        raise BenchError(f"{moniker}: frames can be sent and received on Linux only") from error
    except PermissionError as error:
        raise BenchError(
            f"{moniker}: no right to send frames: that takes CAP_NET_RAW. Run medfuzz as root (sudo), or give Python "
            f"the right, which every script of it has then: sudo setcap cap_net_raw+ep {Path(sys.executable).resolve()}"
        ) from error
    try:
        _let_in(frames, sender)
        frames.bind((name, _ALL_PROTOCOLS))
        if group:
            joined = struct.pack("iHH8s", socket.if_nametoindex(name), _MULTICAST, len(group), group)
            frames.setsockopt(_PACKET, _ADD_MEMBERSHIP, joined)
    except OSError as error:
        frames.close()
        raise LinkError(f"{moniker}: {error.strerror or error}. Is '{name}' still there?") from error
    return frames


def _let_in(frames: socket.socket, sender: bytes) -> None:
    """Has the kernel drop all frames but those of one sender: a flood of others costs nothing.

    Scapy would have it compiled from words, for which libpcap must be installed.
    """
    steps = (
        (_LOAD_WORD, 0, 0, 6),
        (_EQUAL, 0, 3, int.from_bytes(sender[:4])),
        (_LOAD_HALF, 0, 0, 10),
        (_EQUAL, 0, 1, int.from_bytes(sender[4:])),
        (_RETURN, 0, 0, _WHOLE),
        (_RETURN, 0, 0, 0),
    )
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    frames.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(steps), ctypes.addressof(program)))


def _asked(name: str, question: int) -> bytes:
    """What the kernel says of an interface; raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        return fcntl.ioctl(any_socket, question, struct.pack("16s24x", name.encode()[:15]))[16:]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii").splitlines()
    except OSError:
        return []
