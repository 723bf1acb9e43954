"""`listen:tcp:HOST:PORT`, `listen:tls:HOST:PORT?cert=FILE&key=FILE`, `listen:unix:PATH`: the device connects to us."""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from harness.errors import BenchError, LinkClosed, LinkError, LinkGone, UsageError
from harness.interfaces import Link
from harness.place import TLS_FILES, is_open, listening, place_of, socket_path, vacate
from harness.transports import Endpoint, transports
from harness.transports.tcp import SocketLink
from harness.transports.tls import TlsLink

BACKLOG = 8
SILENT_SECONDS = 1.0
_CARRIERS = ("tcp", "tls", "unix")
_HANDSHAKE_SECONDS, _LOOK_SECONDS = 2.0, 0.25
Wrap = Callable[[socket.socket], SocketLink]


class CalledLink:
    """A connection that the device opened.

    It is over when the device says nothing on it for a second and has another one waiting: a device that lost its
    power, or its cable, never closes the one before.
    """

    whole, stream = False, True

    def __init__(self, link: Link, moniker: str, waiting: Callable[[], bool]) -> None:
        self._link, self._moniker, self._waiting = link, moniker, waiting
        self._heard = link.now()

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`; raises LinkError, LinkClosed."""
        self._link.send(data, deadline)

    def receive(self, deadline: float) -> bytes:
        """What has arrived, or b"" at the deadline; raises LinkError, LinkClosed."""
        data = self._link.receive(deadline)
        if data:
            self._heard = self.now()
        elif self.now() - self._heard >= SILENT_SECONDS and self._waiting():
            raise LinkClosed(f"{self._moniker}: the device has opened another connection and left this one")
        return data

    def close(self) -> None:
        """Idempotent."""
        self._link.close()

    def now(self) -> float:
        """The monotonic clock."""
        return self._link.now()


class ListenTransport:
    """Listens from the first `open` until `shut`. One connection at a time: others wait, the newest of them is next."""

    quiet_gap = byte_seconds = 0.0

    def __init__(self, moniker: str, place: str, wrap: Wrap) -> None:
        self.moniker, self._place, self._wrap = moniker, place, wrap
        self._listener: socket.socket | None = None
        self.place = ""
        self._alone = 0.0
        self._hopeless: Callable[[], str] = str

    def open(self, timeout: float) -> CalledLink:
        """The newest connection that the device opened, within `timeout` seconds.

        Raises LinkError where nobody connects, BenchError where nobody can listen.
        """
        stream = self._called(timeout)
        try:
            stream.settimeout(_HANDSHAKE_SECONDS)
            return CalledLink(self._wrap(stream), self.moniker, self._waiting)
        except OSError as error:
            stream.close()
            raise LinkError(
                f"{self.moniker}: no TLS with the device that connected ({error}). Does it speak TLS, and trust cert=?"
            ) from error

    def shut(self) -> None:
        """Listen no more. Idempotent."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            vacate(self._place)

    def give_up_when(self, hopeless: Callable[[], str]) -> None:
        """`open` raises LinkGone as soon as this says why nobody will connect any more."""
        self._hopeless = hopeless

    def _called(self, timeout: float) -> socket.socket:
        listener, now = self._listener or self._listen(), time.monotonic()
        until, self._alone = now + timeout, self._alone or now
        while True:
            left = max(0.0, until - time.monotonic())
            if select.select([listener], [], [], min(left, _LOOK_SECONDS))[0] and (stream := _newest(listener)):
                self._alone = 0.0
                return stream
            if why := self._hopeless():
                raise LinkGone(f"nobody connects to {self.place} any more: {why}")
            if not left:
                raise LinkError(self._nobody(time.monotonic() - self._alone))

    def _nobody(self, seconds: float) -> str:
        return (
            f"nobody connected to {self.place} within {seconds:.0f} s: does the device know this address? Is it on? "
            "Does it connect by itself?"
        )

    def _listen(self) -> socket.socket:
        try:
            self._listener, self.place = listening(self._place)
        except OSError as error:
            raise BenchError(
                f"{self.moniker}: {error.strerror or error}. Nobody can listen there: does another program, or another "
                "run? Is it an address of this machine?"
            ) from error
        self._listener.listen(BACKLOG)
        self._listener.setblocking(False)
        return self._listener

    def _waiting(self) -> bool:
        return self._listener is not None and bool(select.select([self._listener], [], [], 0)[0])


def _newest(listener: socket.socket) -> socket.socket | None:
    """The last of those that wait; the others are closed. None where none is left."""
    newest: socket.socket | None = None
    with suppress(OSError):
        for _ in range(BACKLOG + 1):
            stream, _address = listener.accept()
            if newest is not None:
                newest.close()
            newest = stream
    return newest


@transports.register("listen")
def listen_transport(endpoint: Endpoint, target: object) -> ListenTransport:
    """`tcp`, `tls` (`cert` and `key`: ours; `ca`: whose clients to trust, else any) or `unix`, and where.

    Other machines reach it with `open=true` only. Raises UsageError.
    """
    scheme, _colon, where = endpoint.address.partition(":")
    if scheme not in _CARRIERS or not where:
        raise UsageError(f"'{endpoint.moniker}': write listen:tcp:HOST:PORT, listen:tls:HOST:PORT or listen:unix:PATH")
    endpoint.check(*(("open",) if scheme != "unix" else ()), *(TLS_FILES if scheme == "tls" else ()))
    place = endpoint.address if scheme == "unix" else f"tcp:{where}"
    if scheme == "unix":
        socket_path(place)
    else:
        place_of(f"{scheme}:{where}", scheme=scheme, any_port=True)
        _check_open(endpoint, place)
    wrap = _encrypted(endpoint) if scheme == "tls" else _plain(endpoint.moniker)
    return ListenTransport(endpoint.moniker, place, wrap)


def _check_open(endpoint: Endpoint, place: str) -> None:
    wished = endpoint.choice("open", ("FALSE", "TRUE")) == "TRUE"
    if is_open(place) and not wished:
        mark = "&" if endpoint.options else "?"
        raise UsageError(
            f"{endpoint.moniker} is open to other machines. If that is meant, write {endpoint.moniker}{mark}open=true; "
            "else listen at 127.0.0.1"
        )


def _plain(moniker: str) -> Wrap:
    def wrap(stream: socket.socket) -> SocketLink:
        if stream.family != socket.AF_UNIX:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return SocketLink(stream, moniker)

    return wrap


def _encrypted(endpoint: Endpoint) -> Wrap:
    context = _context(endpoint)

    def wrap(stream: socket.socket) -> SocketLink:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return TlsLink(context.wrap_socket(stream, server_side=True), endpoint.moniker)

    return wrap


def _context(endpoint: Endpoint) -> ssl.SSLContext:
    """Ours as a server: a certificate is a must; with `ca` the device must show one, too."""
    ca, cert, key = (endpoint.options.get(file) for file in TLS_FILES)
    if not cert:
        raise UsageError(f"{endpoint.moniker}: a server needs a certificate: add ?cert=FILE&key=FILE, PEM files")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
        if ca:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{endpoint.moniker}: {error.strerror or error}; ca, cert and key are PEM files") from error
    return context
