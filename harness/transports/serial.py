"""Serial ports through pyserial: `serial:/dev/ttyUSB0?baudrate=115200`, also `rfc2217://…`, `socket://…` and ptys."""

from __future__ import annotations

import errno
import time
from typing import Any

import serial

from harness.errors import LinkClosed, LinkError, UsageError
from harness.transports import Endpoint, transports

_OPTIONS = ("baudrate", "bytesize", "parity", "stopbits", "exclusive")
_PARITIES = "NEOMS"
_WRITE_CHUNK = 512
_SHORTEST_GAP, _GAP_BITS = 0.02, 40  # an adapter hands on what has come every 16 ms; four characters of ten bits


class SerialLink:
    """An open port. Leftovers of an earlier user are dropped at opening. Deadlines are on the monotonic clock."""

    whole = False
    stream = True

    def __init__(self, port: Any, moniker: str) -> None:
        self._port, self._moniker = port, moniker
        self._port.reset_input_buffer()

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of `data`; a port that does not take it before the deadline is an error."""
        for start in range(0, len(data), _WRITE_CHUNK):
            self._set_timeout("write_timeout", max(0.001, deadline - time.monotonic()))
            try:
                self._port.write(data[start : start + _WRITE_CHUNK])
            except serial.SerialTimeoutException as error:
                raise LinkError(
                    f"{self._moniker}: the port did not take the bytes in time; check flow control"
                ) from error
            except (OSError, serial.SerialException) as error:
                raise self._gone(error) from error

    def receive(self, deadline: float) -> bytes:
        """What has arrived, or b"" at the deadline."""
        self._set_timeout("timeout", max(0.0, deadline - time.monotonic()))
        try:
            first = self._port.read(1)
            return first + self._port.read(self._port.in_waiting) if first else b""
        except (OSError, serial.SerialException, TypeError) as error:
            raise self._gone(error) from error

    def _set_timeout(self, name: str, seconds: float) -> None:
        """Assigning a timeout reconfigures the port, so only a change that matters is assigned."""
        current = getattr(self._port, name)
        if current is None or abs(current - seconds) > 0.1 * current or seconds < current:
            try:
                setattr(self._port, name, seconds)
            except (OSError, serial.SerialException) as error:
                raise self._gone(error) from error

    def _gone(self, error: Exception) -> LinkClosed:
        return LinkClosed(f"{self._moniker}: the port is gone ({error}). Check the cable, then start again")

    def close(self) -> None:
        """Idempotent."""
        self._port.close()

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class SerialTransport:
    """Opens one port with its line settings."""

    def __init__(self, moniker: str, url: str, settings: dict[str, Any]) -> None:
        self.moniker, self._url, self._settings = moniker, url, settings
        self.quiet_gap = _SHORTEST_GAP + _GAP_BITS / settings["baudrate"]

    def open(self, timeout: float) -> SerialLink:
        """Open the port; a port that is missing or in use is a LinkError."""
        try:
            port: Any = serial.serial_for_url(self._url, timeout=timeout, write_timeout=timeout, **self._settings)
        except (OSError, serial.SerialException, ValueError) as error:
            raise LinkError(f"{self.moniker}: cannot open ({error}). {_remedy(error)}") from error
        return SerialLink(port, self.moniker)


def _remedy(error: Exception) -> str:
    if getattr(error, "errno", None) == errno.EACCES:
        return "Your user may not use it: `sudo usermod -aG dialout $USER`, then log in again"
    return (
        "Is the cable plugged in, the path right, and no other program using it? `medfuzz list ports` shows the ports "
        "that are there"
    )


@transports.register("serial")
def serial_transport(endpoint: Endpoint, target: object) -> SerialTransport:
    """Baud rate 115200 and 8N1 unless the moniker says otherwise."""
    endpoint.check(*_OPTIONS)
    parity = endpoint.options.get("parity", "N").upper()
    if parity not in _PARITIES:
        raise UsageError(f"{endpoint.moniker}: parity must be one of {', '.join(_PARITIES)}")
    settings: dict[str, Any] = {
        "baudrate": endpoint.integer("baudrate", 115200),
        "bytesize": endpoint.integer("bytesize", 8),
        "parity": parity,
        "stopbits": endpoint.integer("stopbits", 1),
    }
    if "://" not in endpoint.address:
        settings["exclusive"] = endpoint.options.get("exclusive", "true") != "false"
    return SerialTransport(endpoint.moniker, endpoint.address, settings)
