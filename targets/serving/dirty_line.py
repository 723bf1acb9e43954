"""One direction of a dirty connection: bytes wait until they are due, and leave in the pieces that the line makes."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import random
import termios
from collections.abc import Callable
from typing import Any

import serial

from harness.errors import UsageError
from harness.place import connected
from harness.transports import parse_moniker

_CHUNK = 4096
_BLOCKED = 0.005
BITS = 10


class End:
    """One open end: a descriptor that never blocks, and whoever closes it."""

    def __init__(self, descriptor: int, close: Callable[[], object]) -> None:
        self.descriptor, self._close = descriptor, close
        self.open = True
        os.set_blocking(descriptor, False)

    def read(self) -> bytes | None:
        """What has come, b"" for nothing, None at the end."""
        try:
            return os.read(self.descriptor, _CHUNK) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def write(self, data: bytes) -> int:
        """How many bytes it took; an end that is gone takes all."""
        try:
            return os.write(self.descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def close(self) -> None:
        """Idempotent."""
        if self.open:
            self.open = False
            with contextlib.suppress(OSError, termios.error):
                self._close()


def device_end(moniker: str, timeout: float) -> End:
    """A connection to the device: `tcp:`, `unix:` or `serial:PATH`. Raises OSError, UsageError."""
    endpoint = parse_moniker(moniker)
    if endpoint.scheme in ("tcp", "unix"):
        stream = connected(moniker, timeout)
        return End(stream.fileno(), stream.close)
    if endpoint.scheme != "serial" or "://" in endpoint.address:
        raise UsageError(f"'{moniker}': a device behind a front is at tcp:HOST:PORT, unix:PATH or serial:PATH")
    port: Any = serial.Serial(endpoint.address, endpoint.integer("baudrate", 115200), timeout=0)
    return End(port.fileno(), port.close)


class Line:
    """Bytes on their way to one end, with the moment at which each piece is due, in monotonic seconds."""

    def __init__(self, end: End, chance: random.Random) -> None:
        self._end, self._chance = end, chance
        self._due: list[tuple[float, int, bytes]] = []
        self._number = itertools.count()
        self._wire = bytearray()
        self._free = 0.0
        self.last = 0.0

    @property
    def idle(self) -> bool:
        """True when nothing is on its way."""
        return not self._due and not self._wire

    def put(self, data: bytes, due: float) -> None:
        """Behind what is due before."""
        if data:
            heapq.heappush(self._due, (due, next(self._number), data))

    def next(self) -> float:
        """When it has something to do, infinity for never."""
        if self._wire:
            return self._free
        return self._due[0][0] if self._due else float("inf")

    def turn(self, now: float, *, most: int, baud: float) -> None:
        """Hand on what is due: at most `most` bytes at a time (0: all), at `baud` (0: at once)."""
        while self._due and self._due[0][0] <= now:
            if not self._wire:
                self._free = max(self._free, self._due[0][0] if baud else now)
            self._wire += heapq.heappop(self._due)[2]
        while self._wire and self._free <= now:
            size = 1 if baud else self._chance.randint(1, most) if most else len(self._wire)
            taken = self._end.write(bytes(self._wire[:size]))
            if not taken:
                self._free = now + _BLOCKED
                return
            del self._wire[:taken]
            self.last = now
            self._free += BITS / baud if baud else 0.001 if most else 0.0
