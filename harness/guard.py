"""The guard on outgoing bytes: sits in the link, after all mutation, and never lets a forbidden command leave."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.errors import GuardRefused
from harness.interfaces import Bursts, Link

OVERLAP = 64


class Guard:
    """Recognizes forbidden messages in the stream of everything sent, across the borders of sends.

    It fails closed: what matches is withheld, well formed or not, and an error while looking withholds too.
    """

    def __init__(self, pattern: re.Pattern[bytes] | None, forbidden: tuple[str, ...]) -> None:
        self._search = pattern.search if pattern else None
        self.forbidden = forbidden
        self._tail = b""

    def check(self, data: bytes) -> None:
        """Raise GuardRefused if sending `data` now would complete a forbidden message."""
        if self._search is None:
            return
        stream = self._tail + data
        if self._search(stream):
            raise GuardRefused(
                f"withheld {len(data)} bytes that would carry a forbidden message ({', '.join(self.forbidden)})"
            )
        self._tail = stream[-OVERLAP:]

    def forget(self) -> None:
        """The device's receiver starts afresh (reset, restored snapshot): earlier bytes cannot complete anything."""
        self._tail = b""


class GuardedLink:
    """A link whose every outgoing byte passes the guard.

    `through` says when the last of them is at the other end, where each takes its `byte_seconds`; link seconds.
    """

    def __init__(self, link: Link, guard: Guard) -> None:
        self._link, self._guard = link, guard
        self.byte_seconds = self.through = 0.0
        self.receive, self.close, self.now = link.receive, link.close, link.now
        self.whole, self.stream = link.whole, link.stream

    def send(self, data: bytes, deadline: float) -> None:
        """Send what the guard allows; raises GuardRefused and sends nothing otherwise."""
        self._guard.check(data)
        self._link.send(data, deadline + self._takes(len(data)))

    def _takes(self, octets: int) -> float:
        """Seconds until so many bytes more are through, which is then noted."""
        if not self.byte_seconds:
            return 0.0
        now = self.now()
        self.through = max(self.through, now) + octets * self.byte_seconds
        return self.through - now

    def burst(self, messages: Sequence[bytes], deadline: float, *, awaited: bool) -> None:
        """Send messages right behind one another; raises GuardRefused and sends none of them otherwise."""
        for data in messages:
            self._guard.check(data)
        if isinstance(self._link, Bursts):
            self._link.burst(messages, deadline + self._takes(sum(map(len, messages))), awaited=awaited)
            return
        for data in messages:
            self._link.send(data, deadline + self._takes(len(data)))
