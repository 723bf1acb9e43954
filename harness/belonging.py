"""To which message a frame belongs: the one that is out, one before it, a probe behind it, or none."""

from __future__ import annotations

from enum import Enum

from harness.interfaces import Frame, FrameKind, WireProtocol
from harness.latency import Latency
from harness.notes import Notes
from harness.reading import Reading, Sent


class Whose(Enum):
    """What a frame is: no frame, an answer to one of the messages, the probe's proper answer, or unsolicited."""

    STRAY = "stray"
    ONE_NOT_WAITED_FOR = "one not waited for"
    ONE_GIVEN_UP = "one given up"
    THIS = "this"
    PROBE = "probe"
    NOBODYS = "nobody's"


class Outstanding:
    """The messages of one link that went out and were not waited for, in the order of sending, and whose a frame is.

    On an `adaptive` link what comes late still goes to the message of the record that was given up, and `latency`
    learns of it.
    """

    def __init__(self, protocol: WireProtocol, notes: Notes, latency: Latency, *, adaptive: bool) -> None:
        self._protocol, self._notes, self._latency, self._adaptive = protocol, notes, latency, adaptive
        self._sent: list[Sent] = []

    def __bool__(self) -> bool:
        return bool(self._sent)

    @property
    def owed(self) -> bool:
        """True while one of them must still be answered."""
        return any(sent.expects and not sent.replies for sent in self._sent)

    def begin(self) -> None:
        """Start a new record."""
        self._sent = []

    def add(self, sent: list[Sent]) -> None:
        """These are out."""
        self._sent += sent

    def take_last(self) -> Sent:
        """The last one: it is waited for, now."""
        return self._sent.pop()

    def excuse(self) -> None:
        """Whoever closes the connection wants no answer any more."""
        for sent in self._sent:
            sent.expects = False

    def give_up(self, now: float) -> None:
        """They go on record as they are, and are answered late or never; link seconds."""
        self._notes.exchanges.extend(sent.exchange(now) for sent in self._sent)
        self._sent = []

    def whose(self, frame: Frame, reading: Reading, now: float) -> Whose:
        """Whose a frame is that came at `now`; where it is not this message's answer, it is noted there."""
        if frame.kind is FrameKind.STRAY:
            return Whose.STRAY
        if earlier := self._not_waited_for(frame, reading):
            earlier.replies.append(frame.data)
            return Whose.ONE_NOT_WAITED_FOR
        if self._is_bent(reading) and self._names_one(frame) and self.comes_late(frame, now):
            return Whose.ONE_GIVEN_UP
        if frame.kind is FrameKind.REPLY and reading.is_answered_by(frame, self._protocol):
            return Whose.THIS
        if reading.serves(frame, self._protocol):
            return Whose.PROBE
        late = self._adaptive and self.comes_late(frame, now)
        return Whose.ONE_GIVEN_UP if late else Whose.NOBODYS

    def comes_late(self, frame: Frame, now: float) -> bool:
        """True when the frame answers a message of this record that was given up; it is noted there."""
        if (exchange := self._notes.late(frame)) is None:
            return False
        self._latency.late(exchange.message, now - exchange.sent_at)
        return True

    def _not_waited_for(self, frame: Frame, reading: Reading) -> Sent | None:
        """The message that was not waited for and that the frame answers: the first that has no answer yet.

        To one that is no proper message any reply may belong: it gives way to a later one that the reply names.
        """
        if frame.kind is not FrameKind.REPLY:
            return None
        protocol = self._protocol
        asked = [sent for sent in self._sent if not sent.replies and protocol.answers(sent.data, frame)]
        if not asked or asked[0].expects or not self._names_one(frame):
            return asked[0] if asked else None
        if proper := next((sent for sent in asked if sent.expects), None):
            return proper
        named = protocol.expects_reply(reading.sent) and reading.is_answered_by(frame, protocol)
        return None if named else asked[0]

    def _names_one(self, frame: Frame) -> bool:
        """True where it can be told which message a reply is to: it would be none to the probe, for one."""
        return not self._protocol.answers(self._protocol.probe.data, frame)

    def _is_bent(self, reading: Reading) -> bool:
        """True where what is out is no proper message: any reply may be its, or that of one before which it names."""
        return bool(reading.sent) and not self._protocol.expects_reply(reading.sent)
