"""Datagrams: `udp:HOST:PORT`. Each message is one, and so is each answer."""

from __future__ import annotations

import socket

from harness.errors import LinkClosed, LinkError
from harness.place import place_of
from harness.transports import Endpoint, transports
from harness.transports.tcp import SocketLink


class DatagramLink(SocketLink):
    """Hears one peer only. Nothing is asked at opening."""

    stream = False

    def send(self, data: bytes, deadline: float) -> None:
        """Send one datagram; raises LinkError, and LinkClosed where nothing listens any more."""
        try:
            self._socket.send(data)
        except OSError as error:
            raise self._translate(error) from error

    def _translate(self, error: OSError) -> LinkError:
        if isinstance(error, self.ends):
            return LinkClosed(f"{self._moniker}: nothing listens there (port unreachable)")
        return super()._translate(error)


class DatagramTransport:
    """Talks to one place from a port of its own."""

    quiet_gap = byte_seconds = 0.0

    def __init__(self, moniker: str, host: str, port: int) -> None:
        self.moniker, self._host, self._port = moniker, host, port

    def open(self, timeout: float) -> DatagramLink:
        """Never waits, beside for the name of the host: whether somebody is there, the probe shows."""
        try:
            family, kind, protocol, _name, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[
                0
            ]
            datagrams = socket.socket(family, kind, protocol)
        except OSError as error:
            raise LinkError(f"{self.moniker}: {error.strerror or error}. Check the address") from error
        try:
            datagrams.connect(address)
        except OSError as error:
            datagrams.close()
            raise LinkError(f"{self.moniker}: {error.strerror or error}. Check address and route") from error
        return DatagramLink(datagrams, self.moniker)


@transports.register("udp")
def udp_transport(endpoint: Endpoint, target: object) -> DatagramTransport:
    """`udp:HOST:PORT`; IPv6 hosts in brackets. Raises UsageError."""
    endpoint.check()
    return DatagramTransport(endpoint.moniker, *place_of(endpoint.moniker, scheme="udp"))
