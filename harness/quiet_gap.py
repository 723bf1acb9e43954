"""Where an answer ends that has no framing: at a pause, whose length the first answers show."""

from __future__ import annotations

from harness.interfaces import Link

_FIRST, LONGEST = 0.005, 0.1
_LEARNED_FROM, _PAUSE_FACTOR = 8, 4.0


class QuietGap:
    """`seconds` without a byte end an answer; where the transport does not know them (0) they may be `learned`.

    Of an answer at most `most` bytes are read.
    """

    def __init__(self, seconds: float, most: int, *, learned: bool) -> None:
        self.seconds, self._most = LONGEST if learned else seconds, most
        self._unlearned = _LEARNED_FROM if learned else 0
        self._longest_pause = 0.0

    def whole(self, received: bytes, link: Link) -> bytes:
        """What has come, and what follows it until the line is quiet; raises LinkError."""
        last = link.now()
        while len(received) < self._most and (more := link.receive(last + self.seconds)):
            received += more
            self._longest_pause = max(self._longest_pause, link.now() - last)
            last = link.now()
        if self._unlearned:
            self._unlearned -= 1
            if not self._unlearned:
                self.seconds = min(_PAUSE_FACTOR * self._longest_pause, LONGEST)
        return received

    def too_short(self) -> None:
        """An answer came in pieces that were farther apart."""
        self.seconds = min(max(2 * self.seconds, _FIRST), LONGEST)
