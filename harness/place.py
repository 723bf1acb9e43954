"""Where somebody listens: `tcp:HOST:PORT`, `unix:PATH`, or `unix:NAME` in a folder that is the user's alone."""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import tempfile
from pathlib import Path

from harness.errors import BenchError, UsageError

LOOPBACK, _LAST = "127.0.0.1", 0xFFFF
TLS_FILES = ("ca", "cert", "key")  # options of `tls:` that name files
_UNIX, _PRIVATE, _OWN = "unix:", 0o700, 0o600


def place_of(moniker: str, *, scheme: str = "tcp", any_port: bool = False) -> tuple[str, int]:
    """Host and port of a moniker with this scheme; with `any_port` 0 has one chosen.

    IPv6 hosts stand in brackets, none is this machine. Raises UsageError.
    """
    given, _colon, rest = moniker.partition(":")
    host, colon, port = rest.rpartition(":")
    if given != scheme or not colon or not port.isdecimal() or not (0 if any_port else 1) <= int(port) <= _LAST:
        raise UsageError(f"'{moniker}': write {scheme}:HOST:PORT with a port from {0 if any_port else 1} to {_LAST}")
    return host.strip("[]") or LOOPBACK, int(port)


def socket_path(moniker: str) -> Path | None:
    """The path of a Unix domain socket, None for another moniker. Raises UsageError, BenchError."""
    if not moniker.startswith(_UNIX):
        return None
    name = moniker.removeprefix(_UNIX)
    if not name:
        raise UsageError(f"'{moniker}': write unix:PATH, or unix:NAME for a place of your own")
    return Path(name) if "/" in name else own_folder() / name


def own_folder() -> Path:
    """A folder that nobody else may enter, the same at each call. Raises BenchError where it is somebody else's."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(base) / "medfuzz" if base else Path(tempfile.gettempdir()) / f"medfuzz-{os.getuid()}"
    folder.mkdir(mode=_PRIVATE, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != _PRIVATE:
        raise BenchError(f"{folder}: not a folder that is yours alone (mode 700). Remove it, or set XDG_RUNTIME_DIR")
    return folder


def connected(moniker: str, timeout: float) -> socket.socket:
    """A stream to whoever listens there, without delay of small pieces. Raises OSError, UsageError."""
    path = socket_path(moniker)
    if path is None:
        stream = socket.create_connection(place_of(moniker), timeout)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.settimeout(timeout)
        stream.connect(str(path))
    except OSError:
        stream.close()
        raise
    return stream


def listening(moniker: str) -> tuple[socket.socket, str]:
    """A listening socket, and the moniker to reach it by: port 0 has one chosen. Raises OSError, UsageError.

    In the file system it is its user's alone before anybody can connect, and whoever closes it removes it: `vacate`.
    """
    path = socket_path(moniker)
    if path is None:
        host, port = place_of(moniker, any_port=True)
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        shown = f"[{host}]" if ":" in host else host
        return listener, f"tcp:{shown}:{listener.getsockname()[1]}"
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(vacated(path))
        path.chmod(_OWN)
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener, moniker


def vacate(moniker: str) -> None:
    """Take a socket out of the file system; nothing for other places. Idempotent."""
    path = socket_path(moniker)
    if path is not None and path.is_socket():
        path.unlink(missing_ok=True)


def vacated(path: Path) -> str:
    """The path to listen at, without the socket that an earlier listener left. Raises OSError where one listens."""
    if path.is_socket():
        try:
            connected(f"{_UNIX}{path.absolute()}", 1.0).close()
        except OSError:
            path.unlink(missing_ok=True)
        else:
            raise OSError(f"{path}: somebody listens there already")
    return str(path)


def is_open(moniker: str) -> bool:
    """True for a TCP place that other machines may reach, too. Raises UsageError."""
    if not moniker.startswith("tcp:"):
        return False
    host, _port = place_of(moniker, any_port=True)
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
