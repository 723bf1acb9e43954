"""The side channel of a device outside this process: JSON lines in, words out, on `tcp:HOST:PORT` or a serial port.

An entry is a JSON object a line: `{"time": S, "signals": {NAME: VALUE}}`, `{"time": S, "console": TEXT}`,
`{"time": S, "event": "fault" | "hang" | "reset" | "exit" | "ready", "detail": {…}}`; `time` is the device's own, in
seconds, and may be left out. Words are `reset` and `stimulate NAME VALUE`. An adapter that says
`{"offers": ["sync", "baseline"]}` when it is met also takes `sync N`, which it answers by `{"sync": N}` when everything
that happened so far is told, and `baseline`, which brings the device's settings back to what they were. `reset` and
`baseline` are answered by one `ready` each, and by all signals, told again behind it.
"""

from __future__ import annotations

import json
import time
from collections import deque
from itertools import islice
from typing import Any

from harness.errors import LinkError
from harness.transports import transport

_LINE_LIMIT = 1 << 20
_MEETING_SECONDS = 0.2
_SYNC_SECONDS = 5.0


class Channel:
    """Reads never block longer than asked; what is not a JSON object is ignored. Raises LinkError."""

    def __init__(self, moniker: str, timeout: float) -> None:
        self._moniker = moniker
        self._link = transport(moniker, None).open(timeout)
        self._buffer = b""
        self._syncs = 0
        self._heard: deque[dict[str, Any]] = deque()
        self.offers: frozenset[str] = frozenset()
        self._receive(_MEETING_SECONDS)

    def _receive(self, wait: float) -> bool:
        """Take in what has come, waiting for it for `wait` seconds; False when nothing came."""
        data = self._link.receive(self._link.now() + wait)
        self._buffer += data
        *whole, self._buffer = self._buffer.split(b"\n")
        self._buffer = self._buffer[-_LINE_LIMIT:]
        for entry in filter(None, map(_parsed, whole)):
            if isinstance(offers := entry.get("offers"), list):
                self.offers = frozenset(map(str, offers))  # pyright: ignore[reportUnknownArgumentType]
            self._heard.append(entry)
        return bool(data)

    def entry(self, deadline: float) -> dict[str, Any] | None:
        """The next entry, waiting for it to the deadline (monotonic seconds); None when none came."""
        while not self._heard:
            if not self._receive(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                return None
        return self._heard.popleft()

    def left(self) -> list[dict[str, Any]]:
        """The entries that have come and were not read, without a look at the link."""
        heard, self._heard = list(self._heard), deque()
        return heard

    def caught_up(self) -> list[dict[str, Any]]:
        """All entries up to this moment, where the other side offers `sync`; else those that have come.

        Those that had come before an error are still `left`.
        """
        if "sync" not in self.offers:
            while self._receive(0.0):
                pass
            return self.left()
        self._syncs += 1
        self.say(f"sync {self._syncs}")
        deadline, seen = time.monotonic() + _SYNC_SECONDS, 0
        while not any(entry.get("sync") == self._syncs for entry in islice(self._heard, seen, None)):
            seen = len(self._heard)
            self._receive(max(0.0, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise LinkError(
                    f"{self._moniker}: the channel did not answer in {_SYNC_SECONDS:g} s; is its program running?"
                )
        return self.left()

    def say(self, words: str) -> None:
        """Send one line."""
        self._link.send(words.encode() + b"\n", self._link.now() + 1.0)

    def close(self) -> None:
        """Idempotent."""
        self._link.close()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return dict(entry) if isinstance(entry, dict) else {}  # pyright: ignore[reportUnknownArgumentType]


def number_in(value: object) -> float | None:
    """A JSON number or truth value as a float; None for anything else."""
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None
