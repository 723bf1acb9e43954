"""Serves an emulated device to other processes: ports on TCP and a pty, signals and control on a side channel.

Paced to the wall clock like the real thing; `paced=False` lets virtual time run ahead whenever a request waits, and
where the channel asks for it. Only a channel can be told to listen where other machines reach it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import selectors
import socket
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from pathlib import Path

from harness.errors import BenchError, UsageError
from harness.place import LOOPBACK, listening, place_of, socket_path, vacate
from targets.board.peripherals.usart import Usart
from targets.emulated import EmulatedTarget
from targets.serving.outlet import Outlet

_CHUNK = 4096
_PTYS = "/dev/pts/"
_BACKLOG_LIMIT, _CHANNEL_BACKLOG = 1 << 20, 1 << 24
_LONGEST_SLEEP = 0.05
_AHEAD_SECONDS = 0.25
_MOST_PASSED, _PASSED_AT_ONCE, _TO_ANSWER = 60.0, 0.005, 0.02
_DIGITS, _SHOWN = 18, 80


class Ear:
    """A client in this process: hears at once what a port says."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def write(self, data: bytes) -> None:
        """Hear it."""
        if data:
            self._take(data)


@dataclass
class _Passing:
    """The device's time passes until then, from the wall clock's `resumes` on; then a number is told to a watcher."""

    until: float
    number: str
    watcher: Outlet
    resumes: float = 0.0


class Server:
    """The event loop around one emulated target."""

    def __init__(self, target: EmulatedTarget, *, paced: bool) -> None:
        self._target, self._paced = target, paced
        self._selector = selectors.DefaultSelector()
        self._ports: list[tuple[Usart, list[Outlet] | list[Ear]]] = []
        self._watchers: list[Outlet] = []
        self._sockets: list[socket.socket] = []
        self._places: list[str] = []
        self._links: dict[Path, str] = {}
        self._descriptors: list[int] = []
        self._names: tuple[str, ...] = target.machine.sampler.names
        self._stopping = False
        self._origin = 0.0
        self._baseline: object = None
        self._passing: list[_Passing] = []  # what is over first comes first
        self.restarted: Callable[[], None] = lambda: None

    # -- what is offered ------------------------------------------------------------------------------------------

    def tcp(self, link: str, port: int) -> str:
        """Offer a serial port of the device on TCP, to this machine only; returns where (port 0 chooses one)."""
        usart, outlets = self._target.usart(link), list[Outlet]()
        self._ports.append((usart, outlets))
        place = f"tcp:{LOOPBACK}:{port}"
        return self._listen(place, lambda connection: self._join(connection, outlets, usart.feed, _BACKLOG_LIMIT))

    def pty(self, link: str, path: Path) -> None:
        """Offer a serial port on a pty, with a symbolic link to it at `path`."""
        usart, outlets = self._target.usart(link), list[Outlet]()
        self._ports.append((usart, outlets))
        controller, device = os.openpty()
        tty.setraw(device)
        os.set_blocking(controller, False)
        self._descriptors += [controller, device]
        _link(path, os.ttyname(device))
        self._links[path] = os.ttyname(device)
        outlet = Outlet(controller, usart.feed, lambda _outlet: None, backlog=0)
        outlets.append(outlet)
        self._selector.register(controller, selectors.EVENT_READ, outlet.readable)

    def local(self, link: str, take: Callable[[bytes], None]) -> Callable[[bytes], None]:
        """Offer a serial port of the device to this process; `take` gets what it says, the result feeds it."""
        usart = self._target.usart(link)
        self._ports.append((usart, [Ear(take)]))
        return usart.feed

    def channel(self, place: str) -> str:
        """Offer signals, console text and events, and take `reset` and `stimulate`; returns where: a moniker.

        `place` is `unix:PATH`, `tcp:HOST:PORT` or a port of this machine. Raises UsageError, BenchError.
        """
        return self._listen(channel_place(place), self._join_channel)

    def _listen(self, place: str, accept: Callable[[socket.socket], object]) -> str:
        try:
            listener, reached = listening(place)
        except OSError as error:
            raise BenchError(f"cannot listen at {place}: {error.strerror or error}. Choose another place") from error
        self._sockets.append(listener)
        self._places.append(reached)
        self._selector.register(listener, selectors.EVENT_READ, lambda: _accept(listener, accept))
        return reached

    def _join(
        self,
        connection: socket.socket,
        outlets: list[Outlet],
        take: Callable[[bytes], None],
        backlog: int,
        *,
        whole: bool = False,
    ) -> Outlet:
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._sockets.append(connection)

        def leave(outlet: Outlet) -> None:
            outlet.close()
            outlets.remove(outlet)
            self._selector.unregister(connection)
            self._sockets.remove(connection)
            connection.close()

        outlet = Outlet(connection.fileno(), take, leave, backlog=backlog, whole=whole)
        outlets.append(outlet)
        self._selector.register(connection, selectors.EVENT_READ, outlet.readable)
        return outlet

    def _join_channel(self, connection: socket.socket) -> None:
        lines = bytearray()

        def take(data: bytes) -> None:
            lines.extend(data)
            while (end := lines.find(b"\n")) >= 0:
                self._obey(bytes(lines[:end]).decode("ascii", "replace").split(), watcher)
                del lines[: end + 1]
            del lines[:-_CHUNK]

        watcher = self._join(connection, self._watchers, take, _CHANNEL_BACKLOG, whole=True)
        _say(watcher, {"offers": ["sync", "baseline"] if self._paced else ["sync", "baseline", "pass"]})
        self._restate()

    def _restate(self) -> None:
        """Tell all signals the next time that the firmware idles, changed or not."""
        self._target.machine.sampler.restore(())

    def _obey(self, words: list[str], watcher: Outlet) -> None:
        match words:
            case ["reset"]:
                self._target.reset()
                self._begin_again()
            case ["baseline"]:
                self._target.restore(self._baseline)
                self._begin_again()
            case ["sync", number]:
                self._synchronize(number, watcher)
            case ["pass", seconds, number] if not self._paced:
                self._pass(seconds, number, watcher)
            case ["stimulate", stimulus, value]:
                self._stimulate(stimulus, value, watcher)
            case _:
                _say(watcher, {"error": f"unknown words: {' '.join(words)[:_SHOWN]}"})

    def _synchronize(self, number: str, watcher: Outlet) -> None:
        """Everything that happened is told; then the number."""
        if not (number.isdecimal() and len(number) <= _DIGITS):
            _say(watcher, {"error": f"sync: '{number[:_SHOWN]}' is not a number"})
            return
        self._advance()
        self._pump()
        _say(watcher, {"sync": int(number), "time": self._target.now()})

    def _pass(self, seconds: str, number: str, watcher: Outlet) -> None:
        """So much of the device's time passes as fast as it can; then it is as if `sync` had been asked for."""
        try:
            if not 0 <= float(seconds) <= _MOST_PASSED:
                raise ValueError(seconds)
        except ValueError:
            most = f"{_MOST_PASSED:g} seconds pass at once at most"
            _say(watcher, {"error": f"pass: '{seconds[:_SHOWN]}': {most}"})
            return
        self._passing.append(_Passing(self._target.now() + float(seconds), number, watcher))
        self._passing.sort(key=attrgetter("until"))

    def _stimulate(self, stimulus: str, value: str, watcher: Outlet) -> None:
        try:
            number = float(value)
            if not math.isfinite(number):
                raise UsageError(f"stimulate {stimulus}: '{value}' is not a value")
            self._target.stimulate(stimulus, number)
        except (UsageError, ValueError) as error:
            _say(watcher, {"error": str(error)})

    def _begin_again(self) -> None:
        for passing in self._passing:
            passing.until = 0.0  # of a time that is no more
        self.restarted()
        self._rebase()
        self._pump()
        self._tell({"time": self._target.now(), "event": "ready"})
        self._restate()
        self._pump()

    # -- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve a started target until `stop()`; `baseline` goes back to this moment."""
        self.begin()
        while not self._stopping:
            self.turn(self._pause())

    def begin(self) -> None:
        """From now on the machine follows the wall clock; `baseline` goes back to this moment."""
        self._pump()
        self._baseline = self._target.snapshot()
        self._rebase()

    def turn(self, pause: float = 0.0) -> None:
        """Serve who waits, for `pause` seconds at most, and run the machine to the wall clock."""
        for key, _mask in self._selector.select(pause):
            key.data()
        self._advance()
        self._pump()

    def ahead(self, link: str, seconds: float) -> None:
        """Run the machine ahead of the wall clock until a port says something, at most `seconds` of its own time."""
        self._run_ahead(self._target.usart(link), seconds)
        self._pump()

    def fileno(self) -> int:
        """Readable when `turn` has something to do, for an event loop that is not ours."""
        return self._selector.fileno()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]

    def stop(self) -> None:
        """Leave `run` after the current turn; safe in a signal handler."""
        self._stopping = True

    def close(self) -> None:
        """Close sockets and ptys, remove the links."""
        for connection in self._sockets:
            connection.close()
        for place in self._places:
            vacate(place)
        for descriptor in self._descriptors:
            os.close(descriptor)
        for path, device in self._links.items():
            if path.is_symlink() and str(path.readlink()) == device:
                path.unlink()
        self._selector.close()

    def _rebase(self) -> None:
        self._origin = time.monotonic() - self._target.now()

    def _due(self) -> float:
        """Wall time until the machine has something to do."""
        machine = self._target.machine
        if not machine.sleeping:
            return 0.0
        next_output = min((u.output[0][0] for u, _o in self._ports if u.output), default=machine.schedule.next())
        return min(machine.schedule.next(), next_output) / machine.hz + self._origin - time.monotonic()

    def _pause(self) -> float:
        if self._passing:
            return max(0.0, min(self._passing[0].resumes - time.monotonic(), _LONGEST_SLEEP))
        return max(0.0, min(self._due(), _LONGEST_SLEEP))

    def _advance(self) -> None:
        """Run the machine to the wall clock; unpaced, on until a waiting request is answered."""
        machine = self._target.machine
        machine.watched = None
        until = int((time.monotonic() - self._origin) * machine.hz)
        machine.run(max(until, machine.schedule.base))
        if not self._paced and (busy := next((u for u, _o in self._ports if u.receiving), None)) is not None:
            self._run_ahead(busy, _AHEAD_SECONDS)
        if self._passing:
            self._let_pass(self._passing[0])

    def _let_pass(self, passing: _Passing) -> None:
        """Run ahead of the wall clock until the device says something: who hears it has his time to answer."""
        machine, turn_ends = self._target.machine, time.monotonic() + _LONGEST_SLEEP
        while (left := passing.until - self._target.now()) > 0 and passing.resumes <= time.monotonic() < turn_ends:
            machine.run(machine.schedule.base + max(1, int(min(left, _PASSED_AT_ONCE) * machine.hz)))
            if any(usart.output for usart, _outlets in self._ports):
                passing.resumes = time.monotonic() + _TO_ANSWER
        self._rebase()
        if left <= 0:
            self._passing.remove(passing)
            self._synchronize(passing.number, passing.watcher)

    def _run_ahead(self, usart: Usart, seconds: float) -> None:
        machine = self._target.machine
        machine.watched = usart
        machine.run(machine.schedule.base + int(seconds * machine.hz))
        machine.watched = None
        self._rebase()

    def _pump(self) -> None:
        """Hand what the device has said to those who listen."""
        machine = self._target.machine
        for usart, outlets in self._ports:
            ready = [data for cycle, data in usart.output if cycle <= machine.schedule.base]
            del usart.output[: len(ready)]
            for outlet in outlets:
                outlet.write(b"".join(ready))
        for watcher in self._watchers:
            watcher.flush()
        for _moment, entry in sorted(self._entries(), key=itemgetter(0)):
            self._tell(entry)

    def _entries(self) -> Iterator[tuple[float, dict[str, object]]]:
        """What is to be told, each with its time."""
        for sample in self._target.take_samples():
            values = dict(zip(self._names, sample.values, strict=True))
            yield sample.time, {"time": sample.time, "signals": values}
        for moment, text in self._target.take_console():
            yield moment, {"time": moment, "console": text.decode("latin-1")}
        for event in self._target.take_events():
            yield event.time, {"time": event.time, "event": event.kind, "detail": dict(event.detail)}

    def _tell(self, entry: dict[str, object]) -> None:
        for watcher in tuple(self._watchers):
            _say(watcher, entry)


def channel_place(text: str) -> str:
    """The moniker of a place for a channel, which may be a bare port of this machine; raises UsageError."""
    place = text if ":" in text else f"tcp:{LOOPBACK}:{text}"
    if socket_path(place) is None:
        place_of(place, any_port=True)
    return place


def _say(watcher: Outlet, entry: dict[str, object]) -> None:
    watcher.write(json.dumps(entry).encode() + b"\n")


def _accept(listener: socket.socket, join: Callable[[socket.socket], object]) -> None:
    """A client that has gone before it was met is no client."""
    with contextlib.suppress(OSError):
        join(listener.accept()[0])


def _link(path: Path, device: str) -> None:
    """A symbolic link to a pty; only another pty's link is replaced. Raises BenchError."""
    try:
        if path.is_symlink() and str(path.readlink()).startswith(_PTYS):
            path.unlink()
        path.symlink_to(device)
    except OSError as error:
        raise BenchError(f"cannot make the link {path}: {error.strerror}. Name another path with --serial") from error
