"""A TCP device for the dirty bench: takes lines, answers `ok:LINE`, and can be one with a planted crash.

Run by itself it serves a port, the first argument; with `crash` it ends with status 139 on a line that holds 0xFE.
"""

import contextlib
import os
import select
import socket
import sys
import threading

CRASH = 0xFE


class Device:
    """Serves on a port of this machine, each connection in a thread, until closed."""

    def __init__(self, port=0, crashes=False):
        self._listener = socket.create_server(("127.0.0.1", port))
        self.crashes, self.lines, self._open, self._threads = crashes, [], [], []
        self.moniker = f"tcp:127.0.0.1:{self._listener.getsockname()[1]}"
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
                connection.sendall(b"ok:" + line)

    def close(self):
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        for thread in self._threads:
            thread.join(5.0)


if __name__ == "__main__":
    Device(int(sys.argv[1]), crashes="crash" in sys.argv)
    select.select([], [], [])
