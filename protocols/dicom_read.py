"""What a DICOM PDU says, by the standard's names (PS3.8, 9.3; PS3.7, annex D.3)."""

from __future__ import annotations

from collections.abc import Mapping

from protocols.dicom_pdu import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    ABSTRACT_SYNTAX,
    APPLICATION_CONTEXT,
    CONTEXT_ANSWERED,
    CONTEXT_PROPOSED,
    HEADER,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    MAXIMUM_LENGTH,
    P_DATA_TF,
    TRANSFER_SYNTAX,
    USER_INFORMATION,
    items_of,
    message_of,
    pdus_of,
)
from protocols.wire import Fields

FIXED = 68
"""Bytes of an A-ASSOCIATE PDU behind its length and before its variable items."""
RESULTS = {1: "rejected-permanent", 2: "rejected-transient"}
Contexts = tuple[tuple[int, int, tuple[bytes, ...]], ...]


def _text(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0")


def contexts_of(body: bytes, kind: int) -> Contexts:
    """Presentation contexts of an A-ASSOCIATE PDU's body: id, result (0 in a proposal), transfer syntaxes."""
    found: list[tuple[int, int, tuple[bytes, ...]]] = []
    for item, value in items_of(body[FIXED:]) or ():
        subs = items_of(value[4:]) if item == kind and len(value) >= 4 else None
        if subs is not None:
            found.append((value[0], value[2], tuple(name for sub, name in subs if sub == TRANSFER_SYNTAX)))
    return tuple(found)


def contexts_proposed(body: bytes) -> Contexts:
    """Those of an A-ASSOCIATE-RQ."""
    return contexts_of(body, CONTEXT_PROPOSED)


def contexts_answered(body: bytes) -> Contexts:
    """Those of an A-ASSOCIATE-AC."""
    return contexts_of(body, CONTEXT_ANSWERED)


def associate_fields(body: bytes) -> Fields:
    """What an A-ASSOCIATE-RQ's or -AC's body says; nothing where its items do not fit, or a context's sub-items."""
    items = items_of(body[FIXED:]) if len(body) >= FIXED else None
    if items is None or not all(_is_whole(kind, value) for kind, value in items):
        return {}
    fields: dict[str, int | str | bytes] = {
        "protocol_version": int.from_bytes(body[:2]),
        "called_ae_title": _text(body[4:20]),
        "calling_ae_title": _text(body[20:36]),
    }
    for kind, value in items:
        if kind == APPLICATION_CONTEXT:
            fields["application_context_name"] = _text(value)
        elif kind == CONTEXT_ANSWERED:
            fields[f"presentation_context_{value[0]}"] = value[2]
        elif kind == USER_INFORMATION:
            fields |= _user_information(value)
    return fields


def _is_whole(kind: int, value: bytes) -> bool:
    if kind in (CONTEXT_PROPOSED, CONTEXT_ANSWERED):
        subs = items_of(value[4:]) if len(value) >= 4 else None
        return subs is not None and all(sub in (ABSTRACT_SYNTAX, TRANSFER_SYNTAX) for sub, _name in subs)
    return kind != USER_INFORMATION or items_of(value) is not None


def _user_information(value: bytes) -> Mapping[str, int | str]:
    fields: dict[str, int | str] = {}
    for kind, sub in items_of(value) or ():
        if kind == MAXIMUM_LENGTH:
            fields["maximum_length_received"] = int.from_bytes(sub)
        elif kind == IMPLEMENTATION_CLASS_UID:
            fields["implementation_class_uid"] = _text(sub)
        elif kind == IMPLEMENTATION_VERSION_NAME:
            fields["implementation_version_name"] = _text(sub)
    return fields


def pdu_fields(data: bytes) -> Fields:
    """What a frame says: a PDU, or P-DATA-TF PDUs with what of a DIMSE message is in them."""
    pdus, _rest = pdus_of(data)
    kind, body = pdus[0].kind, pdus[0].body
    fields: dict[str, int | str | bytes] = {"pdu_type": kind, "pdu_length": int.from_bytes(data[2:HEADER])}
    if kind in (A_ASSOCIATE_RQ, A_ASSOCIATE_AC):
        return {**fields, **associate_fields(body)}
    if kind == A_ASSOCIATE_RJ:
        return {**fields, "result": body[1], "source": body[2], "reason": body[3], "said": RESULTS.get(body[1], "")}
    if kind == A_ABORT:
        return {**fields, "source": body[2], "reason": body[3]}
    if kind != P_DATA_TF or (message := message_of(pdus)) is None:
        return fields
    fields["presentation_context_id"] = message.context
    for name, value in (message.command or {}).items():
        fields[name] = _text(value) if isinstance(value, bytes) else value
    return {**fields, "data_set": message.data_set} if message.data_set else fields
