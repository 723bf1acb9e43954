"""Runs the steps of one test case over one link and records what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.case import LiveField, Reconnect, Reset, Send, Step, Stimulate, Wait
from harness.errors import LinkClosed
from harness.guard import Guard, GuardedLink
from harness.interfaces import Callback, Conversation, Frame, FrameKind, Handles, Link, Target, Transport, WireProtocol
from harness.transcript import Exchange

_SHORTEST_QUIET = 0.02
_QUIET_FACTOR = 4.0


class Executor:
    """One interface's hands: an open link, the guard in it, and the conversation with the device.

    `reply_timeout` and every deadline are link seconds. `adaptive` shortens the wait for a reply that need not
    come, once the device's real latency is known; it is for links on the wall clock only.
    """

    def __init__(
        self,
        protocol: WireProtocol,
        transport: Transport,
        target: Target,
        guard: Guard,
        *,
        reply_timeout: float,
        open_timeout: float,
        adaptive: bool,
        callbacks: Mapping[str, Callback] | None = None,
    ) -> None:
        self.protocol, self._transport, self._target, self._guard = protocol, transport, target, guard
        self._timeout, self._open_timeout, self._adaptive = reply_timeout, open_timeout, adaptive
        self._callbacks = callbacks or {}
        self._slowest = 0.0
        self._link: Link | None = None
        self._handles: Handles | None = None
        self.conversation = Conversation()
        self._sent: dict[int, bytes] = {}
        self.performed = 0
        self.exchanges: list[Exchange] = []
        self.frames: list[Frame] = []
        self._act: dict[type, Callable[..., object]] = {
            Send: self.send,
            Wait: self._wait,
            Reconnect: self._reconnect,
            Reset: self._reset,
            Stimulate: self._stimulate,
        }

    @property
    def link(self) -> Link:
        """The open link; opens it if need be. Raises LinkError."""
        if self._link is None:
            link = self._transport.open(self._open_timeout)
            self._handles = link if isinstance(link, Handles) else None
            self._link = GuardedLink(link, self._guard)
        return self._link

    def close(self) -> None:
        """Close the link, if open."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def begin(self, conversation: Conversation | None = None) -> None:
        """Start a new record; with a conversation, go on where that one stood."""
        self.exchanges, self.frames = [], []
        if conversation is not None:
            self.conversation = conversation.copy()
            self._guard.forget()

    def run(self, steps: tuple[Step, ...]) -> None:
        """Perform the steps in order, counting them in `performed`; raises LinkError, GuardRefused, TargetError."""
        self._sent = {}
        self.performed = 0
        for number, step in enumerate(steps):
            self._act[type(step)](step)
            if isinstance(step, Send):
                self._sent[number] = self.exchanges[-1].sent
            self.performed = number + 1

    def send(self, step: Send) -> Frame | None:
        """Send one message and read until its answer or the deadline; returns the answer."""
        link = self.link
        if self._handles is not None and self._handles.fresh():
            self.conversation = Conversation()
        data = self._resolved(step)
        expects = self.protocol.expects_reply(data)
        sent_at = link.now()
        link.send(data, sent_at + self._timeout)
        deadline = sent_at + (self._timeout if expects or not self._adaptive else self._quiet())
        return self._collect(step.message, data, sent_at, deadline, expects=expects)

    def _resolved(self, step: Send) -> bytes:
        """The bytes to send: those of a boofuzz edge callback, else the template's with live fields computed in order.

        The callback runs first, because boofuzz's may set session variables that the message itself uses.
        """
        if step.replay_of >= 0:
            return self._earlier(step)
        callback = self._callbacks.get(step.callback)
        if callback and (replaced := callback(self.conversation, step.data)):
            return replaced
        data = step.data
        for live in step.live:
            value = self._live(live, data)
            data = data[: live.offset] + value + data[live.offset + live.length :]
        return data

    def _live(self, live: LiveField, data: bytes) -> bytes:
        """A live field's bytes; `handle:UUID` is what the link found in the device's GATT table."""
        scheme, _colon, uuid = live.name.partition(":")
        if scheme == "handle" and self._handles is not None:
            return self._handles.handle(uuid).to_bytes(2, "little")
        return self.protocol.resolve(live, data, self.conversation)

    def _earlier(self, step: Send) -> bytes:
        """The bytes of an earlier send of this case, as they went out."""
        return self._sent.get(step.replay_of, step.data)

    def _quiet(self) -> float:
        return min(self._timeout, max(_SHORTEST_QUIET, _QUIET_FACTOR * self._slowest))

    def _collect(self, message: str, sent: bytes, sent_at: float, deadline: float, *, expects: bool) -> Frame | None:
        link, protocol = self.link, self.protocol
        replies: list[bytes] = []
        unsolicited: list[bytes] = []
        stray, buffer, total = b"", b"", 0
        answer: Frame | None = None
        try:
            while (answer is None or link.whole) and total < protocol.max_reply:
                received = link.receive(deadline)
                if not received:
                    break
                total += len(received)
                frames, buffer = protocol.split(buffer + received)
                for frame in frames:
                    self._take(frame, deadline)
                    if frame.kind is FrameKind.STRAY:
                        stray += frame.data
                    elif frame.kind is FrameKind.REPLY and protocol.answers(sent, frame):
                        replies.append(frame.data)
                        answer = answer or frame
                    else:
                        unsolicited.append(frame.data)
        finally:
            ended = link.now()
            self.exchanges.append(
                Exchange(
                    message,
                    sent,
                    tuple(replies),
                    tuple(unsolicited),
                    stray + buffer,
                    sent_at,
                    ended,
                    bool(replies),
                    expects,
                )
            )
        if answer is not None and self._adaptive:
            self._slowest = max(self._slowest, ended - sent_at)
        return answer

    def _take(self, frame: Frame, deadline: float) -> None:
        """Learn from a frame, and answer a keep-alive at once."""
        self.frames.append(frame)
        self.conversation.last_received = frame.data
        if reply := self.protocol.learn(frame, self.conversation):
            self.link.send(reply, deadline)

    def _wait(self, step: Wait) -> None:
        self.listen(step.seconds)

    def listen(self, seconds: float) -> None:
        """Let time pass and record what comes unasked."""
        deadline = self.link.now() + seconds
        while self.link.now() < deadline:
            self._collect("", b"", self.link.now(), deadline, expects=False)
            if not self.exchanges[-1].unsolicited and not self.exchanges[-1].stray:
                self.exchanges.pop()

    def _reconnect(self, _step: Reconnect) -> None:
        self.close()
        _ = self.link

    def _reset(self, _step: Reset) -> None:
        self._target.reset()
        self._guard.forget()
        self.close()

    def _stimulate(self, step: Stimulate) -> None:
        self._target.stimulate(step.stimulus, step.value)

    def probe(self) -> Frame | None:
        """The probe's proper answer, or None when the target does not serve, also after resynchronization."""
        resynchronization = self.protocol.resynchronization
        for attempt in range(3):
            try:
                answer = self.send(self.protocol.probe)
                if answer is not None and self.protocol.served(answer):
                    return answer
                if attempt == 0:
                    self.listen(resynchronization.seconds)
                    if resynchronization.filler:
                        self.link.send(resynchronization.filler, self.link.now() + self._timeout)
                        self.listen(resynchronization.seconds)
                else:
                    self._reconnect(Reconnect())
            except LinkClosed:
                self.close()
        return None
