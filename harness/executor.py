"""Runs the steps of one test case over one link and records what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from harness.callback_socket import CallbackSocket
from harness.case import LiveField, Procedure, Reconnect, Reset, Send, Step, Stimulate, Wait
from harness.errors import LinkClosed, LinkError, UsageError
from harness.guard import Guard, GuardedLink
from harness.interfaces import (
    AFTER_CASE,
    BEFORE_CASE,
    ON_CONNECTION,
    Callback,
    Conversation,
    Frame,
    FrameKind,
    Handles,
    Performs,
    Target,
    Transport,
    WireProtocol,
)
from harness.transcript import Exchange

_SHORTEST_QUIET = 0.02
_QUIET_FACTOR = 4.0


@dataclass(slots=True)
class _Sent:
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
        self._before = self._callbacks.get(BEFORE_CASE, self._callbacks.get(ON_CONNECTION))
        self._after = self._callbacks.get(AFTER_CASE)
        self._introduced = False
        self._slowest = 0.0
        self._link: GuardedLink | None = None
        self._handles: Handles | None = None
        self._performs: Performs | None = None
        self._kind, self._can_handle, self._can_perform = type(None), False, False
        self._held: list[_Sent] = []
        self._open: list[_Sent] = []
        self._bytes = b""
        self.conversation = Conversation()
        self._sent: dict[int, bytes] = {}
        self.performed = 0
        self.mutated = False
        self.exchanges: list[Exchange] = []
        self.frames: list[Frame] = []
        self._act: dict[type, Callable[..., object]] = {
            Send: self.send,
            Wait: self._wait,
            Reconnect: self._reconnect,
            Reset: self._reset,
            Stimulate: self._stimulate,
            Procedure: self._procedure,
        }

    @property
    def link(self) -> GuardedLink:
        """The open link; opens it if need be. Raises LinkError."""
        if self._link is None:
            link = self._transport.open(self._open_timeout)
            if type(link) is not self._kind:  # it is dear to ask for a structural type at every reconnect
                self._kind = type(link)
                self._can_handle, self._can_perform = isinstance(link, Handles), isinstance(link, Performs)
            self._handles = cast("Handles", link) if self._can_handle else None
            self._performs = cast("Performs", link) if self._can_perform else None
            self._link = GuardedLink(link, self._guard)
            self._introduced = False
        return self._link

    def close(self) -> None:
        """Close the link, if open."""
        if self._link is not None:
            self._give_up(self._link.now())
            self._link.close()
            self._link = None

    def begin(self, conversation: Conversation | None = None) -> None:
        """Start a new record; with a conversation, go on where that one stood."""
        self.exchanges, self.frames, self._open = [], [], []
        if conversation is not None:
            self.conversation = conversation.copy()
            self._guard.forget()

    def run(self, steps: tuple[Step, ...]) -> None:
        """Perform the steps in order, counting them in `performed`; `mutated` once a mutated message is out.

        Raises LinkError, GuardRefused, TargetError, and OwnError from a script's callback.
        """
        self._sent = {}
        self.performed, self.mutated = 0, False
        if steps and BEFORE_CASE in self._callbacks:
            self._introduced = False
        try:
            for number, step in enumerate(steps):
                if isinstance(step, Send):
                    self.send(step)
                    self._sent[number] = self._bytes
                    self.mutated = self.mutated or step.mutated
                else:
                    self._let_go()
                    self._act[type(step)](step)
                self.performed = number + 1
            self._catch_up()
        except LinkError as error:
            self._conclude(steps, error)
            raise
        finally:
            self._held = []
        self._conclude(steps)

    def _introduce(self) -> None:
        """What a script does before all else on a connection or in a case, once: a banner read, a login."""
        _ = self.link
        if not self._introduced and self._before:
            self._introduced = True
            self._before(self.conversation, b"", CallbackSocket(self, self._timeout))
            self._introduced = True  # although it may have made another connection

    def _conclude(self, steps: tuple[Step, ...], broken: LinkError | None = None) -> None:
        """What a script does at the end of a case, also of one that broke the link."""
        if steps and self._after:
            self._after(self.conversation, b"", CallbackSocket(self, self._timeout, broken))

    def _let_go(self, *last: bytes, at_the_end: bool = False) -> None:
        """Put what was held back on the wire, and `last` with it."""
        if not self._held:
            return
        now, held, self._held = self.link.now(), self._held, []
        self.link.burst([*(sent.data for sent in held), *last], now + self._timeout, awaited=bool(last) or at_the_end)
        for sent in held:
            sent.at = now
        self._open += held

    def _catch_up(self) -> None:
        """Read what answers the messages that no step waited for."""
        self._let_go(at_the_end=True)
        if self._open:
            last = self._open.pop()
            self._collect(last.message, last.data, last.at, last.at + self._timeout, expects=last.expects)

    def _give_up(self, now: float) -> None:
        """What is open is answered no more."""
        self.exchanges += [sent.exchange(now) for sent in self._open]
        self._open = []

    def send(self, step: Send) -> Frame | None:
        """Send one message and read until its answer or the deadline; returns the answer.

        One that is not waited for is held back and goes out with the next step, in one piece where the link can.
        """
        _ = self.link
        if not self._held:
            self._refresh()
        self._introduce()
        self._bytes = data = self._resolved(step)
        link = self.link  # a callback may have made another connection
        expects = self.protocol.expects_reply(data)
        if not step.wait:
            self._held.append(_Sent(step.message, data, expects))
            return None
        sent_at = link.now()
        if self._held:
            self._let_go(data)
        else:
            link.send(data, sent_at + self._timeout)
        deadline = sent_at + (self._timeout if expects or self._open or not self._adaptive else self._quiet())
        return self._collect(step.message, data, sent_at, deadline, expects=expects)

    def _refresh(self) -> None:
        """On another connection than before, another conversation."""
        if self._handles is not None and self._handles.fresh():
            self.conversation = Conversation()

    def _resolved(self, step: Send) -> bytes:
        """The bytes to send: those of a boofuzz edge callback, else the template's with live fields computed in order.

        The callback runs first, because boofuzz's may set session variables that the message itself uses.
        """
        if step.replay_of >= 0:
            return self._earlier(step)
        callback = self._callbacks.get(step.callback)
        if callback:
            self._catch_up()  # what it receives must not be the answers to earlier messages
            if replaced := callback(self.conversation, step.data, CallbackSocket(self, self._timeout)):
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
            while (answer is None or self._missing() or link.whole) and total < protocol.max_reply:
                received = link.receive(deadline)
                if not received:
                    break
                total += len(received)
                frames, buffer = protocol.split(buffer + received)
                for frame in frames:
                    self._take(frame, deadline)
                    if frame.kind is FrameKind.STRAY:
                        stray += frame.data
                    elif self._open and self._answers_earlier(frame):
                        continue
                    elif frame.kind is FrameKind.REPLY and protocol.answers(sent, frame):
                        replies.append(frame.data)
                        answer = answer or frame
                    else:
                        unsolicited.append(frame.data)
        finally:
            ended = link.now()
            self._give_up(ended)
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

    def _missing(self) -> bool:
        return any(sent.expects and not sent.replies for sent in self._open)

    def _answers_earlier(self, frame: Frame) -> bool:
        """True when the frame answers a message that was not waited for, the first that has no answer yet."""
        for sent in self._open:
            if not sent.replies and frame.kind is FrameKind.REPLY and self.protocol.answers(sent.data, frame):
                sent.replies.append(frame.data)
                return True
        return False

    def _take(self, frame: Frame, deadline: float) -> None:
        """Learn from a frame, and answer a keep-alive at once."""
        self.frames.append(frame)
        self.conversation.last_received = frame.data
        if reply := self.protocol.learn(frame, self.conversation):
            self.link.send(reply, deadline)

    def _wait(self, step: Wait) -> None:
        self._introduce()
        self.listen(step.seconds)

    def listen(self, seconds: float) -> None:
        """Let time pass and record what comes unasked."""
        deadline = self.link.now() + seconds
        while self.link.now() < deadline:
            self._collect("", b"", self.link.now(), deadline, expects=False)
            if not self.exchanges[-1].unsolicited and not self.exchanges[-1].stray:
                self.exchanges.pop()

    def _reconnect(self, _step: Reconnect) -> None:
        self.reopen()

    def reopen(self) -> None:
        """Close the link and open it again; raises LinkError."""
        self.close()
        _ = self.link

    def _reset(self, _step: Reset) -> None:
        self._target.reset()
        self._guard.forget()
        self.close()

    def _stimulate(self, step: Stimulate) -> None:
        self._target.stimulate(step.stimulus, step.value)

    def _procedure(self, step: Procedure) -> None:
        link = self.link
        if self._performs is None:
            moniker = self._transport.moniker
            raise UsageError(f"procedure '{step.name}': {moniker} does nothing but carry messages; use a ble: link")
        self._refresh()
        if not self._performs.perform(step, self._open_timeout):
            self._give_up(link.now())

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
                    self.reopen()
            except LinkClosed:
                self.close()
        return None
