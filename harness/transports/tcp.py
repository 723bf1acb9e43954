"""Stream sockets: `tcp:HOST:PORT`, and `unix:PATH` in the file system."""

from __future__ import annotations

import select
import socket
import time

from harness.errors import LinkClosed, LinkError
from harness.interfaces import Transport
from harness.place import connected, place_of, socket_path
from harness.transports import Endpoint, transports
from harness.transports.echo import without_echo

_CHUNK = 65536


class SocketLink:
    """A connected stream, or datagrams, of which an empty one is as good as none. Deadlines are on the monotonic clock.

    `waits` are what the socket raises where it has to be waited for, `ends` where the peer is gone.
    """

    whole = False
    stream = True
    waits: tuple[type[OSError], ...] = (BlockingIOError,)
    ends: tuple[type[OSError], ...] = (ConnectionError,)

    def __init__(self, stream: socket.socket, moniker: str) -> None:
        self._socket, self._moniker = stream, moniker
        stream.setblocking(False)

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`, in as many pieces as the peer takes."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except self.waits:
                self._wait_writable(deadline, len(view))
            except OSError as error:
                raise self._translate(error) from error

    def _wait_writable(self, deadline: float, left: int) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not select.select([], [self._socket], [], remaining)[1]:
            raise LinkError(f"{self._moniker}: the peer did not take {left} bytes in time; is it still reading?")

    def receive(self, deadline: float) -> bytes:
        """What has arrived, or b"" at the deadline."""
        while True:
            try:
                data = self._socket.recv(_CHUNK)
            except self.waits:
                remaining = deadline - time.monotonic()
                if remaining <= 0 or not select.select([self._socket], [], [], remaining)[0]:
                    return b""
                continue
            except OSError as error:
                raise self._translate(error) from error
            if not data and self.stream:
                raise LinkClosed(f"{self._moniker}: the peer closed the connection")
            if data:
                return data

    def _translate(self, error: OSError) -> LinkError:
        if isinstance(error, self.ends):
            return LinkClosed(f"{self._moniker}: {error.strerror or error}")
        return LinkError(f"{self._moniker}: {error.strerror or error}. Check cable, address and route")

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class SocketTransport:
    """Connects to one place."""

    quiet_gap = byte_seconds = 0.0

    def __init__(self, moniker: str, place: str) -> None:
        self.moniker, self._place = moniker, place

    def open(self, timeout: float) -> SocketLink:
        """Connect within `timeout` seconds."""
        try:
            return SocketLink(connected(self._place, timeout), self.moniker)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LinkError(f"{self.moniker}: {reason}. Is the device on and listening there?") from error


@transports.register("tcp")
def tcp_transport(endpoint: Endpoint, target: object) -> Transport:
    """`tcp:HOST:PORT`; IPv6 hosts in brackets. `echo=on` drops the copy of what is sent, of a converter that echoes."""
    endpoint.check("echo")
    place = f"tcp:{endpoint.address}"
    place_of(place)
    return without_echo(endpoint, SocketTransport(endpoint.moniker, place))


@transports.register("unix")
def unix_transport(endpoint: Endpoint, target: object) -> SocketTransport:
    """`unix:PATH`, or `unix:NAME` in a folder that is the user's alone."""
    endpoint.check()
    socket_path(endpoint.moniker)
    return SocketTransport(endpoint.moniker, endpoint.moniker)
