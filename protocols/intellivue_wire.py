"""IntelliVue Data Export on the wire: one message a datagram, invoke ids, the MDS Create event, associations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.intellivue_pdu import (
    ABORT,
    ACCEPT,
    CONFIRMED_ACTION,
    CONFIRMED_EVENT_REPORT,
    CONNECT,
    DISCONNECT,
    ERROR,
    FINISH,
    INVOKE,
    MDS_CREATE,
    REFUSE,
    Operation,
    created,
    event_of,
    operation_of,
    session_of,
    size_of,
)
from protocols.intellivue_read import lists_add_up, polled_of, read
from protocols.wire import LazyFields, Wire, counted, stray

INVOKE_ID, EVENT_ID, PROBE, ENDING = "invoke_id", "event_id", "probe", "ending"
ASSOCIATED, EVENT, TRIES = "associated", "event", "tries"
_BEGINS = re.compile(rb"\xe1\0|[\x09\x0a\x0c\x0d\x0e\x19]")
_LONGEST = 4096
Code = bytes


class IntellivueWire(Wire):
    """`codes` tell each message: a session's type, or an operation's kind, command and, of a poll, action and class."""

    def __init__(self, codes: Mapping[str, Code], request: bytes, poll: bytes) -> None:
        self._codes, self._request, self._poll = dict(codes), request, poll

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole messages; a request or a release of the monitor's own is unsolicited. A datagram leaves no rest."""
        frames: list[Frame] = []
        while buffer:
            size = size_of(buffer)
            if 0 < size <= len(buffer):
                frames.append(_frame(buffer[:size]))
            else:
                found = _BEGINS.search(buffer, 1)
                size = len(buffer) if size > len(buffer) or found is None else found.start()
                frames += stray(buffer[:size])
            buffer = buffer[size:]
        return tuple(frames), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The next invoke id, that of the monitor's last event; the probe: a poll, or a request to associate."""
        if live.name == INVOKE_ID:
            return counted(conversation, INVOKE_ID, 2)
        if live.name == EVENT_ID:
            return int(conversation.connected.get(EVENT, 0)).to_bytes(2)
        if live.name == PROBE:
            return self._probing(conversation)
        if live.name == ENDING:
            conversation.connected.pop(ASSOCIATED, None)
            return b""
        return super().resolve(live, data, conversation)

    def _probing(self, conversation: Conversation) -> bytes:
        """A poll in an association, else the request for one; where that was not answered, the other.

        A monitor ends an association without a word, and may have taken a bent message for its end, or not.
        """
        tries = int(conversation.connected.get(TRIES, 0))
        conversation.connected[TRIES] = tries + 1
        if bool(conversation.connected.get(ASSOCIATED)) == bool(tries % 2):
            return self._request
        return self._poll[:8] + counted(conversation, INVOKE_ID, 2) + self._poll[10:]

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Whether there is an association; what the monitor wants confirmed is confirmed at once."""
        super().learn(frame, conversation)
        if frame.kind is FrameKind.REPLY:
            conversation.connected.pop(TRIES, None)
        if (session := session_of(frame.data)) is not None:
            conversation.connected[ASSOCIATED] = session.kind == ACCEPT
            return b""
        told = operation_of(frame.data)
        if told is None or told.kind != INVOKE:
            return b""
        conversation.connected[EVENT] = told.invoke_id
        return created(told) if told.command == CONFIRMED_EVENT_REPORT else b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """A result, a linked result or an error with the same invoke id; a session's end, or its refusal.

        A request to associate is answered by the MDS Create event behind the acceptance: polls before it are in vain.
        """
        if frame.kind is not FrameKind.REPLY or frame.data == sent:
            return False
        asked, told = operation_of(sent), operation_of(frame.data)
        if told is not None and told.kind == INVOKE:
            return sent[:1] == bytes([CONNECT])
        if told is not None:
            return asked is not None and asked.kind == INVOKE and asked.invoke_id == told.invoke_id
        reply = session_of(frame.data)
        if reply is None:
            return False
        wanted = {ABORT: sent[:1], DISCONNECT: bytes([FINISH]), REFUSE: bytes([CONNECT])}
        return bool(sent) and sent[:1] == wanted.get(reply.kind)

    def expects_reply(self, sent: bytes) -> bool:
        """A request to associate that is whole, and what is confirmed; there may be nothing to release."""
        session, asked = session_of(sent), operation_of(sent)
        if session is not None:
            return session.kind == CONNECT
        return asked is not None and asked.confirmed and asked.whole

    def served(self, frame: Frame) -> bool:
        """Any answer, to a poll or to a request to associate: both take a monitor that reads."""
        return frame.kind is FrameKind.REPLY

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Lengths that leave a rest, the result of another command or poll; lists that do not hold what they count."""
        asked, told = operation_of(sent), operation_of(frame.data)
        if told is None or told.kind == INVOKE:
            return ""
        if not told.whole:
            return "the length in a result is not that of what follows"
        if asked is None or asked.kind != INVOKE or told.kind == ERROR:
            return ""
        if told.command != asked.command:
            return "the result is that of another command"
        return _wrong_poll(asked, told) if asked.command == CONFIRMED_ACTION else ""

    def refuses(self, frame: Frame) -> bool:
        """A refusal, an abort, an error."""
        session, told = session_of(frame.data), operation_of(frame.data)
        return (session is not None and session.kind in (REFUSE, ABORT)) or (told is not None and told.kind == ERROR)

    def session_lapsed(self, frame: Frame) -> bool:
        """An abort: there is no association any more."""
        session = session_of(frame.data)
        return session is not None and session.kind == ABORT

    def identity(self, frame: Frame) -> Identity:
        """The model, as the MDS Create event and the result of a poll of the MDS tell it."""
        return Identity(model=str(frame.fields.get("model", "")))

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A session message's type anywhere; an operation's command, and the action's type where it has one."""
        patterns = [_pattern(self._codes[name]) for name in messages if name in self._codes]
        if len(patterns) < len(messages):
            return super().forbidden(messages)
        return re.compile(b"|".join(patterns) or rb"(?!)", re.DOTALL)


def _wrong_poll(asked: Operation, told: Operation) -> str:
    polled = polled_of(told)
    if polled is None or not asked.whole or len(asked.argument) < 22:
        return ""
    request = asked.argument[14:]
    if (polled.action, polled.number) != (int.from_bytes(asked.argument[10:12]), int.from_bytes(request[:2])):
        return "the result is that of another poll"
    if polled.sort != request[2:6] or polled.group != int.from_bytes(request[6:8]):
        return "the result is of other objects than were polled"
    return "" if lists_add_up(polled) else "the lists of a poll's result do not hold what they count"


def _pattern(code: Code) -> bytes:
    if len(code) == 1:
        return re.escape(code)
    kind, command, action, polled = (re.escape(part) for part in (code[:1], code[1:2], code[2:4], code[4:]))
    return rb"\xe1.{4}" + kind + rb".{5}" + command + (rb".{12}" + action + rb".{6}" + polled if action else b"")


def _frame(data: bytes) -> Frame:
    told, session = operation_of(data), session_of(data)
    if told is None and session is None:
        return Frame(FrameKind.STRAY, data)
    own = told is not None and told.kind == INVOKE and event_of(told) != MDS_CREATE
    own = own or (session is not None and session.kind in (CONNECT, FINISH))
    return Frame(FrameKind.UNSOLICITED if own else FrameKind.REPLY, data, LazyFields(read, data))
