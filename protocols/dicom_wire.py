"""DICOM's upper layer on a connection (PS3.8): PDUs as frames, what answers what, and a probe for either state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.dicom_judge import impossible
from protocols.dicom_pdu import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    ACCEPTANCE,
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    COMMAND,
    HEADER,
    LAST,
    NO_DATA_SET,
    P_DATA_TF,
    PENDING,
    REQUESTS,
    RESPONSE,
    SUCCESS,
    Message,
    command_pdu,
    message_of,
    pdus_of,
    pdvs_of,
)
from protocols.dicom_read import associate_fields, contexts_answered, pdu_fields
from protocols.dicom_uids import VERIFICATION
from protocols.wire import Fields, LazyFields, Wire, counted, stray

LONGEST = 1 << 20
PERMANENT = 1
_OWN_TROUBLE = frozenset({0x0110, *range(0xA700, 0xA800)})  # a processing failure; out of resources (PS3.7 C, PS3.4)
WARNINGS = frozenset({0x0001, 0x0107, 0x0116, *range(0xB000, 0xC000)})
_HEADER = re.compile(rb"[\x01-\x07]\0\0[\0-\x0f][\s\S]{2}")
_CANCELLED = frozenset(RESPONSE | REQUESTS[name] for name in ("c_find", "c_get", "c_move"))
_ENDS = frozenset({A_ASSOCIATE_RJ, A_RELEASE_RP, A_ABORT})
_PDUS = {
    "associate": rb"\x01[\s\S]{9}[\x20-\x7e]{8}",
    "release": rb"\x05[\s\S](?:\0\0\0\x04|[\s\S]{4}\0\0\0\0)",
    "release_reply": rb"\x06[\s\S](?:\0\0\0\x04|[\s\S]{4}\0\0\0\0)",
    "abort": rb"\x07[\s\S](?:\0\0\0\x04|[\s\S]{4}\0\0[\0-\2][\0-\6])",
    "accept": rb"\x02[\s\S]{9}[\x20-\x7e]{8}",
    "reject": rb"\x03[\s\S](?:\0\0\0\x04|[\s\S]{4}\0[\x01\x02])",
}


class DicomWire(Wire):
    """`request` is the A-ASSOCIATE-RQ with which the probe asks where there is no association.

    `verification` is the presentation context that it, and every other association here, has for C-ECHO. `codes` are
    the command fields of messages; a message without one is a PDU of its own, whose kind `kinds` names.
    """

    def __init__(
        self, request: bytes, verification: int, codes: Mapping[str, int], kinds: Mapping[str, str] | None = None
    ) -> None:
        self._request, self._verification = request, verification
        self._codes, self._kinds = dict(codes), dict(kinds or {})

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One PDU, or all P-DATA-TF up to a last fragment; what cannot be a header is stray."""
        frames: list[Frame] = []
        at = 0
        while found := _HEADER.search(buffer, at):
            frames += stray(buffer[at : found.start()])
            at = found.start()
            stop = _end(buffer, at)
            if not stop:
                return tuple(frames), buffer[at:]
            data = buffer[at:stop]
            frames.append(Frame(FrameKind.REPLY, data, LazyFields(self.read, data)))
            at = stop
        keep = max(at, len(buffer) - HEADER + 1)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def unfinished(self, sent: bytes) -> bytes:
        """A PDU of which less was sent than its PDU-length says."""
        return pdus_of(sent)[1]

    def ends(self, frame: Frame) -> bool:
        """A rejection, an abort, the reply to a release: the requestor closes (PS3.8, table 9-10: AE-4, AA-3, AR-3)."""
        return frame.kind is FrameKind.REPLY and frame.data[0] in _ENDS

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The next message id, or the last one; the probe, which is what the state of the connection allows."""
        if live.name == "message_id":
            return counted(conversation, "message_id", live.length)[::-1]
        if live.name == "last_message_id":
            return int(conversation.values.get("message_id", 1)).to_bytes(2)[-live.length :][::-1]
        if live.name != "probe":
            return super().resolve(live, data, conversation)
        if not conversation.connected.get("verification"):
            return self._request
        return self._echo(int.from_bytes(counted(conversation, "message_id", 2)))

    def _echo(self, message_id: int) -> bytes:
        command = {
            "affected_sop_class_uid": VERIFICATION.encode(),
            "command_field": C_ECHO_RQ,
            "message_id": message_id,
            "command_data_set_type": NO_DATA_SET,
        }
        return command_pdu(self._verification, command)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Whether there is an association that can be verified; C-STORE requests, which a C-GET makes, are answered."""
        super().learn(frame, conversation)
        connected, kind = conversation.connected, frame.data[0] if frame.kind is FrameKind.REPLY else 0
        if kind == A_ASSOCIATE_AC:
            results = {context: result for context, result, _syntaxes in contexts_answered(frame.data[HEADER:])}
            connected["verification"] = results.get(self._verification) == ACCEPTANCE
        elif self.ends(frame):
            connected["verification"] = False
        elif kind == P_DATA_TF:
            return self._stored(frame, conversation)
        return b""

    def _stored(self, frame: Frame, conversation: Conversation) -> bytes:
        """A C-STORE-RSP behind the last fragment of what a C-STORE-RQ brings."""
        message = message_of(pdus_of(frame.data)[0])
        if message is None:
            return b""
        command = message.command
        if command is not None and command.get("command_field") == C_STORE_RQ:
            conversation.connected["store"] = command
        elif command is not None:
            return b""
        asked = conversation.connected.get("store")
        if asked is None or not _has_last_data(frame.data):
            return b""
        del conversation.connected["store"]
        return command_pdu(message.context, _response(asked))

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """What the standard has for each PDU; an A-ABORT answers all but itself. Pending statuses are no end."""
        if frame.kind is not FrameKind.REPLY or not sent or frame.data == sent:
            return False
        kind, asked = frame.data[0], sent[0]
        if kind == A_ABORT:
            return asked != A_ABORT
        if kind in (A_ASSOCIATE_AC, A_ASSOCIATE_RJ):
            return asked == A_ASSOCIATE_RQ
        if kind == A_RELEASE_RP:
            return asked == A_RELEASE_RQ
        return kind == P_DATA_TF and asked == P_DATA_TF and _responds(sent, frame)

    def expects_reply(self, sent: bytes) -> bool:
        """A whole request: for an association, its release, or an operation (C-CANCEL is none)."""
        pdus, rest = pdus_of(sent)
        if rest or not pdus:
            return False
        if pdus[0].kind == A_RELEASE_RQ:
            return len(pdus[0].body) == 4
        if pdus[0].kind == A_ASSOCIATE_RQ:
            return self.demands(sent)
        message = message_of(pdus)
        return message is not None and message.whole and _is_request(message)

    def demands(self, sent: bytes) -> bool:
        """A whole A-ASSOCIATE-RQ: in each state in which one can come, it is answered (PS3.8, table 9-10)."""
        pdus, rest = pdus_of(sent)
        return not rest and len(pdus) == 1 and pdus[0].kind == A_ASSOCIATE_RQ and bool(associate_fields(pdus[0].body))

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Why the reply cannot be right: lengths, presentation contexts, protocol versions, message ids."""
        return impossible(sent, frame.data) if frame.kind is FrameKind.REPLY else ""

    def served(self, frame: Frame) -> bool:
        """C-ECHO's response, an association, one that is rejected for good; or A-ABORT, as behind most of what is bent.

        A transient rejection (congestion, a limit) proves no service.
        """
        if frame.kind is not FrameKind.REPLY:
            return False
        kind = frame.data[0]
        if kind == A_ASSOCIATE_RJ:
            return frame.fields.get("result") == PERMANENT
        return kind in (A_ASSOCIATE_AC, A_ABORT) or frame.fields.get("command_field") == C_ECHO_RQ | RESPONSE

    def identity(self, frame: Frame) -> Identity:
        """The implementation's class UID as model and its version name as firmware, which an acceptance tells."""
        told = frame.fields
        model, firmware = told.get("implementation_class_uid", ""), told.get("implementation_version_name", "")
        return Identity(model=str(model), firmware=str(firmware))

    def refuses(self, frame: Frame) -> bool:
        """A rejection, an abort, or a status that is a failure."""
        if frame.data[:1] and frame.data[0] in (A_ASSOCIATE_RJ, A_ABORT):
            return True
        status = frame.fields.get("status", SUCCESS)
        return isinstance(status, int) and status != SUCCESS and status not in PENDING and status not in WARNINGS

    def blames_request(self, frame: Frame) -> bool:
        """Every refusal but a processing failure, and what is for want of resources."""
        return self.refuses(frame) and frame.fields.get("status", SUCCESS) not in _OWN_TROUBLE

    def read(self, data: bytes) -> Fields:
        """What the PDU, or the DIMSE message in P-DATA-TF, says."""
        return pdu_fields(data)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A forbidden command field in its element, whatever length this gives; a PDU by its type and what it holds."""
        patterns = b"|".join(self._pattern(name) for name in messages)
        return re.compile(patterns) if patterns else super().forbidden(())

    def _pattern(self, name: str) -> bytes:
        if name in self._codes:
            return rb"\0\0\0\x01[\s\S]{4}" + re.escape(self._codes[name].to_bytes(2, "little"))
        return _PDUS[self._kinds[name]]


def _end(buffer: bytes, at: int) -> int:
    """Where the frame ends that begins with the header at `at`; 0 where not all of it is there.

    A P-DATA-TF behind which another kind of PDU comes ends there, last fragment or not.
    """
    start = at
    while _HEADER.match(buffer, at) and (at == start or buffer[at] == P_DATA_TF):
        stop = at + HEADER + int.from_bytes(buffer[at + 2 : at + HEADER])
        if stop > len(buffer):
            return 0
        pdvs = pdvs_of(buffer[at + HEADER : stop]) if buffer[at] == P_DATA_TF else None
        at = stop
        if pdvs is None or pdvs[-1].header & LAST or stop - start > LONGEST:
            return stop
    return at if len(buffer) >= at + HEADER else 0


def _responds(sent: bytes, frame: Frame) -> bool:
    """A final response to the operation of that message id; to any, where no command can be read in what was sent.

    C-CANCEL has that of the operation that it names, and a response has none.
    """
    told, asked = frame.fields, message_of(pdus_of(sent)[0])
    response = told.get("command_field")
    if not isinstance(response, int) or not response & RESPONSE or told.get("status") in PENDING:
        return False
    code = asked.command.get("command_field") if asked is not None and asked.command else None
    if asked is None or asked.command is None or not isinstance(code, int):
        return True
    if code == C_CANCEL_RQ and response in _CANCELLED:
        return told.get("message_id_being_responded_to") == asked.command.get("message_id_being_responded_to")
    own = asked.command.get("message_id")
    return _is_request(asked) and own in (None, told.get("message_id_being_responded_to"))


def _is_request(message: Message) -> bool:
    """An operation that is answered."""
    code = message.command.get("command_field") if message.command else None
    return isinstance(code, int) and not code & RESPONSE and code != C_CANCEL_RQ


def _has_last_data(data: bytes) -> bool:
    pdvs = [pdv for one in pdus_of(data)[0] for pdv in pdvs_of(one.body) or ()]
    return any(pdv.header & (COMMAND | LAST) == LAST for pdv in pdvs)


def _response(asked: Mapping[str, int | bytes]) -> dict[str, int | bytes]:
    """What answers a C-STORE-RQ with success."""
    return {
        "affected_sop_class_uid": asked.get("affected_sop_class_uid", b""),
        "command_field": C_STORE_RQ | RESPONSE,
        "message_id_being_responded_to": asked.get("message_id", 0),
        "command_data_set_type": NO_DATA_SET,
        "status": SUCCESS,
        "affected_sop_instance_uid": asked.get("affected_sop_instance_uid", b""),
    }
