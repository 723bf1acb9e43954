"""IEEE 11073-20601 on a connection: APDUs as frames, invoke ids, what is answered at once; as agent and as manager."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.phd_apdu import (
    AARE,
    AARQ,
    ABRT,
    ACCEPTED,
    ACCEPTED_UNKNOWN_CONFIG,
    CONFIRMED,
    CONFIRMED_ACTION,
    CONFIRMED_EVENT_REPORT,
    CONFIRMED_SET,
    ERROR,
    GET,
    NOTI_CONFIG,
    PRST,
    REJECT,
    REJECTED_TRANSIENT,
    REQUESTS,
    RESPONSE,
    RESPONSES,
    RLRE,
    RLRQ,
    SCAN_REPORT_FIXED,
    Apdu,
    DataApdu,
    alone,
    apdu,
    apdus_of,
    data_of,
    pieces_of,
    presentation,
    proposal_of,
    result_of,
)
from protocols.phd_judge import impossible
from protocols.phd_read import apdu_fields
from protocols.wire import Fields, LazyFields, Wire, counted, stray

INVOKE_ID, ANSWERED_ID = "invoke_id", "answered_invoke_id"
PROBE, GO_ON, ACCEPTING = "probe", "go_on", "accepting"
ASSOCIATED, REQUESTED, ASKED = "associated", "requested", "asked"
EMPTY_SCAN = bytes(6) + SCAN_REPORT_FIXED.to_bytes(2) + b"\0\x08" + b"\xf0\0\0\0" + bytes(4)
GET_MDS = bytes(6)
_PLACE = slice(6, 8)
"""Of the invoke id in a PRST."""
Codes = tuple[int, int, int]


class PhdWire(Wire):
    """`codes` are, by message, the APDU's choice, what a PRST carries, and the event type in that; 0 for none."""

    def __init__(self, codes: Mapping[str, Codes]) -> None:
        self._codes = dict(codes)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole APDUs; what cannot be one is stray."""
        frames: list[Frame] = []
        rest = b""
        for is_apdu, data in pieces_of(buffer):
            if not is_apdu:
                frames += stray(data)
            elif apdus_of(data)[0]:
                frames.append(Frame(FrameKind.REPLY, data, LazyFields(self.read, data)))
            else:
                rest = data
        return tuple(frames), rest

    def unfinished(self, sent: bytes) -> bytes:
        """An APDU of which less was sent than its length says."""
        return apdus_of(sent)[1]

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The next invoke id, or that of the device's last request."""
        if live.name == INVOKE_ID:
            return counted(conversation, INVOKE_ID, 2)
        if live.name == ANSWERED_ID:
            return int(conversation.connected.get(ASKED, 1)).to_bytes(2)
        return super().resolve(live, data, conversation)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """What ends an association; RLRQ is answered at once, and so is what the device asks."""
        super().learn(frame, conversation)
        one = alone(frame.data) if frame.kind is FrameKind.REPLY else None
        if one is None:
            return b""
        if one.choice in (RLRQ, RLRE, ABRT):
            conversation.connected.pop(ASSOCIATED, None)
            return apdu(RLRE, bytes(2)) if one.choice == RLRQ else b""
        asked = data_of(one)
        if asked is None or asked.choice not in REQUESTS:
            return self._associated(one, conversation)
        conversation.connected[ASKED] = asked.invoke_id
        return self._answer(asked, conversation) if asked.choice in CONFIRMED else b""

    def _associated(self, one: Apdu, conversation: Conversation) -> bytes:
        """What an AARQ or AARE means; what goes out at once."""
        raise NotImplementedError

    def _answer(self, asked: DataApdu, conversation: Conversation) -> bytes:
        """The response to what the device asks."""
        raise NotImplementedError

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """What the state tables have for each APDU; an ABRT answers all but itself."""
        reply = alone(frame.data) if frame.kind is FrameKind.REPLY and sent and frame.data != sent else None
        if reply is None:
            return False
        choice = int.from_bytes(sent[:2])
        if reply.choice == ABRT:
            return choice != ABRT
        if reply.choice in (AARE, RLRE):
            return choice == (AARQ if reply.choice == AARE else RLRQ)
        return reply.choice == choice == PRST and _is_response(alone(sent), data_of(reply))

    def expects_reply(self, sent: bytes) -> bool:
        """A whole AARQ or RLRQ, or what is confirmed."""
        one = alone(sent)
        if one is None:
            return False
        request = data_of(one)
        return self.demands(sent) or one.choice == RLRQ or (request is not None and request.choice in CONFIRMED)

    def demands(self, sent: bytes) -> bool:
        """An AARQ that can be read is answered in every state, by an AARE or an ABRT (8.3 to 8.10)."""
        one = alone(sent)
        return one is not None and proposal_of(one) is not None

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Lengths that leave a rest, a result that is none, what was not proposed, another operation's response."""
        reply = alone(frame.data) if frame.kind is FrameKind.REPLY else None
        return "" if reply is None else impossible(alone(sent), reply)

    def refuses(self, frame: Frame) -> bool:
        """An ABRT, a rejection, an error or a reject."""
        one = alone(frame.data) if frame.kind is FrameKind.REPLY else None
        if one is None:
            return False
        told, result = data_of(one), result_of(one)
        rejected = result is not None and result[0] not in (ACCEPTED, ACCEPTED_UNKNOWN_CONFIG)
        return one.choice == ABRT or rejected or (told is not None and told.choice in (ERROR, REJECT))

    def identity(self, frame: Frame) -> Identity:
        """The system id of association information, as serial number."""
        return Identity(serial=str(frame.fields.get("system_id", "")))

    def content(self, frame: Frame) -> bytes:
        """A presentation APDU without its invoke id."""
        data = frame.data
        return data[: _PLACE.start] + data[_PLACE.stop :] if data[:2] == PRST.to_bytes(2) else data

    def read(self, data: bytes) -> Fields:
        """What the APDU says, by the standard's names."""
        return apdu_fields(data)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A forbidden choice at its place, whatever the lengths say."""
        patterns = b"|".join(_pattern(*self._codes[name]) for name in messages)
        return re.compile(patterns) if patterns else super().forbidden(())


class ManagerWire(PhdWire):
    """The device is the manager, and we are the agent. `request` is our AARQ.

    `configuration` and `attributes` are what a manager asks of an agent, each a PRST.
    """

    def __init__(self, codes: Mapping[str, Codes], request: bytes, configuration: bytes, attributes: bytes) -> None:
        super().__init__(codes)
        self._request, self._configuration, self._attributes = request, configuration, attributes

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The probe too: an association, or where there is one a scan report without observations."""
        if live.name != PROBE:
            return super().resolve(live, data, conversation)
        if not conversation.connected.get(ASSOCIATED):
            return self._request
        number = int.from_bytes(counted(conversation, INVOKE_ID, 2))
        return presentation(number, CONFIRMED_EVENT_REPORT, EMPTY_SCAN)

    def _associated(self, one: Apdu, conversation: Conversation) -> bytes:
        """Accepted: a manager that does not know the configuration is told it at once."""
        result = result_of(one)
        if result is None:
            return b""
        conversation.connected[ASSOCIATED] = result[0] in (ACCEPTED, ACCEPTED_UNKNOWN_CONFIG)
        if result[0] != ACCEPTED_UNKNOWN_CONFIG:
            return b""
        number = counted(conversation, INVOKE_ID, 2)
        return self._configuration[: _PLACE.start] + number + self._configuration[_PLACE.stop :]

    def _answer(self, asked: DataApdu, conversation: Conversation) -> bytes:
        number, argument = asked.invoke_id, asked.argument
        if asked.choice == GET:
            return self._attributes[: _PLACE.start] + number.to_bytes(2) + self._attributes[_PLACE.stop :]
        head = {CONFIRMED_SET: argument[:2] + bytes(4), CONFIRMED_ACTION: argument[:4] + bytes(2)}
        return presentation(number, asked.choice + RESPONSE, head[asked.choice]) if asked.choice in head else b""

    def served(self, frame: Frame) -> bool:
        """An association, one that is refused for good, what responds to a report; or ABRT, as behind what is bent."""
        one = alone(frame.data) if frame.kind is FrameKind.REPLY else None
        if one is None:
            return False
        result, told = result_of(one), data_of(one)
        if one.choice == AARE:
            return result is not None and result[0] != REJECTED_TRANSIENT
        return one.choice == ABRT or (told is not None and told.choice == CONFIRMED_EVENT_REPORT + RESPONSE)


class AgentWire(PhdWire):
    """The device is the agent, which connects to us and speaks first, and we are the manager. `accept` is our AARE."""

    def __init__(self, codes: Mapping[str, Codes], accept: bytes) -> None:
        super().__init__(codes)
        self._accept = accept

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """An acceptance is noted; where the device does not go on, it is accepted, or asked who it is."""
        connected = conversation.connected
        if live.name == ACCEPTING:
            connected[ASSOCIATED] = True
            return b""
        if live.name != GO_ON:
            return super().resolve(live, data, conversation)
        if connected.get(ASSOCIATED):
            return presentation(int.from_bytes(counted(conversation, INVOKE_ID, 2)), GET, GET_MDS)
        connected[ASSOCIATED] = bool(connected.get(REQUESTED))
        return self._accept if connected.get(REQUESTED) else b""

    def _associated(self, one: Apdu, conversation: Conversation) -> bytes:
        if one.choice == AARQ:
            conversation.connected[REQUESTED] = True
            conversation.connected.pop(ASSOCIATED, None)
        return b""

    def _answer(self, asked: DataApdu, conversation: Conversation) -> bytes:
        """Event reports are confirmed, where there is an association; a configuration is accepted."""
        if asked.choice != CONFIRMED_EVENT_REPORT or not conversation.connected.get(ASSOCIATED):
            return b""
        argument = asked.argument
        is_configuration = argument[6:8] == NOTI_CONFIG.to_bytes(2)
        info = argument[10:12] + bytes(2) if is_configuration else b""
        result = argument[:8].ljust(8, b"\0") + len(info).to_bytes(2) + info
        return presentation(asked.invoke_id, CONFIRMED_EVENT_REPORT + RESPONSE, result)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """To nothing, and to an acceptance, what the device says by itself; else what responds."""
        if sent and sent[:2] != AARE.to_bytes(2):
            return super().answers(sent, frame)
        return frame.kind is FrameKind.REPLY and frame.data != sent and _is_own(frame.data)

    def expects_reply(self, sent: bytes) -> bool:
        """A device that waits for nothing says something; one whose configuration is unknown tells it."""
        one = alone(sent)
        result = None if one is None else result_of(one)
        unknown = result is not None and result[0] == ACCEPTED_UNKNOWN_CONFIG
        return not sent or unknown or super().expects_reply(sent)

    def demands(self, sent: bytes) -> bool:
        """Nothing of ours."""
        return False

    def served(self, frame: Frame) -> bool:
        """Whatever the device says by itself, or responds with."""
        return frame.kind is FrameKind.REPLY and alone(frame.data) is not None

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """What sends nothing is in no stream."""
        return super().forbidden([name for name in messages if self._codes[name][0]])


def _is_own(data: bytes) -> bool:
    """True for what an agent begins: AARQ, RLRQ, ABRT, an event report."""
    one = alone(data)
    told = None if one is None else data_of(one)
    return one is not None and (one.choice in (AARQ, RLRQ, ABRT) or (told is not None and told.choice in REQUESTS))


def _is_response(asked: Apdu | None, told: DataApdu | None) -> bool:
    """By invoke id, where both can be read; a response answers none."""
    request = None if asked is None else data_of(asked)
    if (told is not None and told.choice in REQUESTS) or (request is not None and request.choice in RESPONSES):
        return False
    return told is None or request is None or told.invoke_id == request.invoke_id


def _pattern(choice: int, carried: int, event: int) -> bytes:
    head = re.escape(choice.to_bytes(2))
    if not carried:
        return head
    head += rb"[\s\S]{6}" + re.escape(carried.to_bytes(2))
    return head + rb"[\s\S]{8}" + re.escape(event.to_bytes(2)) if event else head
