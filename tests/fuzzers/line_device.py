"""A scripted device of lines over TCP: `OK VERB` to a known verb, `ERR` to everything else; it keeps what came in.

As a program, `line_device.py PORT`, it ends by a fault on a line of more than 200 bytes.
"""

import contextlib
import os
import socket
import sys
import threading


class LineDevice:
    """`answer(line, connection)` may say something else than the rules; `connection` is a dictionary of its own."""

    def __init__(self, verbs, *, banner=b"", answer=None, port=0):
        self._verbs, self._banner, self._answer = verbs, banner, answer
        self.connections = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._open = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def lines(self):
        """Whole lines of all connections."""
        return [line for received in self.connections for line in bytes(received).split(b"\n")[:-1]]

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5.0)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            received = bytearray()
            self.connections.append(received)
            self._threads.append(threading.Thread(target=self._serve, args=(connection, received)))
            self._threads[-1].start()

    def _serve(self, connection, received):
        state, buffer = {}, b""
        with connection:
            connection.settimeout(10.0)
            try:
                connection.sendall(self._banner)
                while data := connection.recv(4096):
                    received += data
                    *lines, buffer = (buffer + data).split(b"\n")
                    for line in lines:
                        connection.sendall(self._say(line, state))
            except OSError:
                return

    def _say(self, line, state):
        said = self._answer(line, state) if self._answer else None
        if said is not None:
            return said
        verb = line.split(b" ")[0].strip()
        return b"OK " + verb + b"\n" if verb in self._verbs else b"ERR\n"


def fragile(line, _state):
    if len(line) > 200:
        os._exit(139)


if __name__ == "__main__":
    LineDevice({b"SET"}, answer=fragile, port=int(sys.argv[1]))
