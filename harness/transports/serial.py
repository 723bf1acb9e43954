"""Serial ports through pyserial: `serial:/dev/ttyUSB0?baudrate=115200`, also `rfc2217://…`, `socket://…` and ptys."""

from __future__ import annotations

import contextlib
import errno
import termios
import time
from typing import Any

import serial

from harness.errors import LinkClosed, LinkError, UsageError
from harness.interfaces import Transport
from harness.transports import Endpoint, transports
from harness.transports.echo import without_echo
from harness.transports.serial_settings import Settings, settings_of

_WRITE_CHUNK = 512
_BYTE_BITS, _GAP_BITS, _SHORTEST_GAP = (
    10,
    40,
    0.02,
)  # an adapter hands on what has come every 16 ms; four characters of ten bits
_BOOT_QUIET, _BOOT_SHARE = 0.25, 4.0
_BROKEN = (OSError, serial.SerialException, termios.error, ValueError, TypeError)


class SerialLink:
    """An open port. Leftovers of an earlier user are dropped at opening. Deadlines are on the monotonic clock."""

    whole = False
    stream = True

    def __init__(self, port: Any, moniker: str) -> None:
        self._port, self._moniker = port, moniker
        try:
            port.reset_input_buffer()
        except _BROKEN as error:
            raise self._gone(error) from error

    def booted(self, seconds: float) -> None:
        """Wait until a board that restarts when its port is opened has said its boot text, for `seconds` at most.

        One that says nothing is given all of them. Raises LinkClosed.
        """
        deadline = until = self.now() + seconds
        while self.now() < until and self.receive(until):
            until = min(deadline, self.now() + max(_BOOT_QUIET, seconds / _BOOT_SHARE))

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of `data`; a port that does not take it before the deadline is an error."""
        for start in range(0, len(data), _WRITE_CHUNK):
            # assigned to the property it would set the port up anew, over RFC 2217 by asking the other end
            self._port._write_timeout = max(0.001, deadline - time.monotonic())
            try:
                self._port.write(data[start : start + _WRITE_CHUNK])
            except serial.SerialTimeoutException as error:
                raise LinkError(
                    f"{self._moniker}: the port did not take the bytes in time; check flow control"
                ) from error
            except _BROKEN as error:
                raise self._gone(error) from error

    def receive(self, deadline: float) -> bytes:
        """What has arrived, or b"" at the deadline."""
        while True:
            remaining = deadline - time.monotonic()
            self._port._timeout = max(0.0, remaining)
            try:
                first = self._port.read(1)
                if first:
                    return first + self._port.read(self._port.in_waiting)
            except _BROKEN as error:
                raise self._gone(error) from error
            if remaining <= 0 or time.monotonic() >= deadline:
                return b""

    def _gone(self, error: Exception) -> LinkClosed:
        return LinkClosed(f"{self._moniker}: the port is gone ({error}). Check the cable, then start again")

    def close(self) -> None:
        """Idempotent."""
        with contextlib.suppress(*_BROKEN):
            self._port.close()

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class SerialTransport:
    """Opens one port with its settings, by its path at each time: what a link points at may have changed."""

    def __init__(self, moniker: str, settings: Settings) -> None:
        self.moniker, self._settings = moniker, settings
        self.quiet_gap = _SHORTEST_GAP + _GAP_BITS / settings.line["baudrate"]
        self.byte_seconds = 0.0 if "socket://" in moniker else _BYTE_BITS / settings.line["baudrate"]

    def open(self, timeout: float) -> SerialLink:
        """Open the port; one that is missing or in use is a LinkError, settings that it refuses are a UsageError."""
        try:
            port = self._port(timeout)
            port.open()
        except termios.error as error:
            if error.args[:1] == (errno.EINVAL,):
                raise self._refused(error) from error
            raise self._unopened(error) from error
        except (ValueError, NotImplementedError) as error:
            raise self._refused(error) from error
        except (OSError, serial.SerialException) as error:
            raise self._unopened(error) from error
        link = SerialLink(port, self.moniker)
        if self._settings.boot:
            self._boot(link)
        return link

    def _port(self, timeout: float) -> Any:
        """With all its settings, not open yet: levels that are set afterwards would have been others before."""
        settings = self._settings
        port: Any = serial.serial_for_url(settings.url, do_not_open=True, timeout=timeout, **settings.line)
        if settings.local:
            port.write_timeout = timeout
            port.exclusive = settings.exclusive or None
            port.rs485_mode = settings.rs485
        for name, level in settings.lines.items():
            setattr(port, name, level)
        return port

    def _boot(self, link: SerialLink) -> None:
        try:
            link.booted(self._settings.boot)
        except LinkError:
            link.close()
            raise

    def _refused(self, error: Exception) -> UsageError:
        words = ", ".join(f"{key} {value}" for key, value in self._settings.line.items())
        return UsageError(f"{self.moniker}: the port refuses its settings ({error}): {words}. Give others behind the ?")

    def _unopened(self, error: Exception) -> LinkError:
        return LinkError(f"{self.moniker}: cannot open ({error}). {_remedy(error)}")


def _remedy(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.EACCES:
        return "Your user may not use it: `sudo usermod -aG dialout $USER`, then log in again"
    return (
        "Is the cable plugged in, the path right, and no other program using it? `medfuzz list ports` shows the ports "
        "that are there"
    )


@transports.register("serial")
def serial_transport(endpoint: Endpoint, target: object) -> Transport:
    """Baud rate 115200 and 8N1 unless the moniker says otherwise; raises UsageError."""
    return without_echo(endpoint, SerialTransport(endpoint.moniker, settings_of(endpoint)))
