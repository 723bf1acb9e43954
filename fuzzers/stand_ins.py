"""What a boofuzz script gets in the place of boofuzz's own Target and monitors: nothing here opens anything."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import boofuzz
from boofuzz.exception import BoofuzzTargetConnectionReset

from harness.errors import LinkClosed, LinkError, UsageError
from harness.interfaces import Socket


class AcceptedMonitor(boofuzz.BaseMonitor):
    """Takes what a script says to a process or network monitor; starting and watching the device is the bench's."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()
        self.server_options: dict[str, Any] = {}

    def set_options(self, *_: Any, **options: Any) -> None:
        """Kept to be told."""
        self.server_options.update(options)

    def start_target(self, *_: Any, **__: Any) -> bool:
        """As if done: the bench starts the device."""
        return True

    stop_target = restart_target = start_target

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*_: Any, **__: Any) -> None:
    """What an RPC to a monitor's daemon comes to."""


class ScriptTarget:
    """A script's Target: in a callback it talks on the campaign's link, through its guard; elsewhere it does nothing.

    Errors of the link are boofuzz's own, with the link's behind them.
    """

    def __init__(
        self,
        connection: Any = None,
        monitors: Sequence[Any] | None = None,
        monitor_alive: Any = None,
        max_recv_bytes: int = 10_000,
        repeater: Any = None,
        procmon: Any = None,
        procmon_options: Any = None,
        netmon: Any = None,
        **_: Any,
    ) -> None:
        if repeater is not None:
            raise UsageError("Target(repeater=…) is not supported: medfuzz sends each message once; leave it out")
        self.connection, self.max_recv_bytes = connection, max_recv_bytes
        self.monitors = [one for one in (*(monitors or ()), procmon, netmon) if one is not None]
        self._socket: Socket | None = None
        self._unread, self._closed = b"", False

    @property
    def _target_connection(self) -> ScriptTarget:
        """Scripts reach through their Target to its connection."""
        return self

    @contextmanager
    def on(self, socket: Socket, unread: bytes) -> Generator[None]:
        """Inside, it talks on `socket`, and `unread` is what `recv` finds there already."""
        self._socket, self._unread, self._closed = socket, unread, False
        try:
            yield
        finally:
            self._socket = None

    def recv(self, max_bytes: int | None = None) -> bytes:
        """What has come, b"" for nothing within the reply timeout or from a peer that has closed the connection."""
        limit = max_bytes or self.max_recv_bytes
        data = self._unread or self._received()
        self._unread = data[limit:]
        return data[:limit]

    def _received(self) -> bytes:
        try:
            return self._open_socket().receive()
        except LinkClosed:
            return b""
        except LinkError as error:
            raise BoofuzzTargetConnectionReset(str(error)) from error

    def send(self, data: bytes) -> int:
        """Through the guard and on record; what was not read before is dropped."""
        self._unread = b""
        try:
            self._open_socket().send(bytes(data))
        except LinkError as error:
            raise BoofuzzTargetConnectionReset(str(error)) from error
        return len(data)

    def open(self) -> None:
        """A connection anew, if the callback has closed it."""
        if not self._closed:
            return
        self._closed = False
        try:
            self._open_socket().reopen()
        except LinkError as error:
            raise BoofuzzTargetConnectionReset(str(error)) from error

    def close(self) -> None:
        """The campaign closes the connection; this one counts as closed until `open`."""
        self._closed = True

    def set_fuzz_data_logger(self, *_: Any, **__: Any) -> None:
        """Everything is on record anyway."""

    def _open_socket(self) -> Socket:
        if self._socket is None:
            raise UsageError("the script's Target sends or receives outside a callback; do it in a callback")
        if self._closed:
            raise RuntimeError("the callback has closed this Target; open() it first")
        return self._socket
