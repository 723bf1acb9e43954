"""Where clients find a dirty device: a TCP port, or a link to a pty that can go and come back as another one."""

from __future__ import annotations

import os
import select
import socket
import struct
import tty
from pathlib import Path

from harness.errors import BenchError
from harness.place import listening
from targets.serving.dirty_line import End

_PTYS = "/dev/pts/"
_AT_ONCE = struct.pack("ii", 1, 0)


class TcpPlace:
    """A listening port that can be taken down and set up again. Raises BenchError, UsageError."""

    def __init__(self, moniker: str) -> None:
        self.reached = moniker
        self.show()

    def show(self) -> None:
        """Clients may come."""
        try:
            self._listener, self.reached = listening(self.reached)
        except OSError as error:
            raise BenchError(f"cannot listen at {self.reached}: {error.strerror or error}. Choose another") from error
        self._listener.setblocking(False)

    def hide(self) -> None:
        """Whoever comes is refused."""
        self._listener.close()

    close = hide

    def fileno(self) -> int:
        """Readable when somebody comes."""
        return self._listener.fileno()

    def accept(self) -> socket.socket | None:
        """Who came, if still there."""
        try:
            client, _address = self._listener.accept()
        except OSError:
            return None
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client


def refuse(client: socket.socket) -> None:
    """End a connection by a reset, as a stack without a free slot does."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    client.close()


class PtyPlace:
    """A link at `path` to a raw pty; when it has been hidden it comes back as another. Raises BenchError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.reached = f"serial:{path}"
        self._device, self._name = "", ""
        self._spare = _made()
        self._shown: End | None = None
        self.show()

    def show(self) -> None:
        """The link stands."""
        controller, self._name = self._spare
        self._shown = End(controller, lambda: os.close(controller))
        try:
            if self._path.is_symlink() and str(self._path.readlink()).startswith(_PTYS):
                self._path.unlink()
            self._path.symlink_to(self._name)
        except OSError as error:
            self._shown.close()
            raise BenchError(f"cannot make the link {self._path}: {error.strerror}. Name another path") from error

    def hide(self) -> None:
        """Link and pty are gone; what comes back has another number, because it is made first."""
        self._spare = _made()
        self._leave()

    def close(self) -> None:
        """Nothing is left of it."""
        if self._shown is None:
            os.close(self._spare[0])
        self._leave()

    def _leave(self) -> None:
        if self._path.is_symlink() and str(self._path.readlink()) == self._name:
            self._path.unlink()
        if self._shown is not None:
            self._shown.close()
            self._shown = None

    @property
    def end(self) -> End | None:
        """The side of the device, while the link stands and somebody has it open."""
        if self._shown is None:
            return None
        poll = select.poll()
        poll.register(self._shown.descriptor, select.POLLIN)
        hung = any(event & select.POLLHUP for _descriptor, event in poll.poll(0))
        return None if hung else self._shown


def _made() -> tuple[int, str]:
    """A raw pty's controller and the name of its device, which nobody has open."""
    controller, device = os.openpty()
    tty.setraw(device)
    name = os.ttyname(device)
    os.close(device)
    return controller, name
