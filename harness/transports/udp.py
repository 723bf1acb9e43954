"""Datagrams: `udp:HOST:PORT`. Each message is one, and so is each answer."""

from __future__ import annotations

import select
import socket
import time

from harness.errors import LinkClosed, LinkError
from harness.place import place_of
from harness.transports import Endpoint, transports

_LONGEST = 65535


class DatagramLink:
    """A socket that hears one peer only. Nothing is asked at opening. Deadlines are on the monotonic clock."""

    whole = False
    stream = False

    def __init__(self, datagrams: socket.socket, moniker: str) -> None:
        self._socket, self._moniker = datagrams, moniker
        datagrams.setblocking(False)

    def send(self, data: bytes, deadline: float) -> None:
        """Send one datagram; raises LinkError, and LinkClosed where nothing listens any more."""
        try:
            self._socket.send(data)
        except OSError as error:
            raise self._translated(error) from error

    def receive(self, deadline: float) -> bytes:
        """One datagram, or b"" at the deadline. An empty one is as good as none."""
        while True:
            remaining = deadline - time.monotonic()
            try:
                if data := self._socket.recv(_LONGEST):
                    return data
            except BlockingIOError:
                if remaining <= 0 or not select.select([self._socket], [], [], remaining)[0]:
                    return b""
            except OSError as error:
                raise self._translated(error) from error

    def _translated(self, error: OSError) -> LinkError:
        if isinstance(error, ConnectionError):
            return LinkClosed(f"{self._moniker}: nothing listens there (port unreachable)")
        return LinkError(f"{self._moniker}: {error.strerror or error}. Check address and route")

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class DatagramTransport:
    """Talks to one place from a port of its own."""

    quiet_gap = 0.0

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
