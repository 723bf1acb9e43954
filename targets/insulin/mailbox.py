"""The mailbox between radio front and firmware, seen from the front: frames `length u16 | op u8 | body`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum

LONGEST = 600
_HEAD = 2
_ANSWER_SECONDS, _TRIES = 0.25, 8


class Op(IntEnum):
    """What a frame is; from 0x81 on the firmware's."""

    CONNECTED = 0x01
    DISCONNECTED = 0x02
    WRITE = 0x03
    READ = 0x04
    SECURITY = 0x05
    SUBSCRIBE = 0x06
    CONFIRMED = 0x07
    MTU = 0x08
    BOND = 0x09
    RESULT = 0x81
    NOTIFY = 0x82
    INDICATE = 0x83
    DISCONNECT = 0x84
    ADVERTISE = 0x85
    UNBOND = 0x86


class NoResult(Exception):
    """The firmware did not answer a read or write: it hangs, or has restarted."""


class Mailbox:
    """`feed` sends bytes to the firmware, `ahead(seconds)` runs it until it says something.

    `told(op, body)` hears every frame but results.
    """

    def __init__(self, ahead: Callable[[float], None], told: Callable[[int, bytes], None]) -> None:
        self._ahead, self._told = ahead, told
        self.feed: Callable[[bytes], None] = lambda _data: None
        self._buffer = b""
        self._results = deque[bytes]()

    def tell(self, op: Op, body: bytes = b"") -> None:
        """Send a frame that has no result."""
        self.feed((len(body) + 1).to_bytes(_HEAD, "little") + bytes([op]) + body)
        self._ahead(_ANSWER_SECONDS / _TRIES)

    def ask(self, op: Op, body: bytes) -> tuple[int, bytes]:
        """Send a read or write: (ATT error, value). Raises NoResult."""
        self._results.clear()
        self.tell(op, body)
        for _ in range(_TRIES):
            if self._results:
                result = self._results.popleft()
                return result[0] if result else 0, result[1:]
            self._ahead(_ANSWER_SECONDS)
        raise NoResult

    def heard(self, data: bytes) -> None:
        """Take what the firmware said."""
        for op, body in self._frames(data):
            if op == Op.RESULT:
                self._results.append(body)
            else:
                self._told(op, body)

    def _frames(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Whole frames; a length that cannot be drops everything, as a firmware that went wild has no frames."""
        self._buffer += data
        while len(self._buffer) > _HEAD:
            length = int.from_bytes(self._buffer[:_HEAD], "little")
            if not 1 <= length <= LONGEST:
                self._buffer = b""
                return
            if len(self._buffer) < _HEAD + length:
                return
            frame, self._buffer = self._buffer[_HEAD : _HEAD + length], self._buffer[_HEAD + length :]
            yield frame[0], frame[1:]
