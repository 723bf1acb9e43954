"""A serial port of an emulated device bridged to a radio's H4 port: the firmware's host stack attaches as any other."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator

from harness.place import connected

COMMAND, ACL = 0x01, 0x02
RESET = b"\x01\x03\x0c\x00"
HARDWARE_ERROR = b"\x04\x10\x01\x00"
_CHUNK = 4096
_CONNECT_SECONDS = 5.0
_HEADS = {COMMAND: (4, 1), ACL: (5, 2)}


class Bridge:
    """Bytes both ways, to the radio that listens at `place`. `feed` gives the device what the controller says.

    A device that resets its controller has restarted, or wants to begin anew: it gets a fresh one, and its connections
    are lost as they are when a radio chip loses its power. A controller that went away is followed by a fresh one, too,
    which the device is told as a hardware error. Raises OSError where no radio is.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self.feed: Callable[[bytes], None] = lambda _data: None
        self._open()

    def _open(self) -> None:
        self._socket = connected(self._place, _CONNECT_SECONDS)
        self._socket.setblocking(False)
        self._said, self._fresh = b"", True

    def fileno(self) -> int:
        """Readable when the controller has said something."""
        return self._socket.fileno()

    def heard(self, data: bytes) -> None:
        """Take what the device says to its controller."""
        self._said += data
        for packet in self._packets():
            if packet != RESET:
                self._fresh = False
            elif not self._fresh:
                said = self._said
                self.renew()
                self._said = said
            self._send(packet)

    def _packets(self) -> Iterator[bytes]:
        """Whole packets; what is none goes out as it is, for the controller to judge."""
        while self._said:
            size = _size(self._said)
            if size > len(self._said):
                return
            packet, self._said = self._said[:size], self._said[size:]
            yield packet

    def _send(self, data: bytes) -> None:
        """All of it; a controller that is gone is noticed when it is read from."""
        with contextlib.suppress(ConnectionError):
            self._socket.settimeout(_CONNECT_SECONDS)
            self._socket.sendall(data)
        self._socket.setblocking(False)

    def readable(self) -> bool:
        """Feed the device what the controller has said; False when nothing was there."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE):
                raise
            data = b""
        if data:
            self.feed(data)
        else:
            self.restarted()
        return True

    def renew(self) -> None:
        """A fresh controller; the old one's connections are lost."""
        self.close()
        self._open()

    def restarted(self) -> None:
        """A fresh controller, which the device has to set up."""
        self.renew()
        self.feed(HARDWARE_ERROR)

    def close(self) -> None:
        """Idempotent."""
        self._socket.close()


def _size(data: bytes) -> int:
    """How long the packet is that begins here: one more than there is while that cannot be known."""
    if data[0] not in _HEADS:
        return len(data)
    head, length = _HEADS[data[0]]
    if len(data) < head:
        return len(data) + 1
    return head + int.from_bytes(data[head - length : head], "little")
