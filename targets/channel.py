"""The side channel of a device outside this process: JSON lines in, words out, on `tcp:HOST:PORT` or a serial port.

An entry is a JSON object a line: `{"time": S, "signals": {NAME: VALUE}}`, `{"time": S, "console": TEXT}`,
`{"time": S, "event": "fault" | "hang" | "reset" | "exit" | "ready", "detail": {…}}`; `time` is the device's own, in
seconds, and may be left out. Words are `reset` and `stimulate NAME VALUE`. An adapter that says
`{"offers": ["sync", "baseline"]}` when it is met also takes `sync N`, which it answers by `{"sync": N}` when everything
that happened so far is told, and `baseline`, which brings the device's settings back to what they were.
"""

from __future__ import annotations

import json
import time
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
        self.offers: frozenset[str] = frozenset()
        self._early = self._receive(_MEETING_SECONDS)

    def lines(self, wait: float = 0.0) -> list[dict[str, Any]]:
        """The entries that have come, waiting for the first ones for `wait` seconds."""
        early, self._early = self._early, []
        return early or self._receive(wait)

    def _receive(self, wait: float) -> list[dict[str, Any]]:
        self._buffer += self._link.receive(self._link.now() + wait)
        *whole, self._buffer = self._buffer.split(b"\n")
        self._buffer = self._buffer[-_LINE_LIMIT:]
        entries = [entry for entry in map(_parsed, whole) if entry]
        for entry in entries:
            if isinstance(offers := entry.get("offers"), list):
                self.offers = frozenset(map(str, offers))  # pyright: ignore[reportUnknownArgumentType]
        return entries

    def caught_up(self) -> list[dict[str, Any]]:
        """All entries up to this moment, where the other side offers `sync`; else those that have come."""
        if "sync" not in self.offers:
            return self.lines()
        self._syncs += 1
        self.say(f"sync {self._syncs}")
        entries, deadline = list[dict[str, Any]](), time.monotonic() + _SYNC_SECONDS
        while time.monotonic() < deadline:
            entries += self.lines(deadline - time.monotonic())
            if any(entry.get("sync") == self._syncs for entry in entries):
                return entries
        raise LinkError(f"{self._moniker}: the channel did not answer in {_SYNC_SECONDS:g} s; is its program running?")

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


class DeviceClock:
    """Puts times of the device on the link's clock; wall seconds in, wall seconds out.

    Lines arrive late and in bursts, so that the time of their arrival says little about the order of a second's events.
    """

    _FARTHEST = 3600.0

    def __init__(self) -> None:
        self._offset: float | None = None
        self._latest = 0.0

    def anchor(self, device: float | None, now: float) -> None:
        """The device's time is this now; link time does not go back."""
        self._offset = None if device is None else max(now, self._latest) - device

    def forget(self) -> None:
        """What comes next need not follow what came before."""
        self._offset, self._latest = None, 0.0

    def link_time(self, device: float | None, now: float) -> float:
        """Link time of a device time; `now` where the device tells none, or one that cannot be."""
        if self._offset is None:
            self.anchor(device, now)
        moment = now if device is None or self._offset is None else device + self._offset
        if not abs(moment - now) <= self._FARTHEST:
            moment = now
        self._latest = max(self._latest, moment)
        return moment
