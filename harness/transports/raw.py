"""Whole Ethernet frames, to one device's own IP stack: `raw:INTERFACE/MAC?ip=ADDRESS`.

Only the device's address is ever addressed, whatever a mutation makes: a frame that names anybody else is withheld.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from harness.addresses import HEADER, IPV4, IPV6, Addresses, stranger, unwrapped, written
from harness.errors import GuardRefused, LinkClosed, LinkError, UsageError
from harness.transports import Endpoint, transports
from harness.transports.ethernet import (
    SOLICITED,
    address_beside,
    ethernet,
    frame_socket,
    hardware_address,
    has_carrier,
    leads_everywhere,
)
from harness.transports.neighbour import asks_for_us, told_where
from harness.transports.tcp import SocketLink

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}", re.IGNORECASE)
RAW_FORM, _LIKE = "raw:INTERFACE/MAC?ip=ADDRESS", "raw:eth1/00:1b:19:00:00:2a?ip=192.168.5.20"
_FULL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class RawPlace:
    """Where the device is: behind which interface, at which addresses; b"" for what was not said."""

    moniker: str
    interface: str
    device_mac: bytes
    device_ip: bytes = b""
    own_ip: bytes = b""
    broadcast: bool = False
    shared: bool = False

    def addresses(self) -> Addresses:
        """Ours and the device's, as they are at this moment; raises LinkError, UsageError."""
        own_mac = hardware_address(self.interface) or ethernet(self.moniker, self.interface).mac
        own_ip = self.own_ip or (address_beside(self.interface, self.device_ip) if self.device_ip else b"")
        if self.device_ip and not own_ip:
            raise UsageError(
                f"{self.moniker}: '{self.interface}' has no address of its own to speak with the device from. Give one "
                "that nobody has: own_ip=ADDRESS"
            )
        return Addresses(own_mac, self.device_mac, own_ip, self.device_ip)


def raw_place(endpoint: Endpoint) -> RawPlace:
    """A moniker's parts; raises UsageError."""
    endpoint.check("ip", "own_ip", "broadcast", "shared")
    name, slash, mac = endpoint.address.partition("/")
    if not (name and slash and _MAC.fullmatch(mac)):
        raise UsageError(
            f"'{endpoint.moniker}': write {RAW_FORM}, like {_LIKE}. The device's MAC address stands on its label, or "
            f"`ip neighbour show dev {name or 'INTERFACE'}` tells it"
        )
    address = bytes.fromhex(mac.replace(":", ""))
    if address[0] & 1 or not any(address):
        raise UsageError(f"{endpoint.moniker}: {mac} is not one device's address; name the device's own")
    ip, own_ip = _ip(endpoint, "ip"), _ip(endpoint, "own_ip")
    if own_ip and len(own_ip) != len(ip):
        raise UsageError(f"{endpoint.moniker}: ip and own_ip are both IPv4 or both IPv6 addresses")
    switches = {key: endpoint.switch(key, default=False) for key in ("broadcast", "shared")}
    return RawPlace(endpoint.moniker, name, address, ip, own_ip, **switches)


def _ip(endpoint: Endpoint, key: str) -> bytes:
    text = endpoint.options.get(key, "")
    try:
        found = ipaddress.ip_address(text) if text else None
    except ValueError as error:
        raise UsageError(f"{endpoint.moniker}: {key} is an IPv4 or IPv6 address, not '{text}'") from error
    if found and (found.is_multicast or found.is_unspecified or found.is_reserved or found.is_loopback):
        raise UsageError(f"{endpoint.moniker}: {key}={text} is not one host's address on a cable")
    return found.packed if found else b""


def _always() -> bool:
    return True


class FrameLink(SocketLink):
    """Each message is one frame, and so is each answer. Deadlines are on the monotonic clock.

    Received is what comes from the device to us, or to all. When it asks where our address is, it is told so. Where
    nothing comes, `connected` says whether there still is a device at the other end.
    """

    stream = False

    def __init__(
        self,
        frames: socket.socket,
        moniker: str,
        addresses: Addresses,
        *,
        mtu: int,
        broadcast: bool = False,
        connected: Callable[[], bool] = _always,
    ) -> None:
        super().__init__(frames, moniker)
        self._addresses, self._longest, self._broadcast = addresses, mtu + HEADER, broadcast
        self._connected = connected

    def send(self, data: bytes, deadline: float) -> None:
        """Send one frame; raises GuardRefused for one that names anybody else, or is too long, and LinkError."""
        if why := stranger(data, self._addresses, broadcast=self._broadcast):
            raise GuardRefused(f"{self._moniker}: withheld a frame: {why}")
        if len(data) > self._longest:
            raise GuardRefused(f"{self._moniker}: withheld a frame of {len(data)} bytes: {self._longest} go through")
        self._put(data, deadline)

    def receive(self, deadline: float) -> bytes:
        """One frame, or b"" at the deadline; raises LinkError, and LinkClosed where the carrier is lost."""
        while frame := super().receive(deadline):
            if asks_for_us(frame, self._addresses):
                self._put(told_where(frame, self._addresses), deadline)
            elif self._is_for_us(frame):
                return frame
            if time.monotonic() >= deadline:
                return b""
        if not self._connected():
            raise LinkClosed(f"{self._moniker}: the carrier is lost: the device was switched off, or restarts")
        return b""

    def _is_for_us(self, frame: bytes) -> bool:
        own = self._addresses
        if len(frame) < HEADER or frame[6:12] != own.device_mac:
            return False
        if frame[0] & 1:
            return True
        kind, body = unwrapped(frame)
        told = {IPV4: body[16:20], IPV6: body[24:40]}.get(kind, own.own_ip)
        return frame[:6] == own.own_mac and told in (own.own_ip, b"\xff" * 4)

    def _put(self, data: bytes, deadline: float) -> None:
        while True:
            try:
                self._socket.send(data)
            except OSError as error:
                if not isinstance(error, self.waits) and error.errno != errno.ENOBUFS:
                    raise self._translate(error) from error
                self._wait_writable(deadline, len(data))
                select.select([], [], [], _FULL_SECONDS if error.errno == errno.ENOBUFS else 0.0)
            else:
                return

    def _translate(self, error: OSError) -> LinkError:
        reason = error.strerror or str(error)
        return LinkError(f"{self._moniker}: {reason}. Is the interface still up, and the adapter plugged in?")


class RawTransport:
    """Opens links to one device on one interface."""

    quiet_gap = byte_seconds = 0.0

    def __init__(self, place: RawPlace) -> None:
        self.moniker, self._place = place.moniker, place

    def open(self, timeout: float) -> FrameLink:
        """Never waits, nor sends: whether the device is there, the probe shows.

        Raises UsageError for an interface that many share, BenchError without the right to send frames, LinkError.
        """
        place = self._place
        found = ethernet(place.moniker, place.interface)
        _check_alone(place)
        addresses = place.addresses()
        if found.mac == place.device_mac:
            raise UsageError(f"{place.moniker}: {written(found.mac)} is this machine; name the device's own address")
        group = SOLICITED + addresses.own_ip[-3:] if addresses.version == 6 else b""
        frames = frame_socket(place.moniker, place.interface, sender=place.device_mac, group=group)
        return FrameLink(
            frames,
            place.moniker,
            addresses,
            mtu=found.mtu,
            broadcast=place.broadcast,
            connected=partial(has_carrier, place.interface),
        )


def _check_alone(place: RawPlace) -> None:
    """A cable of the device's own is safest; raises UsageError for a network that others are on, too."""
    if not leads_everywhere(place.interface):
        return
    if not place.shared:
        mark = "&" if "?" in place.moniker else "?"
        raise UsageError(
            f"{place.moniker}: '{place.interface}' is this machine's way to all networks, so others are on it. Give "
            "the device a cable and an interface of its own. Where that cannot be, write "
            f"{place.moniker}{mark}shared=on: its MAC address alone is addressed there, too"
        )
    if place.broadcast:
        raise UsageError(f"{place.moniker}: broadcast=on would reach everybody on '{place.interface}'; leave it out")


@transports.register("raw")
def raw_transport(endpoint: Endpoint, target: object) -> RawTransport:
    """`raw:INTERFACE/MAC?ip=ADDRESS`, with `own_ip` where it is not the interface's own; raises UsageError.

    `broadcast=on` lets frames to all out, `shared=on` allows an interface that leads to other networks.
    """
    return RawTransport(raw_place(endpoint))
