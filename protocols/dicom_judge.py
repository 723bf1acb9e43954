"""What a reply of the upper layer cannot be, whatever the device is: only what PS3.7 and PS3.8 say with "shall"."""

from __future__ import annotations

from protocols.dicom_pdu import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    ACCEPTANCE,
    P_DATA_TF,
    RESPONSE,
    Command,
    Pdu,
    command_bytes,
    is_right_length,
    message_of,
    pdus_of,
    pdvs_of,
)
from protocols.dicom_read import FIXED, associate_fields, contexts_answered, contexts_proposed

VERSION = 1


def impossible(sent: bytes, reply: bytes) -> str:
    """A few words why `reply` cannot answer `sent`; "" where it may."""
    (pdus, rest), asked = pdus_of(reply), pdus_of(sent)
    if rest or not pdus:
        return f"its PDU-length leaves {len(rest)} bytes"
    kind = pdus[0].kind
    if kind in (A_ASSOCIATE_RJ, A_RELEASE_RP, A_ABORT):
        return "" if len(pdus[0].body) == 4 else f"its PDU-length is {len(pdus[0].body)}, not 4"
    if kind == A_ASSOCIATE_AC:
        return _accepted(pdus[0].body) or (_against(asked[0][0], pdus[0]) if asked[0] and not asked[1] else "")
    return _data(pdus, asked[0] if not asked[1] else ()) if kind == P_DATA_TF else ""


def _accepted(body: bytes) -> str:
    """An A-ASSOCIATE-AC by itself."""
    if len(body) < FIXED or not (told := associate_fields(body)):
        return "the lengths of its items do not fit its PDU-length"
    if not int(told["protocol_version"]) & VERSION:
        return "bit 0 of its protocol version is not set"
    even = [context for context, _result, _syntaxes in contexts_answered(body) if not context % 2]
    return f"presentation context id {even[0]} is even" if even else ""


def _against(asked: Pdu, answer: Pdu) -> str:
    """An A-ASSOCIATE-AC as the answer to a request whose items can be read."""
    if asked.kind != A_ASSOCIATE_RQ or not (told := associate_fields(asked.body)):
        return ""
    if not int(told["protocol_version"]) & VERSION:
        return "it accepts a protocol version that was not proposed: bit 0 is not set"
    proposed: dict[int, set[bytes]] = {}
    for context, _result, syntaxes in contexts_proposed(asked.body):
        proposed.setdefault(context, set()).update(syntaxes)
    for context, result, syntaxes in contexts_answered(answer.body):
        if context not in proposed:
            return f"presentation context id {context} was not proposed"
        if result == ACCEPTANCE and not proposed[context].issuperset(syntaxes):
            return f"presentation context {context} is accepted with a transfer syntax that was not proposed"
    return ""


def _data(pdus: tuple[Pdu, ...], asked: tuple[Pdu, ...]) -> str:
    """P-DATA-TF: whole PDVs on odd contexts, a right group length, and a response to what was asked."""
    for pdu in pdus:
        pdvs = pdvs_of(pdu.body)
        if pdvs is None:
            return "the lengths of its PDVs do not fit its PDU-length"
        if even := [pdv.context for pdv in pdvs if not pdv.context % 2]:
            return f"presentation context id {even[0]} is even"
    answer = message_of(pdus)
    if answer is None or answer.command is None:
        return ""
    if not is_right_length(answer.command, b"".join(command_bytes(pdu.body) for pdu in pdus)):
        return "its command group length is not that of its command set"
    return _responding(answer.command, asked)


def _responding(told: Command, asked: tuple[Pdu, ...]) -> str:
    """A response as the answer to one whole request."""
    request = message_of(asked) if asked else None
    code, given = told.get("command_field", 0), request.command if request is not None and request.whole else None
    if given is None or not isinstance(code, int) or not code & RESPONSE:
        return ""
    wanted, ours = given.get("message_id"), told.get("message_id_being_responded_to")
    if wanted is not None and ours != wanted:
        return f"it responds to message id {ours}, the request has {wanted}"
    command = given.get("command_field")
    if isinstance(command, int) and not command & RESPONSE and code != command | RESPONSE:
        return f"its command field is {code:04x}H, that of the request {command:04x}H"
    return ""
