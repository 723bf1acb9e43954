"""What a reply of the upper layer cannot be, whatever the device is: only what PS3.7 and PS3.8 say with "shall"."""

from __future__ import annotations

import re

from protocols.dicom_pdu import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    ACCEPTANCE,
    P_DATA_TF,
    REQUESTS,
    RESPONSE,
    Pdu,
    command_bytes,
    is_ordered,
    is_right_length,
    message_of,
    pdus_of,
    pdvs_of,
)
from protocols.dicom_read import FIXED, associate_fields, contexts_answered, contexts_proposed

VERSION = 1
_UID = re.compile(rb"[0-9.]{1,64}")


def impossible(sent: bytes, reply: bytes) -> str:
    """A few words why `reply` cannot answer `sent`; "" where it may."""
    (pdus, rest), (asked, begun) = pdus_of(reply), pdus_of(sent)
    if rest or not pdus:
        return "its PDU-length leaves a rest"
    kind, whole = pdus[0].kind, () if begun else asked
    if kind in (A_ASSOCIATE_RJ, A_RELEASE_RP, A_ABORT):
        return "" if len(pdus[0].body) == 4 else "its PDU-length is not 4"
    if kind == A_ASSOCIATE_AC:
        return _accepted(pdus[0].body) or (_against(whole[0], pdus[0]) if len(whole) == 1 else "")
    return _data(pdus) or _responding(pdus, whole) if kind == P_DATA_TF else ""


def _accepted(body: bytes) -> str:
    """An A-ASSOCIATE-AC by itself."""
    if len(body) < FIXED or not (told := associate_fields(body)):
        return "the lengths of its items do not fit its PDU-length"
    return "" if int(told["protocol_version"]) & VERSION else "bit 0 of its protocol version is not set"


def _against(asked: Pdu, answer: Pdu) -> str:
    """An A-ASSOCIATE-AC as the answer to a request whose items can be read, and which has those of a request only."""
    if asked.kind != A_ASSOCIATE_RQ or not (told := associate_fields(asked.body)) or contexts_answered(asked.body):
        return ""
    if not int(told["protocol_version"]) & VERSION:
        return "it accepts a protocol version that was not proposed: bit 0 is not set"
    proposed: dict[int, set[bytes]] = {}
    for context, _result, syntaxes in contexts_proposed(asked.body):
        proposed.setdefault(context, set()).update(map(_bare, syntaxes))
    for context, result, syntaxes in contexts_answered(answer.body):
        if context not in proposed:
            return "it answers a presentation context that was not proposed"
        if result == ACCEPTANCE and _are_others(syntaxes, proposed[context]):
            return "it accepts a presentation context with a transfer syntax that was not proposed"
    return ""


def _are_others(accepted: tuple[bytes, ...], proposed: set[bytes]) -> bool:
    """True where none of what was proposed could be meant: who is given no UID may make one of it."""
    return all(map(_UID.fullmatch, proposed)) and not proposed.issuperset(map(_bare, accepted))


def _bare(uid: bytes) -> bytes:
    return uid.rstrip(b"\0 ")


def _data(pdus: tuple[Pdu, ...]) -> str:
    """P-DATA-TF by itself: whole PDVs, and a right group length."""
    if any(pdvs_of(pdu.body) is None for pdu in pdus):
        return "the lengths of its PDVs do not fit its PDU-length"
    answer = message_of(pdus)
    if answer is None or answer.command is None:
        return ""
    right = is_right_length(answer.command, b"".join(command_bytes(pdu.body) for pdu in pdus))
    return "" if right else "its command group length is not that of its command set"


def _responding(pdus: tuple[Pdu, ...], asked: tuple[Pdu, ...]) -> str:
    """A response as the answer to one whole request, whose elements are in order."""
    answer, request = message_of(pdus), message_of(asked)
    if answer is None or answer.command is None or request is None or request.command is None or not request.whole:
        return ""
    if answer.context % 2 == 0 and answer.context != request.context:
        return "it comes on an even presentation context id"
    code, command = answer.command.get("command_field"), request.command.get("command_field")
    if not isinstance(code, int) or not isinstance(command, int) or command not in REQUESTS.values():
        return ""
    if not is_ordered(b"".join(command_bytes(pdu.body) for pdu in asked)):
        return ""
    wanted = request.command.get("message_id")
    if wanted is not None and answer.command.get("message_id_being_responded_to") != wanted:
        return "it responds to another message id"
    return "" if code == int(command) | RESPONSE else "its command field is that of another response"
