"""What an executor notes while it waits: messages that are out, and what has come since one was sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness.interfaces import Frame, WireProtocol
from harness.transcript import Exchange

_TRICKLES = 4  # pieces


@dataclass(slots=True)
class Sent:
    """A message that the next step did not wait for, and what has answered it since. Times are link seconds."""

    message: str
    data: bytes
    expects: bool
    at: float = 0.0
    replies: list[bytes] = field(default_factory=list[bytes])

    def exchange(self, ended: float) -> Exchange:
        """As it goes on record."""
        replies = tuple(self.replies)
        return Exchange(self.message, self.data, replies, (), b"", self.at, ended, bool(replies), self.expects)


@dataclass(slots=True)
class Reading:
    """What has come since a message was `sent`, or a probe that was `asked` before; only a `proper` answer ends it.

    An `eager` one has a probe sent `behind` the message when no answer has come for a while: where a device serves that
    one, it answers the message no more.
    """

    sent: bytes
    asked: Sequence[bytes] = ()
    proper: Callable[[Frame], bool] | None = None
    eager: bool = False
    behind: Sent | None = None
    answer: Frame | None = None
    replies: list[bytes] = field(default_factory=list[bytes])
    unsolicited: list[bytes] = field(default_factory=list[bytes])
    stray: bytes = b""
    buffer: bytes = b""
    total: int = 0
    _pieces: int = 0
    _first: tuple[float, int] = (0.0, 0)
    _last: float = 0.0

    def take(self, received: bytes, now: float) -> None:
        """Some bytes came; link seconds."""
        self.total += len(received)
        self._pieces, self._last = self._pieces + 1, now
        if self._pieces == 1:
            self._first = now, len(received)

    @property
    def pace(self) -> float:
        """Seconds for each byte, as they trickled in; 0 where they came in few pieces."""
        began, octets = self._first
        return (self._last - began) / (self.total - octets) if self._pieces >= _TRICKLES else 0.0

    def is_answered_by(self, frame: Frame, protocol: WireProtocol) -> bool:
        """True when the frame is the reply to what was sent, or asked."""
        return protocol.answers(self.sent, frame) or any(protocol.answers(earlier, frame) for earlier in self.asked)

    def replied(self, frame: Frame) -> None:
        """A frame answers it: the first that is proper is the answer."""
        self.replies.append(frame.data)
        if self.answer is None and (self.proper is None or self.proper(frame)):
            self.answer = frame

    def serves(self, frame: Frame, protocol: WireProtocol) -> bool:
        """True when the frame is the proper answer to the probe behind the message; that is noted."""
        behind = self.behind
        if behind is None or behind.replies or not (protocol.answers(behind.data, frame) and protocol.served(frame)):
            return False
        behind.replies.append(frame.data)
        return True

    def exchange(self, message: str, sent: bytes, sent_at: float, ended: float, *, expects: bool) -> Exchange:
        """As it goes on record."""
        replies, rest = tuple(self.replies), self.stray + self.buffer
        return Exchange(message, sent, replies, tuple(self.unsolicited), rest, sent_at, ended, bool(replies), expects)
