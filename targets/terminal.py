"""`pty:NAME`: the serial port that a program of the bench's own is given as `{pty:NAME}`, or as `{pty}`."""

from __future__ import annotations

import os
import select
import time
import tty
from collections.abc import Iterable, Iterator

from harness.errors import LinkClosed, LinkError, UsageError, did_you_mean
from harness.tasks import holders_of
from harness.transports import Endpoint, parse_moniker, transports

_SCHEME = "pty"
_CHUNK = 4096
_DROPPED_SECONDS = 0.1


class Terminals:
    """Our ends of a program's ports, by name. Each start of the program gets fresh ones.

    A port is raw until the program sets it otherwise: it would forget that if we did not hold it open until somebody
    else does.
    """

    def __init__(self, monikers: Iterable[str]) -> None:
        endpoints = [parse_moniker(moniker) for moniker in monikers]
        self.names = tuple(found.address for found in endpoints if found.scheme == _SCHEME)
        self._ours: dict[str, int] = {}
        self._held: dict[str, int] = {}

    def renew(self) -> dict[str, str]:
        """Fresh ports; what stands for them in a command, and their paths."""
        self.close()
        paths = {name: self._opened(name) for name in self.names}
        only = {f"{{{_SCHEME}}}": path for path in paths.values() if len(paths) == 1}
        return only | {f"{{{_SCHEME}:{name}}}": path for name, path in paths.items()}

    def _opened(self, name: str) -> str:
        """A raw port; its path."""
        self._ours[name], self._held[name] = os.openpty()
        tty.setraw(self._held[name])
        os.set_blocking(self._ours[name], False)
        return os.ttyname(self._held[name])

    def ours(self, name: str) -> int:
        """Our end of a port that the program has open; raises LinkError."""
        if (descriptor := self._ours.get(name)) is None:
            raise LinkError(f"{_SCHEME}:{name}: no program runs")
        if name in self._held and holders_of(os.ttyname(self._held[name])):
            os.close(self._held.pop(name))
        if name in self._held or _events(descriptor, select.POLLIN) & select.POLLHUP:
            raise LinkError(f"{_SCHEME}:{name}: the program has not opened its port. Does it take {{{_SCHEME}}}?")
        return descriptor

    def close(self) -> None:
        """Our ends; idempotent."""
        for ends in (self._held, self._ours):
            while ends:
                os.close(ends.popitem()[1])


def _events(descriptor: int, wanted: int, seconds: float = 0.0) -> int:
    """Which events a descriptor has, waiting for one of the `wanted` ones."""
    poll = select.poll()
    poll.register(descriptor, wanted)
    return next((events for _descriptor, events in poll.poll(max(0.0, seconds) * 1000)), 0)


class TerminalLink:
    """A port that the program has open; what it had said before is dropped. Deadlines are on the monotonic clock."""

    whole = False
    stream = True

    def __init__(self, descriptor: int, moniker: str) -> None:
        self._descriptor, self._moniker = descriptor, moniker
        until = time.monotonic() + _DROPPED_SECONDS  # one that never stops is not waited for
        while time.monotonic() < until and next(self._read(), b""):
            pass

    def _read(self) -> Iterator[bytes]:
        """What is there; raises LinkClosed where the program has closed it."""
        while True:
            try:
                yield os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                return
            except OSError as error:
                raise LinkClosed(f"{self._moniker}: the program has closed its port") from error

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of `data`; a port that does not take it before the deadline is an error."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                if not _events(self._descriptor, select.POLLOUT, deadline - time.monotonic()):
                    raise LinkError(f"{self._moniker}: the program does not read its port") from None
            except OSError as error:
                raise LinkClosed(f"{self._moniker}: the port is gone ({error})") from error

    def receive(self, deadline: float) -> bytes:
        """What has arrived, or b"" at the deadline."""
        while True:
            if received := next(self._read(), b""):
                return received
            if not _events(self._descriptor, select.POLLIN, deadline - time.monotonic()):
                return b""

    def close(self) -> None:
        """The port stays the program's."""

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class TerminalTransport:
    """Opens the port again and again while the program has it open."""

    quiet_gap, byte_seconds = 0.02, 0.0

    def __init__(self, moniker: str, terminals: Terminals, name: str) -> None:
        self.moniker, self._terminals, self._name = moniker, terminals, name

    def open(self, timeout: float) -> TerminalLink:
        """Never waits; raises LinkError."""
        return TerminalLink(self._terminals.ours(self._name), self.moniker)


@transports.register(_SCHEME)
def terminal_transport(endpoint: Endpoint, target: object) -> TerminalTransport:
    """Needs a target of kind `process`; raises UsageError."""
    endpoint.check()
    terminals = getattr(target, "terminals", None)
    if not isinstance(terminals, Terminals):
        raise UsageError(f"{endpoint.moniker}: only a target of kind 'process' has such ports; write serial:PATH")
    if endpoint.address not in terminals.names:
        hint = did_you_mean(endpoint.address, terminals.names)
        raise UsageError(f"{endpoint.moniker}: no port of that name.{hint}")
    return TerminalTransport(endpoint.moniker, terminals, endpoint.address)
