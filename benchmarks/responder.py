"""A process that answers every message at once: the other end that costs next to nothing."""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
ANSWER = b"\x0bMSH|^~\\&|MP405|WARD3|||||ACK^R02|1|P|2.6\rMSA|AA|\r\x1c\r"
_CHUNK = 65536


def serve() -> None:
    """Listen on a port of the system's choice, say which, and answer whatever comes until stdin ends."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server((HOST, 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    selector.register(listener, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _events in selector.select():
            if key.fileobj is sys.stdin:
                return
            if key.fileobj is listener:
                connection = listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ)
            else:
                _answer(selector, key.fileobj)


def _answer(selector: selectors.BaseSelector, connection) -> None:
    try:
        data = connection.recv(_CHUNK)
        if data:
            connection.sendall(ANSWER)
    except OSError:
        data = b""
    if not data:
        selector.unregister(connection)
        connection.close()


@contextmanager
def responder() -> Iterator[int]:
    """The responder in a process of its own; gives its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.responder"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@contextmanager
def served_pump(bench: str) -> Iterator[int]:
    """The emulated pump served by `medfuzz emulate`, as fast as the machine can; gives the port of its network link."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli.main", "emulate", bench, "--tcp", "0", "--unpaced"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = 0
        for line in process.stdout:
            if "tcp:" in line:
                port = int(line.rpartition(":")[2])
            if line.startswith("serving"):
                break
        yield port
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    serve()
