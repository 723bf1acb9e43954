"""The side channel of a device outside this process: JSON lines in, words out, on `tcp:HOST:PORT` or a serial port.

An entry is a JSON object a line: `{"time": S, "signals": {NAME: VALUE}}`, `{"time": S, "console": TEXT}`,
`{"time": S, "event": "fault" | "hang" | "reset" | "exit" | "ready", "detail": {…}}`; `time` is the device's own, in
seconds, and may be left out. Words are `reset` and `stimulate NAME VALUE`. An adapter that says
`{"offers": ["sync", "baseline"]}` when it is met also takes `sync N`, which it answers by `{"sync": N}` when everything
that happened so far is told, and `baseline`, which brings the device's settings back to what they were. `reset` and
`baseline` are answered by one `ready` each, and by all signals, told again behind it. An emulator that offers `pass`,
and `sync`, takes `pass SECONDS N`: it lets so much of its time pass as fast as it can, and answers as to `sync N`.
`{"error": TEXT}` refuses words.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from harness.errors import LinkError, TargetError
from harness.interfaces import Link
from harness.transports import transport
from targets.channel_entry import ChannelEntry, parse

_LINE_LIMIT = 1 << 20
_FLOOD_LIMIT = 1 << 25
_MEETING_SECONDS = 1.0
_SYNC_SECONDS = 5.0
_PASSED_AT_ONCE = 1.0
_SHOWN = 60


class Channel:
    """Reads block no longer and take no more than allowed. Deadlines are link seconds.

    Raises LinkError when the link breaks, TargetError for what no adapter may say; a first line may be cut off.
    """

    def __init__(self, link: Link, moniker: str) -> None:
        self._link, self._moniker = link, moniker
        self._buffer = b""
        self._met = False
        self._syncs = self._taken = 0
        self._heard: deque[ChannelEntry] = deque()
        self.offers: frozenset[str] = frozenset()
        self._receive(_MEETING_SECONDS)

    @property
    def now(self) -> float:
        """The link's clock."""
        return self._link.now()

    def _receive(self, wait: float) -> bool:
        """Take in what has come, waiting for it for `wait` seconds; False when nothing came."""
        data = self._link.receive(self.now + wait)
        self._taken += len(data)
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > _LINE_LIMIT:
            self._refuse(self._buffer, f"a line has at most {_LINE_LIMIT} bytes")
        for line in whole:
            self._take(line)
        if self._taken > _FLOOD_LIMIT:
            raise TargetError(f"{self._moniker}: the channel tells without end, {self._taken} bytes at once; see to it")
        return bool(data)

    def _take(self, line: bytes) -> None:
        first, self._met = not self._met, True
        if not line.strip():
            return
        if len(line) > _LINE_LIMIT:
            self._refuse(line, f"a line has at most {_LINE_LIMIT} bytes")
        try:
            entry = parse(line)
        except ValueError as error:
            if not first:
                self._refuse(line, str(error))
            return
        if entry.error:
            raise TargetError(f"{self._moniker}: the channel refuses: {entry.error!a}. See to the bench's adapter")
        self.offers = self.offers if entry.offers is None else entry.offers
        self._heard.append(entry)

    def _refuse(self, line: bytes, reason: str) -> None:
        said = line[:_SHOWN].decode("ascii", "backslashreplace")
        raise TargetError(
            f"{self._moniker}: the channel said {said!a}: {reason}. See 'The side channel' in docs/bench.md"
        )

    def entry(self, deadline: float) -> ChannelEntry | None:
        """The next entry, waiting for it to the deadline; None when none came."""
        while not self._heard:
            if not self._receive(max(0.0, deadline - self.now)) and self.now >= deadline:
                return None
        return self._heard.popleft()

    def caught_up(self) -> list[ChannelEntry]:
        """All entries up to this moment, where the other side offers `sync`; else those that have come.

        Those that had come before an error are among the `last_words`.
        """
        if "sync" in self.offers:
            self._synchronize()
        else:
            self._taken = 0
            while self._receive(0.0):
                pass
        return self._left()

    @property
    def lets_pass(self) -> bool:
        """True where the other side offers to let time pass."""
        return {"sync", "pass"} <= self.offers

    def let_pass(self, seconds: float) -> list[ChannelEntry]:
        """All entries up to when so much of the device's time has passed, as fast as it can."""
        left = seconds
        while left > 0:
            self._synchronize(f"pass {min(left, _PASSED_AT_ONCE):.6f}")
            left -= _PASSED_AT_ONCE
        return self._left()

    def _synchronize(self, words: str = "sync") -> None:
        self._syncs += 1
        self.say(f"{words} {self._syncs}")
        deadline, seen = self.now + _SYNC_SECONDS, 0
        while not any(entry.sync == self._syncs for entry in islice(self._heard, seen, None)):
            seen = len(self._heard)
            if not self._receive(max(0.0, deadline - self.now)) and self.now >= deadline:
                raise LinkError(
                    f"{self._moniker}: the channel did not answer in {_SYNC_SECONDS:g} s; is its program running?"
                )

    def last_words(self) -> list[ChannelEntry]:
        """What had come over a link that is broken, as far as it can be read."""
        try:
            while self._receive(0.0):
                pass
        except (LinkError, TargetError):
            pass
        return self._left()

    def _left(self) -> list[ChannelEntry]:
        heard, self._heard = list(self._heard), deque()
        return heard

    def say(self, words: str) -> None:
        """Send one line."""
        self._taken = 0
        self._link.send(words.encode() + b"\n", self.now + 1.0)

    def close(self) -> None:
        """Idempotent."""
        self._link.close()


def open_channel(moniker: str, timeout: float) -> Channel:
    """Connect to a channel within `timeout` seconds, and hear what it offers; raises LinkError, TargetError."""
    link = transport(moniker, None).open(timeout)
    try:
        return Channel(link, moniker)
    except (LinkError, TargetError):
        link.close()
        raise
