"""What a campaign sent and got, noted at its links, and the same played by a raw loop that only waits for what came.

`python -m benchmarks.traffic FILE run BENCH …` is the command line of medfuzz with its links noted in FILE.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.errors import LinkClosed
from harness.runner import Runner
from harness.transports.tcp import SocketLink
from targets.terminal import TerminalLink

_CHUNK = 65536
OPENED, SENT, GOT, ENDED, REPLAYED = "opened", "sent", "got", "ended", "replayed"
QUIET = 0.02
_ANSWERS, _SILENCE, _OPENING, _BETWEEN = "for answers", "for silence", "until a link opened", "between"
REPLAYS = "in replays"


@dataclass(frozen=True, slots=True)
class Event:
    """A link was `opened`, `data` was `sent`, `count` bytes were `got`, or the peer `ended` it, `at` so many seconds.

    A finding was `replayed` for `count` milliseconds, of whose bytes nothing is noted.
    """

    what: str
    data: bytes = b""
    count: int = 0
    at: float = 0.0


class Line(Protocol):
    """A connection of the raw loop."""

    def send(self, data: bytes) -> None:
        """All of it; raises OSError."""
        ...

    def receive(self, seconds: float) -> bytes | None:
        """What has come, b"" where the peer closed, None when the time is over; raises OSError."""
        ...

    def close(self) -> None:
        """Closed."""
        ...


class SocketLine:
    """A TCP connection to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 5.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """All of it."""
        self._socket.settimeout(5.0)
        self._socket.sendall(data)

    def receive(self, seconds: float) -> bytes | None:
        """As `Line`."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(_CHUNK)
        except TimeoutError:
            return None

    def close(self) -> None:
        """Closed."""
        self._socket.close()


class PtyLine:
    """Our end of a pty, which stays open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, data: bytes) -> None:
        """All of it."""
        while data:
            data = data[os.write(self._descriptor, data) :]

    def receive(self, seconds: float) -> bytes | None:
        """As `Line`."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return None
        return os.read(self._descriptor, _CHUNK)

    def close(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Played:
    """How long the raw loop took, of how many answers it `missed` some, and the share that it came to.

    That is less than 1 where the server died of it: a campaign starts it again, a raw loop does not.
    """

    seconds: float
    answers: int
    missed: int
    share: float = 1.0


def play(events: Sequence[Event], connect: Callable[[], Line], deadline: float) -> Played:
    """Send the same bytes; wait for as many as came then, and for the end where the peer made one.

    Where nothing had come for a while before a message, it waits for `QUIET` seconds: a server that dropped a frame
    would else read the next one as a part of it.
    """
    player, done = _Player(connect, deadline), 0
    began, before = time.perf_counter(), Event(OPENED)
    with suppress(ConnectionRefusedError):
        for done, event in enumerate(events, 1):  # noqa: B007 - how far it came
            if event.what == SENT == before.what and event.at - before.at > QUIET:
                time.sleep(QUIET)
            player.act(event)
            before = event
    player.close()
    return Played(time.perf_counter() - began, player.answers, player.missed, done / max(1, len(events)))


def spent(events: Sequence[Event]) -> dict[str, float]:
    """Seconds of a campaign by what they went to: answers, silence behind a message, new links, all else."""
    seconds = dict.fromkeys((_ANSWERS, _SILENCE, _OPENING, _BETWEEN, REPLAYS), 0.0)
    for before, event in itertools.pairwise(events):
        replays = event.count / 1000 if event.what == REPLAYED else 0.0
        seconds[REPLAYS] += replays
        seconds[_purpose(before, event)] += event.at - before.at - replays
    return seconds


def _purpose(before: Event, event: Event) -> str:
    if event.what == OPENED:
        return _OPENING
    if before.what in (SENT, GOT) and event.what in (GOT, ENDED):
        return _ANSWERS
    return _SILENCE if before.what == SENT else _BETWEEN


class _Player:
    """The connection, what it owes, and what it has brought."""

    def __init__(self, connect: Callable[[], Line], deadline: float) -> None:
        self._connect, self._deadline = connect, deadline
        self._line: Line | None = None
        self._due = self._have = self.answers = self.missed = 0

    def act(self, event: Event) -> None:
        """One event; what goes wrong counts as an answer that was missed."""
        if event.what == OPENED:
            self.close()
            self._line, self._due, self._have = self._connect(), 0, 0
            return
        if event.what == REPLAYED:
            return
        self.answers += event.what != SENT
        try:
            good = self._line is not None and self._did(self._line, event)
        except OSError:
            good = event.what == ENDED
            self.close()
        self.missed += not good

    def _did(self, line: Line, event: Event) -> bool:
        if event.what == SENT:
            line.send(event.data)
            return True
        self._due += event.count
        until = time.perf_counter() + self._deadline
        while event.what == ENDED or self._have < self._due:
            data = line.receive(max(0.001, until - time.perf_counter()))
            if not data:
                self._due = self._have  # what comes late is not waited for
                return data is not None and event.what == ENDED
            self._have += len(data)
        return True

    def close(self) -> None:
        """No line."""
        if self._line is not None:
            self._line.close()
            self._line = None


class Notes:
    """What goes over links of sockets and ptys from here on, but for what belongs to a replay."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._replaying = False
        for link in (SocketLink, TerminalLink):
            self._note_link(link)
        self._note_replays(Runner)

    def _add(self, what: str, data: bytes = b"", count: int = 0) -> None:
        if not self._replaying:
            self.events.append(Event(what, data, count, time.monotonic()))

    def _note_link(self, link: Any) -> None:
        opened, sent, received = link.__init__, link.send, link.receive

        def init(own: Any, *words: Any) -> None:
            opened(own, *words)
            self._add(OPENED)

        def send(own: Any, data: bytes, deadline: float) -> None:
            self._add(SENT, bytes(data))
            sent(own, data, deadline)

        def receive(own: Any, deadline: float) -> bytes:
            try:
                data = received(own, deadline)
            except LinkClosed:
                self._add(ENDED)
                raise
            if data:
                self._add(GOT, count=len(data))
            return data

        link.__init__, link.send, link.receive = init, send, receive

    def _note_replays(self, runner: Any) -> None:
        """A replay is what a runner does in `sequential`."""
        sequential = runner.sequential

        @contextmanager
        def noted(own: Any, *ways: Any, **options: Any) -> Iterator[None]:
            began, self._replaying = time.monotonic(), True
            try:
                with sequential(own, *ways, **options):
                    yield
            finally:
                self._replaying = False
                self._add(REPLAYED, count=round(1000 * (time.monotonic() - began)))

        runner.sequential = noted


def read(path: Path) -> list[Event]:
    """The events of a run."""
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return [Event(what, base64.b64decode(data), count, at) for what, data, count, at in rows]


def _row(event: Event) -> list[Any]:
    return [event.what, base64.b64encode(event.data).decode(), event.count, event.at]


def main() -> None:
    """Run the command line with its links noted."""
    from harness.cli.main import main as medfuzz

    path, notes = Path(sys.argv.pop(1)), Notes()
    try:
        medfuzz()
    finally:
        path.write_text("\n".join(json.dumps(_row(event)) for event in notes.events))


if __name__ == "__main__":
    main()
