"""DICOM's upper layer and composite services (PS3.7, PS3.8), as storage, query and print servers take them."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.case import LiveField, Send
from harness.errors import UsageError
from harness.interfaces import Mark, State
from protocols.dicom_fields import ae_title, block, command, data_set, item, padded, pdu, short, text, u8, u16, u32, uid
from protocols.dicom_pdu import (
    A_ABORT,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    ABSTRACT_SYNTAX,
    APPLICATION_CONTEXT,
    C_CANCEL_RQ,
    C_ECHO_RQ,
    C_STORE_RQ,
    CONTEXT_ANSWERED,
    CONTEXT_PROPOSED,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    MAXIMUM_LENGTH,
    RESPONSE,
    SUCCESS,
    TRANSFER_SYNTAX,
    USER_INFORMATION,
    VERIFICATION,
)
from protocols.dicom_wire import DicomWire
from protocols.model import Edge, Message, Protocol, messages_by_name

DICOM_APPLICATION = "1.2.840.10008.3.1.1.1"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
CONTEXTS = {"verification": 1, "storage": 3, "find": 5, "move": 7, "get": 9}
"""Presentation context ids in every association here."""
SYNTAXES = {
    "verification": VERIFICATION,
    "storage": SECONDARY_CAPTURE,
    "find": STUDY_FIND,
    "move": STUDY_MOVE,
    "get": STUDY_GET,
}
OURS, VERSION = "1.2.826.0.1.3680043.8.498.1", "MEDFUZZ"
STUDY, SERIES, INSTANCE = (f"1.2.826.0.1.3680043.8.498.2.{number}" for number in (1, 2, 3))
LONGEST_PDU = 16384
LONGEST_TITLE = 16
ASYNCHRONOUS, ROLE, EXTENDED, COMMON_EXTENDED, USER_IDENTITY = 0x53, 0x54, 0x56, 0x57, 0x58
COMMANDS = {
    "c_echo": C_ECHO_RQ,
    "c_store": C_STORE_RQ,
    "c_find": 0x0020,
    "c_get": 0x0010,
    "c_move": 0x0021,
    "c_cancel": C_CANCEL_RQ,
}
KINDS = {
    "associate": "associate",
    "associate_negotiating": "associate",
    "release": "release",
    "abort": "abort",
    "accept": "accept",
    "reject": "reject",
    "release_reply": "release_reply",
}
IDLE, ASSOCIATED = ("idle",), ("associated",)
CHAINS = (
    *(("associate", name) for name in (*COMMANDS, "release", "abort")),
    *((name, "release") for name in COMMANDS),
    ("associate_negotiating", "c_echo"),
    ("c_store", "c_echo"),
    ("c_find", "c_cancel"),
    ("c_get", "c_cancel"),
    ("c_move", "c_cancel"),
    ("release", "c_echo"),
)
Fields = tuple[boofuzz.Fuzzable, ...]


def _proposed(name: str) -> Fields:
    """One presentation context; C-ECHO, which has no data set, may have either transfer syntax."""
    abstract = item(ABSTRACT_SYNTAX, text("abstract_syntax_name", SYNTAXES[name]))
    transfer = item(TRANSFER_SYNTAX, text("transfer_syntax_name", IMPLICIT))
    other = item(TRANSFER_SYNTAX, text("transfer_syntax_name_2", EXPLICIT)) if name == "verification" else ()
    reserved = tuple(u8(f"reserved_{number}", 0) for number in (1, 2, 3))
    own = u8("presentation_context_id", CONTEXTS[name])
    return item(CONTEXT_PROPOSED, block(name, (own, *reserved), abstract, transfer, other))


def _answered() -> Fields:
    """A presentation context that is accepted."""
    fields = (u8("presentation_context_id", 1), u8("reserved_1", 0), u8("result", 0), u8("reserved_3", 0))
    return item(
        CONTEXT_ANSWERED, block("verification", fields, item(TRANSFER_SYNTAX, text("transfer_syntax_name", IMPLICIT)))
    )


def _user_information(*more: Fields) -> Fields:
    length = item(MAXIMUM_LENGTH, u32("maximum_length_received", LONGEST_PDU))
    own = item(IMPLEMENTATION_CLASS_UID, text("implementation_class_uid", OURS))
    version = item(IMPLEMENTATION_VERSION_NAME, text("implementation_version_name", VERSION))
    return item(USER_INFORMATION, block("user_information", length, own, *more, version))


def _named(name: str, value: str) -> Fields:
    """A UID behind its own length, as in negotiation sub-items."""
    return boofuzz.Size(f"{name}_length", f".{name}", length=2, endian=">"), text(name, value)


def _negotiation() -> tuple[Fields, ...]:
    """The sub-items that few servers know (PS3.7, D.3.3)."""
    window = block(
        "asynchronous_operations_window",
        (u16("maximum_number_operations_invoked", 1), u16("maximum_number_operations_performed", 1)),
    )
    role = block("role_selection", _named("sop_class_uid", SECONDARY_CAPTURE), (u8("scu_role", 1), u8("scp_role", 1)))
    information = boofuzz.Bytes("service_class_application_information", b"\1\0\0\0\0")
    extended = block("sop_class_extended_negotiation", _named("sop_class_uid", STUDY_FIND), (information,))
    related = block("related_general_sop_classes", _named("related_general_sop_class_uid", SECONDARY_CAPTURE))
    counted = boofuzz.Size("related_general_sop_classes_length", f".{related.name}", length=2, endian=">")
    common = block(
        "sop_class_common_extended_negotiation",
        _named("sop_class_uid", SECONDARY_CAPTURE),
        _named("service_class_uid", "1.2.840.10008.4.2"),
        (counted, related),
    )
    identity = block(
        "user_identity",
        (u8("user_identity_type", 2), u8("positive_response_requested", 1)),
        _named("primary_field", "user"),
        _named("secondary_field", "passcode"),
    )
    return (
        item(ASYNCHRONOUS, window),
        item(ROLE, role),
        item(EXTENDED, extended),
        item(COMMON_EXTENDED, common),
        item(USER_IDENTITY, identity),
    )


def _association(kind: int, called: str, calling: str, *items: Fields) -> Fields:
    titles = (ae_title("called_ae_title", called), ae_title("calling_ae_title", calling))
    head = (u16("protocol_version", 1), u16("reserved_2", 0), *titles, boofuzz.Bytes("reserved_3", bytes(32), size=32))
    context = item(APPLICATION_CONTEXT, text("application_context_name", DICOM_APPLICATION))
    return pdu(kind, *head, *context, *(field for one in items for field in one))


def _associate(called: str, calling: str, *more: Fields) -> Fields:
    proposed = (_proposed(name) for name in CONTEXTS)
    return _association(A_ASSOCIATE_RQ, called, calling, *proposed, _user_information(*more))


def _short_pdu(kind: int, *names: str, **values: int) -> Fields:
    """A PDU of four bytes."""
    return pdu(kind, *(u8(name, values.get(name, 0)) for name in names))


def _image() -> Fields:
    """A secondary capture of two by two pixels, with a sequence in it (PS3.3, A.8.1)."""
    reference = block(
        "referenced_item",
        *(
            (
                boofuzz.Bytes(f"{value.name}_tag", tag, size=4),
                boofuzz.Size(f"{value.name}_length", f".{value.name}"),
                value,
            )
            for tag, value in (
                (b"\x08\0\x50\x11", uid("referenced_sop_class_uid", SECONDARY_CAPTURE)),
                (b"\x08\0\x55\x11", uid("referenced_sop_instance_uid", INSTANCE + ".1")),
            )
        ),
    )
    item_length = boofuzz.Size("item_length", f".{reference.name}")
    sequence = block(
        "source_image_sequence", (boofuzz.Bytes("item_tag", b"\xfe\xff\0\xe0", size=4), item_length, reference)
    )
    return data_set(
        CONTEXTS["storage"],
        (0x0008, 0x0016, uid("sop_class_uid", SECONDARY_CAPTURE)),
        (0x0008, 0x0018, uid("sop_instance_uid", INSTANCE)),
        (0x0008, 0x0020, padded("study_date", "20260101")),
        (0x0008, 0x0050, padded("accession_number", "")),
        (0x0008, 0x0060, padded("modality", "OT")),
        (0x0008, 0x0064, padded("conversion_type", "WSD")),
        (0x0008, 0x2112, sequence),
        (0x0010, 0x0010, padded("patient_name", "DOE^JANE")),
        (0x0010, 0x0020, padded("patient_id", "PAT-0001")),
        (0x0020, 0x000D, uid("study_instance_uid", STUDY)),
        (0x0020, 0x000E, uid("series_instance_uid", SERIES)),
        (0x0020, 0x0013, padded("instance_number", "1")),
        (0x0028, 0x0002, short("samples_per_pixel", 1)),
        (0x0028, 0x0004, padded("photometric_interpretation", "MONOCHROME2")),
        (0x0028, 0x0010, short("rows", 2)),
        (0x0028, 0x0011, short("columns", 2)),
        (0x0028, 0x0100, short("bits_allocated", 8)),
        (0x0028, 0x0101, short("bits_stored", 8)),
        (0x0028, 0x0102, short("high_bit", 7)),
        (0x0028, 0x0103, short("pixel_representation", 0)),
        (0x7FE0, 0x0010, boofuzz.Bytes("pixel_data", b"\x00\x55\xaa\xff")),
    )


def _identifier(context: int) -> Fields:
    """Which study is asked for."""
    return data_set(
        context,
        (0x0008, 0x0052, padded("query_retrieve_level", "STUDY")),
        (0x0010, 0x0020, padded("patient_id", "PAT-0001")),
        (0x0020, 0x000D, uid("study_instance_uid", STUDY)),
    )


def _operation(name: str, syntax: str, *more: boofuzz.Fuzzable, data: Fields = ()) -> Fields:
    own = (uid("affected_sop_class_uid", SYNTAXES[syntax]), short("message_id", 1), *more)
    return (*command(CONTEXTS[syntax], COMMANDS[name], *own, data=bool(data)), *data)


def _store() -> Fields:
    instance = uid("affected_sop_instance_uid", INSTANCE)
    return _operation("c_store", "storage", short("priority", 0), instance, data=_image())


def _query(name: str, syntax: str, *more: boofuzz.Fuzzable) -> Fields:
    return _operation(name, syntax, short("priority", 0), *more, data=_identifier(CONTEXTS[syntax]))


def _cancel() -> Fields:
    return command(CONTEXTS["find"], C_CANCEL_RQ, short("message_id_being_responded_to", 1), data=False)


def _message(name: str, fields: Fields, **options: Any) -> Message:
    return Message(boofuzz.Request(name, children=fields), **options)


def _operations() -> tuple[Message, ...]:
    """DIMSE requests, each with a message id of its own."""
    live = {"command_pdu.command_pdv.command.elements.message_id": "message_id"}
    last = {"command_pdu.command_pdv.command.elements.message_id_being_responded_to": "last_message_id"}
    discloses = frozenset({Mark.DISCLOSES_PATIENT_DATA})
    own: dict[str, Any] = {"live": live, "accepted_in": ASSOCIATED}
    return (
        _message("c_echo", _operation("c_echo", "verification"), **own),
        _message("c_store", _store(), **own, marks=frozenset({Mark.PRIVILEGED})),
        _message("c_find", _query("c_find", "find"), **own, marks=discloses, variants=({"study_instance_uid": ""},)),
        _message("c_get", _query("c_get", "get"), **own, marks=discloses),
        _message("c_move", _query("c_move", "move", padded("move_destination", VERSION)), **own, marks=discloses),
        _message("c_cancel", _cancel(), live=last, accepted_in=ASSOCIATED, reply_expected=False),
    )


def _associations(called: str, calling: str) -> tuple[Message, ...]:
    """Messages that are a PDU of their own."""
    identities = ({"user_identity_type": 1, "secondary_field": ""}, {"positive_response_requested": 0})
    accept = _association(A_ASSOCIATE_AC, called, calling, _answered(), _user_information())
    reasons = ("reserved_1", "result", "source", "reason")
    return (
        _message(
            "associate",
            _associate(called, calling),
            accepted_in=IDLE,
            variants=({"maximum_length_received": 0},),
        ),
        _message(
            "associate_negotiating", _associate(called, calling, *_negotiation()), accepted_in=IDLE, variants=identities
        ),
        _message("release", pdu(A_RELEASE_RQ, u32("reserved_2", 0)), accepted_in=ASSOCIATED),
        _message("abort", _short_pdu(A_ABORT, "reserved_1", "reserved_2", "source", "reason"), reply_expected=False),
        _message("accept", accept),
        _message("reject", _short_pdu(A_ASSOCIATE_RJ, *reasons, result=1, source=1, reason=1)),
        _message("release_reply", pdu(A_RELEASE_RP, u32("reserved_2", 0))),
    )


def _check(what: str, title: str) -> None:
    if not title.strip() or len(title) > LONGEST_TITLE or not title.isascii() or not title.isprintable():
        raise UsageError(f"dicom: {what} is an AE title, 1 to 16 printable ASCII characters; '{title}' is none")


def dicom(called: str = "ANY-SCP", calling: str = "MEDFUZZ") -> Protocol:
    """The upper layer with the AE titles of the device and of us. Raises UsageError for what cannot be one."""
    _check("called", called)
    _check("calling", calling)
    messages = messages_by_name((*_associations(called, calling), *_operations()))
    request = messages["associate"].send()
    probe = Send("probe", request.data, (LiveField("probe", 0, len(request.data)),))
    edges = (*(Edge("", name) for name in messages), *(Edge(*chain) for chain in CHAINS))
    proof = {"command_field": C_ECHO_RQ | RESPONSE, "status": SUCCESS}
    return Protocol(
        "dicom",
        messages,
        edges,
        DicomWire(request.data, CONTEXTS["verification"], COMMANDS, KINDS),
        {"idle": State("idle", ()), "associated": State("associated", (request,), proof)},
        probe,
        max_reply=1 << 17,
        waits=(0.05,),
        may_close=True,
        reconnect=True,
    )


PROTOCOL = dicom()
