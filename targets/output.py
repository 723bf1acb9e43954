"""What a program writes to its outputs: always read, so that it never waits for us, and the latest of it kept."""

from __future__ import annotations

import contextlib
import os
import select
import threading

KEPT = 1 << 16  # bytes
_CHUNK, _MOST_CHUNKS = 1 << 16, 32  # a pipe holds a mebibyte at most


class Output:
    """One end of a pipe that a thread empties; a program writes to `descriptor`.

    One that has ended wrote all that it will: then `take` and `latest` hold it.
    """

    def __init__(self) -> None:
        self._reader, self.descriptor = os.pipe()
        os.set_blocking(self._reader, False)
        self._stop, self._stopped = os.pipe()
        self._lock = threading.Lock()
        self._latest = bytearray()
        self._untaken = 0
        self._thread = threading.Thread(target=self._empty, daemon=True)
        self._thread.start()

    def given(self) -> None:
        """The program has it: our own copy would keep the pipe open."""
        os.close(self.descriptor)
        self.descriptor = -1

    def _empty(self) -> None:
        watched = select.poll()
        for descriptor in (self._reader, self._stop):
            watched.register(descriptor, select.POLLIN)
        while all(descriptor != self._stop for descriptor, _event in watched.poll()) and self._pull():
            pass

    def _pull(self) -> bool:
        """Take in what is there, as far as a pipe holds; False where nobody writes any more.

        A program that writes faster than we read is not waited for.
        """
        if self._reader < 0:
            return False
        with self._lock, contextlib.suppress(BlockingIOError):
            for _ in range(_MOST_CHUNKS):
                if not (data := os.read(self._reader, _CHUNK)):
                    return False
                self._latest += data
                self._untaken += len(data)
                del self._latest[:-KEPT]
        return True

    def take(self) -> bytes:
        """What came since the last call: the last of it, where that is much."""
        self._pull()
        with self._lock:
            fresh, self._untaken = min(self._untaken, len(self._latest)), 0
            return bytes(self._latest[len(self._latest) - fresh :])

    def latest(self) -> bytes:
        """The last that came."""
        self._pull()
        with self._lock:
            return bytes(self._latest)

    def close(self) -> None:
        """Idempotent; what came stays."""
        if self._reader < 0:
            return
        os.write(self._stopped, b"\0")
        self._thread.join()
        self._pull()
        for descriptor in (self._reader, self._stop, self._stopped, self.descriptor):
            if descriptor >= 0:
                os.close(descriptor)
        self._reader = self.descriptor = -1
