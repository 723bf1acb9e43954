"""Runs the steps of one test case over one link and records what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.belonging import Outstanding, Whose
from harness.callback_socket import CallbackSocket
from harness.case import LiveField, Procedure, Reconnect, Reset, Send, Step, Stimulate, Wait
from harness.connection import Connection, nothing_lost
from harness.errors import LinkClosed, LinkError, UsageError
from harness.guard import Guard, GuardedLink
from harness.hang_ups import HangUps
from harness.interfaces import (
    AFTER_CASE,
    BEFORE_CASE,
    ON_CONNECTION,
    Callback,
    Conversation,
    Frame,
    FrameKind,
    LetsPass,
    Target,
    Transport,
    WireProtocol,
)
from harness.latency import SHORTEST_QUIET, Haste
from harness.notes import Notes
from harness.patience import Patience, Standing
from harness.quiet_gap import QuietGap
from harness.reading import Reading, Sent
from harness.transcript import Exchange

_GREETING_SECONDS, _GREETING_FACTOR = 0.2, 4.0
_ON_ITS_WAY = 0.02


class Executor:
    """One interface's hands: an open link, the guard in it, and the conversation with the device.

    `reply_timeout` and every deadline are link seconds. `adaptive` is for links on the wall clock: it shortens the wait
    for a reply that need not come, once the device's real latency is known, reads what is left over before it sends,
    and adds the seconds that this machine `lost` meanwhile to a deadline. A link that does not open is tried again for
    `open_timeout`; the device gets `pause` seconds between two connections. `overdue`: a probe behind the last message
    of a case had its time, and was not served. `ended`: the device ended what could be said on the open link. `left`:
    it closed the link behind an earlier answer, and may not have read what was sent last.
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
        lost: Callable[[float], float] = nothing_lost,
        pause: float = 0.0,
    ) -> None:
        self.protocol, self._target, self._guard = protocol, target, guard
        self.timeout, self._adaptive = reply_timeout, adaptive
        self.connection = Connection(
            transport, target, guard, self._anew, open_timeout=open_timeout, pause=pause, lost=lost
        )
        self._callbacks = callbacks or {}
        self._before = self._callbacks.get(BEFORE_CASE, self._callbacks.get(ON_CONNECTION))
        self._after = self._callbacks.get(AFTER_CASE)
        self._introduced = self._used = False
        self._reopens = self._lone = self._proves = self.left = False
        self._hang_ups = HangUps()
        self._passive = not protocol.probe.data
        self._patience = Patience(reply_timeout, adaptive=adaptive, steady=self._passive, lost=lost)
        self._latency = self._patience.latency
        learned = adaptive and not protocol.framed and not transport.quiet_gap
        self._gap = QuietGap(transport.quiet_gap, protocol.max_reply, learned=learned)
        self._greeting = 0.0 if self._before else -1.0
        self.greeting = b""
        self._held: list[Sent] = []
        self._asked: list[bytes] = []
        self.eager = adaptive and protocol.framed and not self._callbacks
        self._last = False
        self._served: Frame | None = None
        self._heard: Frame | None = None
        self.overdue = False
        self._bytes = self._begun = b""
        self.ended = False
        self.conversation = Conversation()
        self._sent: dict[int, bytes] = {}
        self.performed = 0
        self.mutated = False
        self.notes = Notes(protocol)
        self._outstanding = Outstanding(protocol, self.notes, self._latency, adaptive=adaptive)
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
        return self.connection.link

    @property
    def exchanges(self) -> list[Exchange]:
        """What was said in this record, in the order of sending."""
        return self.notes.exchanges

    @property
    def frames(self) -> list[Frame]:
        """What came in this record."""
        return self.notes.frames

    @property
    def over(self) -> bool:
        """True where nothing is due on this connection any more: a message was only begun, or the device ended it."""
        return bool(self._begun) or self.ended

    @property
    def silence(self) -> float:
        """Seconds since the last answer of this record; since it began where there was none."""
        answered = [exchange.ended_at for exchange in self.exchanges if exchange.answered]
        began = [exchange.sent_at for exchange in self.exchanges[:1]]
        return self.now() - max((*answered, *began), default=self.now())

    def now(self) -> float:
        """The link's clock, or the target's while no link is open."""
        return self.connection.now()

    def close(self) -> None:
        """Close the link, if open; what is still waited for is given up."""
        self._asked = []
        if self._outstanding:
            self._outstanding.give_up(self.now())
        self.connection.close()

    def renew(self, patience: float, since: float | None = None) -> None:
        """Close the link and open it again within `patience` seconds, counted `since` then; raises LinkError."""
        self.close()
        self.connection.renew(patience, since)

    def _anew(self) -> None:
        """A link was opened: a script introduces itself on it; what a device says by itself is no answer.

        Whether it does, the first link shows.
        """
        self._introduced = self._used = self.overdue = False
        self._hang_ups.opened()
        self._keep_pace()
        self._served, self._heard, self._begun, self.ended = None, None, b"", False
        self.conversation.connected.clear()
        if not self._adaptive or not self.connection.stream or self._greeting == 0.0:
            return
        began, first = self.now(), self._greeting < 0.0
        wait = _GREETING_SECONDS if first else _GREETING_SECONDS + _GREETING_FACTOR * self._greeting
        heard = greeting = self._hear(began + wait, greeting=True)
        if first:
            self._greeting = self.now() - began if heard else 0.0
        while heard and self.now() < began + wait + self.timeout:  # it may never be quiet
            heard = self._hear(self.now() + max(self._gap.seconds, SHORTEST_QUIET), greeting=True)
            greeting += heard
        self.greeting = greeting

    def _keep_pace(self) -> None:
        """On a line that is known to be slow, or seen to be, a message has its time from when it is through."""
        link = self.connection.open_link
        if link is not None:
            link.byte_seconds = max(self.connection.transport.byte_seconds, self._latency.pace)

    def begin(self, conversation: Conversation | None = None) -> None:
        """Start a new record; with a conversation, go on where that one stood."""
        self.notes.begin()
        self._outstanding.begin()
        if conversation is not None:
            self.conversation = conversation.copy()
            self._guard.forget()

    def restored(self) -> None:
        """The device is back at an earlier moment: what was on the line has never been."""
        if (link := self.connection.open_link) is not None:
            link.through = 0.0

    def run(self, steps: tuple[Step, ...], *, reopens: bool = False, haste: Haste = Haste.NONE) -> None:
        """Perform the steps in order, counting them in `performed`; `mutated` once a mutated message is out.

        With `reopens` a link that the device closed while it owed no answer is opened anew, if that can be done at
        once: many a server serves one message a connection. In `haste` the probe is asked behind the last message
        where no answer comes as soon as usual, instead of waiting out the reply timeout, and answers to others that
        never came so far are not waited for; in more haste none is for long that a deaf device would not give.
        Raises LinkError, GuardRefused, TargetError, and OwnError from a script's callback.
        """
        self._sent, self._reopens, self._served, self.overdue = {}, reopens, None, False
        self._patience.haste = haste if self.eager else Haste.NONE
        self.performed, self.mutated, self.left = 0, False, False
        self._lone, self._proves = reopens, haste in (Haste.NONE, Haste.LITTLE)
        if steps and BEFORE_CASE in self._callbacks:
            self._introduced = False
        try:
            for number, step in enumerate(steps):
                self._last = number + 1 == len(steps)
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
            self._suspect(error)
            self._conclude(steps, error)
            raise
        finally:
            self._held, self._reopens, self._patience.haste = [], False, Haste.NONE
        self._conclude(steps)

    def _introduce(self) -> None:
        """What a script does before all else on a connection or in a case, once: a banner read, a login."""
        self.connection.open()
        if not self._introduced and self._before:
            self._introduced = True
            self._before(self.conversation, b"", CallbackSocket(self, self.timeout))
            self._introduced = True  # although it may have made another connection

    def _conclude(self, steps: tuple[Step, ...], broken: LinkError | None = None) -> None:
        """What a script does at the end of a case, also of one that broke the link."""
        if steps and self._after:
            self._after(self.conversation, b"", CallbackSocket(self, self.timeout, broken))

    def _let_go(self, *last: bytes, at_the_end: bool = False) -> None:
        """Put what was held back on the wire, and `last` with it."""
        if not self._held:
            return
        now, held, self._held = self.link.now(), self._held, []
        self.link.burst([*(sent.data for sent in held), *last], now + self.timeout, awaited=bool(last) or at_the_end)
        for sent in held:
            sent.at = now
        self._outstanding.add(held)

    def _catch_up(self) -> None:
        """Read what answers the messages that no step waited for."""
        self._let_go(at_the_end=True)
        if self._outstanding:
            last = self._outstanding.take_last()
            self._collect(last.message, last.data, last.at, self.timeout, expects=last.expects)

    def send(self, step: Send) -> Frame | None:
        """Send one message and read until its answer or the deadline; returns the answer.

        One that is not waited for is held back and goes out with the next step, in one piece where the link can.
        """
        return self._send(step, self.timeout)

    def _send(
        self,
        step: Send,
        timeout: float,
        asked: Sequence[bytes] = (),
        proper: Callable[[Frame], bool] | None = None,
    ) -> Frame | None:
        """As `send`; a frame that answers what was `asked` before is taken as well, one that is not `proper` is not."""
        self.connection.open()
        if not self._held:
            self._refresh()
            if self._adaptive and (self._introduced or not self._before):  # a script wants to hear it all
                self._make_ready()
        self._introduce()
        if self._passive and not step.data and (heard := self._standing(step, proper)) is not None:
            return heard
        self._bytes = data = self._resolved(step)
        link = self.link  # a callback may have made another connection
        self.greeting, self._used = b"", True
        self._heard, self._patience.telling = None, not (self._passive and (step.mutated or step.replay_of >= 0))
        expects = not self.over and self.protocol.expects_reply(data)
        self._begun = self.protocol.unfinished(self._begun + data)
        if not step.wait:
            self._held.append(Sent(step.message, data, expects))
            return None
        sent_at = link.now()
        if self._held:
            self._let_go(data)
        else:
            link.send(data, sent_at + self.timeout)
        how = Standing(expects, bool(self._outstanding), self._last, self.notes.is_unanswered, self.ended)
        seconds = self._patience.seconds(step, timeout, how)
        return self._collect(step.message, data, sent_at, seconds, expects=expects, asked=asked, proper=proper)

    def _standing(self, step: Send, proper: Callable[[Frame], bool] | None) -> Frame | None:
        """What the device said by itself last, where nothing was sent since: whoever waits for its word has it."""
        heard = self._heard
        if heard is None or self._held or self._outstanding or not self.protocol.answers(b"", heard):
            return None
        if proper is not None and not proper(heard):
            return None
        self.protocol.learn(heard, self.conversation)
        now, self._bytes = self.now(), b""
        self.exchanges.append(Exchange(step.message, b"", (heard.data,), (), b"", now, now, True, True))
        return heard

    def _make_ready(self) -> None:
        """A link without leftovers; another one, where more can be said there only."""
        try:
            self._drain()
            if self.ended and self._reopens:
                self.renew(self.connection.at_once)
                self._refresh()
        except LinkClosed:
            if not self._reopens or self.notes.is_unanswered:
                raise
            if not self.ended:
                self._hang_ups.came_true()
            self.renew(self.connection.at_once)
            self._refresh()

    def _drain(self) -> None:
        """Read what is left over: a late answer belongs to the message before, and is none to the next one.

        A device that hangs up behind its answers is given a moment to do so, until it has not for a while.
        """
        until, moment = self.now() + self.timeout, 0.0
        if self._used and self._reopens and not self.ended:
            moment = self._hang_ups.moment(self.timeout, proves=self._proves)
        while self._hear(self.now() + moment) and self.now() < until:
            pass

    def _suspect(self, error: LinkError) -> None:
        """A link broke: what was sent last, if not answered, the device may have left behind unread."""
        last = self.exchanges[-1] if self.exchanges else None
        if not isinstance(error, LinkClosed) or not self._lone or last is None or last.answered or last.replies:
            return
        self.left = self._hang_ups.suspected(self.now()) or self.left

    def _hear(self, deadline: float, *, greeting: bool = False) -> bytes:
        """Record what comes unasked up to the deadline, with the message before where it answers that; its bytes.

        A greeting answers nothing that was sent on an earlier connection, whatever it looks like.
        """
        link, protocol = self.link, self.protocol
        received = link.receive(deadline)
        if not received:
            return b""
        received = self._gap.whole(received, link)
        last = self.exchanges[-1] if self.exchanges else None
        if not protocol.framed and last is not None and last.answered:
            self._gap.too_short()
        frames, rest = protocol.split(received)
        while rest and (more := link.receive(link.now() + SHORTEST_QUIET)) and len(received) < protocol.max_reply:
            received += more
            frames, rest = protocol.split(received)
        for frame in frames:
            self._take(frame, link.now() + self.timeout)
            if frame.kind is FrameKind.STRAY:
                rest = frame.data + rest
            elif greeting or not self._outstanding.comes_late(frame, self.now()):
                self.notes.unasked(frame.data, b"", self.now())
        if rest:
            self.notes.unasked(b"", rest, self.now())
        return received

    def _refresh(self) -> None:
        """On another connection than before, another conversation."""
        if self.connection.fresh():
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
            if replaced := callback(self.conversation, step.data, CallbackSocket(self, self.timeout)):
                return replaced
        return step.filled(self._live)

    def _live(self, live: LiveField, data: bytes) -> bytes:
        """A live field's bytes; `handle:UUID` is what the link found in the device's GATT table."""
        scheme, _colon, uuid = live.name.partition(":")
        if scheme == "handle" and self.connection.handles is not None:
            return self.connection.handles.handle(uuid).to_bytes(2, "little")
        return self.protocol.resolve(live, data, self.conversation)

    def _earlier(self, step: Send) -> bytes:
        """The bytes of an earlier send of this case, as they went out."""
        return self._sent.get(step.replay_of, step.data)

    def _collect(
        self,
        message: str,
        sent: bytes,
        sent_at: float,
        seconds: float,
        *,
        expects: bool,
        asked: Sequence[bytes] = (),
        proper: Callable[[Frame], bool] | None = None,
    ) -> Frame | None:
        """Read until the answer, at most `seconds` after all was through to the device, or the answer before."""
        link, protocol = self.link, self.protocol
        reading = Reading(sent, asked, proper, self._is_eager(message, seconds))
        since = max(sent_at, link.through) if message else sent_at
        deadline = since + seconds
        waits = proper is not None and bool(sent)  # a probe: what a device rests for may be over in its time
        try:
            while (
                reading.answer is None or self._outstanding.owed or link.whole
            ) and reading.total < protocol.max_reply:
                until = self._until(reading, message, since, deadline) if reading.eager else deadline
                received = link.receive(until)
                if not received:
                    if until < deadline and reading.behind is None:
                        since = max(self._ask_behind(reading), link.through)
                        seconds = self._patience.behind(protocol.probe.message, seconds)
                        deadline = since + seconds
                        continue
                    if link.whole and waits and reading.answer is None and link.now() < deadline:
                        waits = False
                        continue
                    due = expects or reading.behind is not None or self._outstanding.owed
                    if until == deadline and due and (later := self._later(since, seconds, deadline)) > deadline:
                        deadline = later
                        continue
                    break
                if self._gap.seconds and not protocol.framed:
                    received = self._gap.whole(received, link)
                reading.take(received, link.now())
                frames, reading.buffer = protocol.split(reading.buffer + received)
                for frame in frames:
                    if self._file(frame, reading, deadline):
                        deadline = max(deadline, link.now() + seconds)
                if self.ended:
                    break
        finally:
            self._put_down(reading, message, sent_at, expects=expects)
        return reading.answer

    def _put_down(self, reading: Reading, message: str, sent_at: float, *, expects: bool) -> None:
        """On record, in the order of sending; how long an answer takes here is learned, and forgotten again."""
        ended = self.now()
        self._outstanding.give_up(ended)
        self.exchanges.append(reading.exchange(message, reading.sent, sent_at, ended, expects=expects))
        if reading.behind is not None:
            self.exchanges.append(reading.behind.exchange(ended))
            if not reading.behind.replies:
                self._asked.append(reading.behind.data)
                self.overdue = reading.answer is None
        answered = reading.answer is not None
        self._patience.learn(message, ended - sent_at, reading.pace, expects=expects, answered=answered)
        if answered:
            self._hang_ups.answered(ended)
        if self._adaptive and answered:
            self._keep_pace()

    def _is_eager(self, message: str, seconds: float) -> bool:
        """True where the wait for an answer can be cut short: the probe's own cannot be told from another probe's."""
        if self._patience.haste in (Haste.NONE, Haste.LITTLE) or not self._last or not self._latency.known:
            return False
        if message == self.protocol.probe.message or self.over:
            return False
        return self.connection.handles is None and not self.link.whole and self._latency.quiet(message) < seconds

    def _until(self, reading: Reading, message: str, since: float, deadline: float) -> float:
        """When to look up from the line: an answer is overdue, or the probe behind the message was served instead."""
        if reading.behind is not None and not reading.behind.replies:
            return deadline
        began = since if reading.behind is None else self.link.now()
        return min(deadline, began + self._latency.quiet(message))

    def _ask_behind(self, reading: Reading) -> float:
        """Send the probe behind the message; when that was."""
        probe, link = self.protocol.probe, self.link
        reading.behind = Sent(probe.message, self._resolved(probe), expects=True, at=link.now())
        self._heard = None
        link.send(reading.behind.data, reading.behind.at + self.timeout)
        return reading.behind.at

    def _file(self, frame: Frame, reading: Reading, deadline: float) -> bool:
        """Put one frame where it belongs; true when it answers a message that was sent at once with others."""
        self._take(frame, deadline)
        whose = self._outstanding.whose(frame, reading, self.now())
        if whose is Whose.STRAY:
            reading.stray += frame.data
        elif whose is Whose.THIS:
            reading.replied(frame)
        elif whose is Whose.PROBE:
            self._served = frame
        elif whose is Whose.NOBODYS:
            reading.unsolicited.append(frame.data)
        return whose is Whose.ONE_NOT_WAITED_FOR

    def _later(self, sent_at: float, seconds: float, deadline: float) -> float:
        """The deadline as the machine lost some time since the sending, else 0; a link that is done has no more."""
        now = self.link.now()
        return 0.0 if self.link.whole and now < deadline else self._patience.later(sent_at, seconds, now)

    def _take(self, frame: Frame, deadline: float) -> None:
        """Learn from a frame, and answer a keep-alive at once."""
        self.notes.take(frame)
        self._heard = frame if frame.kind is FrameKind.REPLY else self._heard
        self.conversation.last_received = frame.data
        self.ended = self.ended or self.protocol.ends(frame)
        if reply := self.protocol.learn(frame, self.conversation):
            self.link.send(reply, deadline)

    def _wait(self, step: Wait) -> None:
        self._introduce()
        self.listen(step.seconds)

    def listen(self, seconds: float) -> None:
        """Let time pass and record what comes unasked; what the machine loses meanwhile passes for the device, too."""
        if isinstance(self._target, LetsPass) and self._target.let_pass(seconds):
            seconds = min(seconds, _ON_ITS_WAY)
        deadline = self.link.now() + seconds
        while self.link.now() < deadline:
            now = self.link.now()
            self._collect("", b"", now, deadline - now, expects=False)
            last = self.exchanges[-1]
            came = b"".join((*last.replies, *last.unsolicited, last.stray))
            if not came or not self.notes.keeps(came):
                self.exchanges.pop()

    def _reconnect(self, _step: Reconnect) -> None:
        self._outstanding.excuse()
        self.reopen()

    def reopen(self) -> None:
        """Close the link and open it again; raises LinkError."""
        self.close()
        self.connection.open()

    def _reset(self, _step: Reset) -> None:
        self._target.reset()
        self._guard.forget()
        self.close()

    def _stimulate(self, step: Stimulate) -> None:
        self._target.stimulate(step.stimulus, step.value)

    def _procedure(self, step: Procedure) -> None:
        link = self.link
        if self.connection.performs is None:
            moniker = self.connection.transport.moniker
            raise UsageError(f"procedure '{step.name}': {moniker} does nothing but carry messages; use a ble: link")
        self._refresh()
        if not self.connection.performs.perform(step, self.connection.open_timeout):
            self._outstanding.give_up(link.now())

    def probe(self, seconds: float = 0.0) -> Frame | None:
        """Send the probe once; its proper answer, or that to an earlier one, in `seconds` (0: as long as it is due).

        One that was served behind the last message of a case need not be sent again.
        """
        served, self._served = self._served, None
        if served is not None:
            return served
        due = self.brief if self.connection.hurry else self.timeout
        try:
            answer = self._send(self.protocol.probe, seconds or due, self._asked, self.protocol.served)
        except LinkError as error:
            self._suspect(error)
            raise
        if answer is not None:
            self._asked = []
            return answer
        self._asked.append(self._bytes)
        return None

    @property
    def brief(self) -> float:
        """The seconds in which the probe is served where all is well, several times over."""
        return self._latency.brief(self.protocol.probe.message)

    @property
    def briefest(self) -> float:
        """The seconds in which most answers come, several times over: enough where nothing is to be proven."""
        return self._latency.deaf(self.protocol.probe.message)

    @property
    def unanswered(self) -> tuple[bytes, ...]:
        """The probes that went out on this link and were not answered so far."""
        return tuple(self._asked)

    def fill(self, data: bytes, seconds: float) -> None:
        """Put bytes on the wire that belong to no message, taking at most `seconds`; raises LinkError, GuardRefused."""
        self.link.send(data, self.now() + seconds)
