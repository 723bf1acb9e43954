"""A device for the dirty bench: takes lines, answers `ok:LINE`, and can be one with a planted crash.

Run by itself it serves the Unix socket that is its first argument; with `crash` it ends with status 139 on a line that
holds 0xFE, with `boots` it answers `ok@START/CHECK:LINE`, where START is another number after each start.
"""

import contextlib
import os
import select
import socket
import sys
import threading
import time
from pathlib import Path

CRASH = 0xFE


class Device:
    """Serves on a TCP port of this machine, or at a path, each connection in a thread, until closed."""

    def __init__(self, path="", crashes=False, boots=False):
        self._listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        Path(path or "/nowhere").unlink(missing_ok=True)
        self._listener.bind(path or ("127.0.0.1", 0))
        self._listener.listen()
        self.crashes, self.lines, self._open, self._threads = crashes, [], [], []
        started = int(time.time() * 1000) % 1_000_000
        self._word = b"ok@%d/%d:" % (started, started % 97) if boots else b"ok:"
        self.moniker = f"unix:{path}" if path else f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def _start(self, call, *words):
        self._threads.append(threading.Thread(target=call, args=words, daemon=True))
        self._threads[-1].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                self._open.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            for line in lines:
                if self.crashes and CRASH in line:
                    os._exit(139)
                self.lines.append(line)
                connection.sendall(self._word + line)

    def close(self):
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(5.0)


if __name__ == "__main__":
    Device(sys.argv[1], crashes="crash" in sys.argv, boots="boots" in sys.argv)
    select.select([], [], [])
