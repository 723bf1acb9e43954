"""Where a stream socket is: `tcp:HOST:PORT` or `unix:PATH`; connecting to it, and listening there."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from harness.errors import UsageError

LOOPBACK, _LAST = "127.0.0.1", 0xFFFF
_LONGEST_PATH = 107  # sun_path, less its zero byte: unix(7)
_OWNER_ONLY = 0o600
_LOCAL = ("localhost", "::1")


def place_of(moniker: str, *, any_port: bool = False) -> tuple[str, int]:
    """IPv6 hosts stand in brackets, none is this machine; with `any_port` 0 has one chosen. Raises UsageError."""
    scheme, _colon, rest = moniker.partition(":")
    host, colon, port = rest.rpartition(":")
    if scheme != "tcp" or not colon or not port.isdecimal() or not (0 if any_port else 1) <= int(port) <= _LAST:
        raise UsageError(f"'{moniker}': write tcp:HOST:PORT with a port from {0 if any_port else 1} to {_LAST}")
    return host.strip("[]") or LOOPBACK, int(port)


def is_unix(moniker: str) -> bool:
    """True for a socket in the file system."""
    return moniker.startswith("unix:")


def is_ours_alone(moniker: str) -> bool:
    """True where no other machine can come in. Raises UsageError."""
    if is_unix(moniker):
        return True
    host, _port = place_of(moniker, any_port=True)
    return host in _LOCAL or host.startswith("127.")


def path_of(moniker: str) -> str:
    """The path of `unix:PATH`; raises UsageError for none, and for one that the system would cut off."""
    path = moniker.removeprefix("unix:")
    if not is_unix(moniker) or not path:
        raise UsageError(f"'{moniker}': write unix:PATH")
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise UsageError(f"'{moniker}': a socket's path has at most {_LONGEST_PATH} bytes; choose a shorter one")
    return path


def connected(moniker: str, timeout: float) -> socket.socket:
    """A socket connected within `timeout` seconds, which stays its timeout. Raises OSError, UsageError."""
    if not is_unix(moniker):
        return socket.create_connection(place_of(moniker), timeout)
    path = path_of(moniker)
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(timeout)
    try:
        opened.connect(path)
    except OSError:
        opened.close()
        raise
    return opened


def listening(moniker: str) -> tuple[socket.socket, str]:
    """A listening socket and the moniker to reach it by: port 0 has one chosen. Raises OSError, UsageError.

    A socket in the file system is its owner's alone; one that nobody serves any more is replaced. Whoever closes it
    also removes it: `remove`.
    """
    if not is_unix(moniker):
        host, port = place_of(moniker, any_port=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        shown = f"[{host}]" if ":" in host else host
        return listener, f"tcp:{shown}:{listener.getsockname()[1]}"
    return _listening_at(path_of(moniker)), moniker


def remove(moniker: str) -> None:
    """Take a socket out of the file system; nothing for other places. Idempotent."""
    if is_unix(moniker) and _is_socket(path_of(moniker)):
        Path(path_of(moniker)).unlink(missing_ok=True)


def _listening_at(path: str) -> socket.socket:
    """Nobody can connect before `listen`: by then it is its owner's alone."""
    if _is_socket(path):
        _free(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        Path(path).chmod(_OWNER_ONLY)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _free(path: str) -> None:
    """Remove a socket that nobody serves; raises OSError where somebody does."""
    with contextlib.suppress(ConnectionRefusedError):
        connected(f"unix:{path}", 1.0).close()
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    Path(path).unlink(missing_ok=True)
