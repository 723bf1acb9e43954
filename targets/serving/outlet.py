"""One client of a served port: what it sends is handed on, what it is told waits until it reads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

_CHUNK = 4096


class Outlet:
    """One client side of a port: bytes in are handed to `take`, bytes out are written as the peer reads.

    Of what a peer does not read, the last `backlog` bytes are kept for it. One that must not miss any (`whole`) is let
    go instead.
    """

    def __init__(
        self,
        descriptor: int,
        take: Callable[[bytes], None],
        gone: Callable[[Outlet], None],
        *,
        backlog: int,
        whole: bool = False,
    ) -> None:
        self.descriptor, self._take, self._gone, self._backlog = descriptor, take, gone, backlog
        self._whole = whole
        self._open = True
        self._queue = bytearray()

    def readable(self) -> None:
        """Take what has come; an end or an error means that the client is gone."""
        if not self._open:
            return
        try:
            data = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self._gone(self)

    def close(self) -> None:
        """Nothing is read or written any more."""
        self._open = False
        self._queue.clear()

    def write(self, data: bytes) -> None:
        """Send bytes behind those that wait."""
        if not self._open:
            return
        self._queue += data
        self.flush()
        lost = max(0, len(self._queue) - self._backlog)
        del self._queue[:lost]
        if lost and self._whole:
            self._gone(self)

    def flush(self) -> None:
        """Write what the peer takes."""
        if self._queue:
            with contextlib.suppress(OSError):
                del self._queue[: os.write(self.descriptor, self._queue)]
