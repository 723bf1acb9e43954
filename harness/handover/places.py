"""Where an exported script talks to: a socket or a serial port by its moniker, with no medfuzz behind it."""

from __future__ import annotations

import select
import socket
import time
from typing import Any
from urllib.parse import parse_qsl

CONNECT_SECONDS = 5.0


class Gone(Exception):
    """The connection was refused, closed or lost."""


class Carrier:
    """What carries a script's bytes."""

    def open(self) -> None:
        """Connect; raises Gone."""
        raise NotImplementedError

    def send(self, data: bytes) -> None:
        """All of it; raises Gone."""
        raise NotImplementedError

    def receive(self, deadline: float) -> bytes:
        """What has come, b"" at the deadline; raises Gone."""
        raise NotImplementedError

    def handle(self, uuid: str) -> int:
        """Of a Bluetooth device, the handle of a characteristic's value; raises Gone."""
        raise Gone(f"no characteristic {uuid}: this is no Bluetooth device")

    def close(self) -> None:
        """Idempotent."""
        raise NotImplementedError


class SocketPlace(Carrier):
    """`tcp:HOST:PORT`, with an IPv6 host in brackets, `udp:`, `unix:PATH`, or `tls:` with `?verify=off&ca=FILE…`."""

    def __init__(self, scheme: str, address: str) -> None:
        self._scheme = scheme
        address, _mark, query = address.partition("?") if scheme == "tls" else (address, "", "")
        self._options = dict(parse_qsl(query))
        host, _colon, port = address.rpartition(":")
        if scheme != "unix" and not (host and port.isdecimal() and int(port) < 1 << 16):
            raise ValueError(f"'{scheme}:{address}' is no place; write {scheme}:HOST:PORT")
        self._place: Any = address if scheme == "unix" else (host.strip("[]"), int(port))
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Connect; raises Gone."""
        try:
            self._socket = self._connected()
            self._socket.settimeout(CONNECT_SECONDS)
        except OSError as error:
            raise Gone(f"no connection: {error.strerror or error}") from error

    def _connected(self) -> socket.socket:
        if self._scheme == "unix":
            connected = socket.socket(socket.AF_UNIX)
            connected.connect(self._place)
        elif self._scheme == "udp":
            family, kind, number, _name, place = socket.getaddrinfo(*self._place, type=socket.SOCK_DGRAM)[0]
            connected = socket.socket(family, kind, number)
            connected.connect(place)
        else:
            connected = socket.create_connection(self._place, CONNECT_SECONDS)
        return self._encrypted(connected) if self._scheme == "tls" else connected

    def _encrypted(self, connected: socket.socket) -> socket.socket:
        import ssl

        told = self._options
        context = ssl.create_default_context(cafile=told.get("ca"))
        if "cert" in told:
            context.load_cert_chain(told["cert"], told.get("key"))
        if told.get("verify") == "off":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(connected, server_hostname=told.get("name", self._place[0]))

    def send(self, data: bytes) -> None:
        """All of it; raises Gone."""
        try:
            self._opened().sendall(data)
        except OSError as error:
            raise Gone(f"the device closed the connection: {error.strerror or error}") from error

    def receive(self, deadline: float) -> bytes:
        """What has come, b"" at the deadline; raises Gone."""
        try:
            if (
                not self._held()
                and not select.select([self._opened()], [], [], max(0.0, deadline - time.monotonic()))[0]
            ):
                return b""
            data = self._opened().recv(65536)
        except OSError as error:
            raise Gone(f"the device closed the connection: {error.strerror or error}") from error
        if not data:
            raise Gone("the device closed the connection")
        return data

    def _held(self) -> int:
        """Bytes that were decrypted already."""
        pending: Any = getattr(self._opened(), "pending", None)
        return pending() if pending else 0

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _opened(self) -> socket.socket:
        if self._socket is None:
            self.open()
        assert self._socket is not None
        return self._socket


class SerialPlace(Carrier):
    """`serial:PORT?baudrate=115200&parity=N&…`, as pyserial names its settings; 8N1 at 115200 baud by default."""

    def __init__(self, address: str) -> None:
        self._port, _mark, query = address.partition("?")
        told = dict(parse_qsl(query))
        stop = float(told.pop("stopbits", "1"))
        self._settings: dict[str, Any] = {
            "baudrate": int(told.pop("baudrate", "115200")),
            "bytesize": int(told.pop("bytesize", "8")),
            "parity": told.pop("parity", "N").upper(),
            "stopbits": stop if stop % 1 else int(stop),
            **{name: told.pop(name, "off") == "on" for name in ("xonxoff", "rtscts", "dsrdtr")},
        }
        if told:
            raise ValueError(f"'serial:{address}': {', '.join(told)} cannot be set by this script")
        self._open: Any = None

    def open(self) -> None:
        """Open the port and drop what is left over; raises Gone."""
        import serial

        try:
            self._open = serial.serial_for_url(self._port, timeout=0, **self._settings)
            self._open.reset_input_buffer()
        except (OSError, ValueError) as error:
            raise Gone(f"the port does not open: {error}") from error

    def send(self, data: bytes) -> None:
        """All of it; raises Gone."""
        try:
            self._opened().write(data)
            self._opened().flush()
        except OSError as error:
            raise Gone(f"the port is gone: {error}") from error

    def receive(self, deadline: float) -> bytes:
        """What has come, b"" at the deadline; raises Gone."""
        port = self._opened()
        try:
            port.timeout = max(0.0, deadline - time.monotonic())
            first = port.read(1)
            return first + port.read(port.in_waiting) if first else b""
        except OSError as error:
            raise Gone(f"the port is gone: {error}") from error

    def close(self) -> None:
        """Idempotent."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _opened(self) -> Any:
        if self._open is None:
            self.open()
        return self._open


def place_at(moniker: str) -> Carrier:
    """The place that a moniker names, not yet open; raises ValueError."""
    scheme, _colon, address = moniker.partition(":")
    if address and scheme in ("tcp", "udp", "unix", "tls"):
        return SocketPlace(scheme, address)
    if address and scheme == "serial":
        return SerialPlace(address)
    known = "tcp:HOST:PORT, udp:HOST:PORT, tls:HOST:PORT, unix:PATH or serial:PORT?baudrate=115200"
    raise ValueError(f"'{moniker}' is no address; write {known}")
