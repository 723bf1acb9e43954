"""What is put down of a case while it runs: exchanges as they were sent, frames, and what nobody asked for, bounded."""

from __future__ import annotations

from dataclasses import replace

from harness.interfaces import Frame, FrameKind, WireProtocol
from harness.transcript import Exchange

_MOST_UNASKED, _ENTRY = 1 << 22, 1 << 12  # bytes of a record that nobody asked for, and what each entry of it costs
_MOST_FRAMES = 1 << 12


class Notes:
    """Times are link seconds. `frames` are the first that came, whatever they belong to."""

    def __init__(self, protocol: WireProtocol) -> None:
        self._protocol = protocol
        self.begin()

    def begin(self) -> None:
        """Start a new record."""
        self.exchanges: list[Exchange] = []
        self.frames: list[Frame] = []
        self._unasked = 0

    @property
    def is_unanswered(self) -> bool:
        """True where the last message had no answer, and one was due."""
        return any(exchange.reply_expected and not exchange.answered for exchange in self.exchanges[-1:])

    def take(self, frame: Frame) -> None:
        """A frame came; beyond the bounds it is not kept."""
        if len(self.frames) < _MOST_FRAMES and self._unasked <= _MOST_UNASKED:
            self.frames.append(frame)

    def unasked(self, unsolicited: bytes, stray: bytes, now: float) -> None:
        """What the device said by itself, as far as there is room."""
        if self.keeps(unsolicited + stray):
            frames = (unsolicited,) if unsolicited else ()
            self.exchanges.append(Exchange("", b"", (), frames, stray, now, now, False, False))

    def keeps(self, unasked: bytes) -> bool:
        """True as long as there is room on record: a device that talks without end would fill the memory."""
        self._unasked += len(unasked) + _ENTRY
        return self._unasked <= _MOST_UNASKED

    def late(self, frame: Frame) -> Exchange | None:
        """The message of this record that was given up and that the frame answers; it goes on record there."""
        for place, exchange in enumerate(self.exchanges):
            given_up = exchange.reply_expected and not exchange.answered and frame.kind is FrameKind.REPLY
            if given_up and exchange.sent and self._protocol.answers(exchange.sent, frame):
                self.exchanges[place] = replace(exchange, replies=(frame.data,), answered=True)
                return exchange
        return None
