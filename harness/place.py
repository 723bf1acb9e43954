"""Host and port out of a moniker `tcp:HOST:PORT`."""

from __future__ import annotations

from harness.errors import UsageError

LOOPBACK, _LAST = "127.0.0.1", 0xFFFF


def place_of(moniker: str, *, any_port: bool = False) -> tuple[str, int]:
    """IPv6 hosts stand in brackets, none is this machine; with `any_port` 0 has one chosen. Raises UsageError."""
    scheme, _colon, rest = moniker.partition(":")
    host, colon, port = rest.rpartition(":")
    if scheme != "tcp" or not colon or not port.isdecimal() or not (0 if any_port else 1) <= int(port) <= _LAST:
        raise UsageError(f"'{moniker}': write tcp:HOST:PORT with a port from {0 if any_port else 1} to {_LAST}")
    return host.strip("[]") or LOOPBACK, int(port)
