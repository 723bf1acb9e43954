"""DICOM's upper layer and composite services (PS3.7, PS3.8), as storage, query and print servers take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import boofuzz

from harness.case import LiveField, Send
from harness.errors import UsageError
from harness.interfaces import Mark, State
from protocols.dicom_fields import (
    Fields,
    ae_title,
    block,
    command,
    crowded,
    data_set,
    in_fragments,
    in_pieces,
    item,
    joined,
    padded,
    pdu,
    rendered,
    short,
    tag,
    text,
    u8,
    u16,
    u32,
    uid,
)
from protocols.dicom_objects import (
    AMBIGUOUS,
    BIG_EXPLICIT,
    COMMITMENT_INSTANCE,
    COMMITTED,
    COUNTED_EXPLICIT,
    ENCAPSULATED,
    EVERY_VR,
    IDENTIFIER,
    INSTANCE,
    LITTLE_EXPLICIT,
    LITTLE_IMPLICIT,
    PADDED,
    RUN_LENGTHS,
    STEP_BEGUN,
    STEP_DONE,
    UNCOUNTED_IMPLICIT,
    Element,
    deflated,
    image,
)
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
    ELEMENTS,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    MAXIMUM_LENGTH,
    REQUESTS,
    RESPONSE,
    SUCCESS,
    TRANSFER_SYNTAX,
    USER_INFORMATION,
)
from protocols.dicom_structures import DEEP, GROUP_LENGTHS, LITTLE, NESTED, SELECTED
from protocols.dicom_uids import (
    COMMITMENT,
    DEFLATED,
    DICOM_APPLICATION,
    EXPLICIT_LITTLE,
    FILM_SESSION,
    IMPLICIT,
    SECONDARY_CAPTURE,
    SOP_CLASSES,
    STEP,
    STUDY_FIND,
    STUDY_GET,
    STUDY_MOVE,
    TRANSFER_SYNTAXES,
    VERIFICATION,
)
from protocols.dicom_wire import DicomWire
from protocols.model import Message, Protocol, edges_of, messages_by_name

SYNTAXES = {
    "verification": VERIFICATION,
    "storage": SECONDARY_CAPTURE,
    "find": STUDY_FIND,
    "move": STUDY_MOVE,
    "get": STUDY_GET,
    "explicit": SECONDARY_CAPTURE,
    "big_endian": SECONDARY_CAPTURE,
    "encapsulated": SECONDARY_CAPTURE,
    "commitment": COMMITMENT,
    "step": STEP,
    "film_session": FILM_SESSION,
    "deflated": SECONDARY_CAPTURE,
}
"""What each presentation context in every association here is for."""
CONTEXTS = {name: 2 * number + 1 for number, name in enumerate(SYNTAXES)}
TRANSFER = {
    "explicit": LITTLE_EXPLICIT.syntax,
    "big_endian": BIG_EXPLICIT.syntax,
    "encapsulated": ENCAPSULATED.syntax,
    "deflated": DEFLATED,
}
"""Their transfer syntaxes, where these are others than implicit VR little endian."""
BENT = ("verification", "storage")
OURS, VERSION = "1.2.826.0.1.3680043.8.498.1", "MEDFUZZ"
LONGEST_PDU, SHORTEST_PDU = 16384, 128
LONGEST_TITLE = 16
ASYNCHRONOUS, ROLE, EXTENDED, COMMON_EXTENDED, USER_IDENTITY = 0x53, 0x54, 0x56, 0x57, 0x58
STORED = (
    *("fragmented", "explicit", "big_endian", "encapsulated", "deflated", "joined"),
    *("crowded", "pieces", "pieces_explicit", "pieces_big_endian"),
)
"""How a data set is written and carried, besides whole and in implicit VR."""
COMMANDS = {
    **REQUESTS,
    "c_echo_fragmented": C_ECHO_RQ,
    **{f"c_store_{form}": C_STORE_RQ for form in STORED},
    "c_cancel": C_CANCEL_RQ,
    **{f"{name}_misplaced": code for name, code in REQUESTS.items() if name != "c_echo"},
    **{f"{name}_response": RESPONSE | code for name, code in REQUESTS.items()},
}
_ALL = ("remaining", "completed", "failed", "warning")
COUNTED = {"c_get_response": _ALL, "c_move_response": _ALL}
TYPED = {"n_event_report_response": "event_type_id", "n_action_response": "action_type_id"}
"""What some responses have besides: numbers of sub-operations, the type of what was asked for."""
REQUESTED = ("n_get", "n_set", "n_action", "n_delete")
"""Operations on an instance that is there."""
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
    *((name, "release") for name in COMMANDS if not name.endswith("_misplaced")),
    ("associate_negotiating", "c_echo"),
    ("c_store", "c_echo"),
    ("c_store_pieces", "c_store"),
    ("c_store_joined", "c_echo_fragmented"),
    ("c_store_fragmented", "c_store_explicit"),
    ("n_create", "n_set"),
    ("n_set", "n_get"),
    ("n_action", "n_event_report"),
    ("c_find", "c_cancel"),
    ("c_get", "c_cancel"),
    ("c_move", "c_cancel"),
    ("release", "c_echo"),
)


def _proposed(name: str) -> Fields:
    """One presentation context; C-ECHO, which has no data set, may have either transfer syntax.

    Contexts are read alike: the fields of two are bent, the others are left out, there twice, and cut only.
    """
    bent, syntax = name in BENT, TRANSFER.get(name, IMPLICIT)
    abstract = text("abstract_syntax_name", SYNTAXES[name], SOP_CLASSES, bent=bent)
    transfer = text("transfer_syntax_name", syntax, TRANSFER_SYNTAXES, bent=bent)
    other = text("transfer_syntax_name_2", EXPLICIT_LITTLE, TRANSFER_SYNTAXES)
    reserved = tuple(u8(f"reserved_{number}", 0, bent=bent) for number in (1, 2, 3))
    own = u8("presentation_context_id", CONTEXTS[name], bent=bent)
    names = (
        *item(ABSTRACT_SYNTAX, abstract, bent=bent),
        *item(TRANSFER_SYNTAX, transfer, bent=bent),
        *(item(TRANSFER_SYNTAX, other) if name == "verification" else ()),
    )
    return item(CONTEXT_PROPOSED, block(name, (own, *reserved), names), bent=bent)


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


def _operation(
    name: str, syntax: str, *more: boofuzz.Fuzzable, data: Fields = (), cut: bool = False, ahead: Fields = ()
) -> Fields:
    own = (uid("affected_sop_class_uid", SYNTAXES[syntax], SOP_CLASSES), short("message_id", 1), *more)
    carried = bool(data or ahead)
    asked = command(CONTEXTS[syntax], COMMANDS[name], *own, data=carried, cut=cut, ahead=ahead)
    return (*asked, *_behind(data))


def _behind(data: Fields) -> Fields:
    """The PDUs of a data set, which may be missing as a whole."""
    return (block("data_set_pdus", data),) if data else ()


def _store(name: str, context: str, data: Fields = (), ahead: Fields = ()) -> Fields:
    """A storage; one in fragments is what somebody's C-MOVE asked for."""
    own = (short("priority", 0), uid("affected_sop_instance_uid", INSTANCE))
    if name == "c_store_fragmented":
        asker = padded("move_originator_application_entity_title", VERSION)
        own = (*own, asker, short("move_originator_message_id", 1))
    return _operation(name, context, *own, data=data, ahead=ahead)


def _query(name: str, syntax: str, *more: boofuzz.Fuzzable) -> Fields:
    data = data_set(CONTEXTS[syntax], *LITTLE_IMPLICIT.elements(*IDENTIFIER))
    return _operation(name, syntax, short("priority", 0), *more, data=data)


def _cancel() -> Fields:
    return command(CONTEXTS["find"], C_CANCEL_RQ, short("message_id_being_responded_to", 1), data=False)


def _normalized(name: str, syntax: str, instance: str, *more: boofuzz.Fuzzable, data: Sequence[Element] = ()) -> Fields:
    """A DIMSE-N request (PS3.7, 10.3): it asks for an instance that is there, and N-CREATE for one that is not."""
    which = "requested" if name in REQUESTED else "affected"
    own = (
        uid(f"{which}_sop_class_uid", SYNTAXES[syntax], SOP_CLASSES),
        short("message_id", 1),
        uid(f"{which}_sop_instance_uid", instance),
        *more,
    )
    told = data_set(CONTEXTS[syntax], *LITTLE_IMPLICIT.elements(*data)) if data else ()
    return (*command(CONTEXTS[syntax], COMMANDS[name], *own, data=bool(data)), *_behind(told))


def _response(name: str) -> Fields:
    """A response that nobody asked for, with all that its kind may have (PS3.7, 9.3, 10.3 and annex C)."""
    own = [
        uid("affected_sop_class_uid", SECONDARY_CAPTURE, SOP_CLASSES),
        short("message_id_being_responded_to", 1),
        short("status", SUCCESS),
        tag("offending_element", 0x00100010, ELEMENTS),
        padded("error_comment", "NONE"),
        short("error_id", 0),
        uid("affected_sop_instance_uid", INSTANCE),
    ]
    own += [short(f"number_of_{count}_sub_operations", 0) for count in COUNTED.get(name, ())]
    own += [short(kind, 1) for kind in (TYPED.get(name),) if kind]
    return command(CONTEXTS["storage"], COMMANDS[name], *own, data=False)


def _misplaced(name: str) -> Fields:
    """A request in the presentation context of another service, where most acceptors read it all the same."""
    kind = name.removesuffix("_misplaced")
    which = "requested" if kind in REQUESTED else "affected"
    own = [uid(f"{which}_sop_class_uid", SECONDARY_CAPTURE, SOP_CLASSES), short("message_id", 1)]
    own += [short("priority", 0)] if kind.startswith("c_") else []
    own += [padded("move_destination", VERSION)] if kind == "c_move" else []
    own += [uid(f"{which}_sop_instance_uid", INSTANCE)] if kind == "c_store" or kind.startswith("n_") else []
    own += [short(typed, 1) for typed in (TYPED.get(f"{kind}_response"),) if typed]
    context, has_data = CONTEXTS["verification"], kind not in ("n_get", "n_delete")
    told = boofuzz.Bytes("identifier", rendered(LITTLE_IMPLICIT.elements(*IDENTIFIER)))
    behind = _behind(data_set(context, told)) if has_data else ()
    return (*command(context, COMMANDS[name], *own, data=has_data), *behind)


def _message(name: str, fields: Fields, **options: Any) -> Message:
    return Message(boofuzz.Request(name, children=fields), **options)


def _loose(elements: Sequence[Element]) -> Fields:
    """Elements that may be cut anywhere."""
    return tuple(field for element in elements for field in LITTLE_IMPLICIT.element(*element))


def _stores() -> dict[str, Fields]:
    """A storage in each transfer syntax, and in fragments."""
    rich = (*EVERY_VR, *SELECTED, *NESTED, *DEEP, *GROUP_LENGTHS)
    little = (*rich, *LITTLE)
    forms = {
        "c_store": ("storage", data_set, LITTLE_IMPLICIT.elements(*image())),
        "c_store_fragmented": ("storage", in_fragments, _loose(image(more=(*EVERY_VR, *AMBIGUOUS)))),
        "c_store_explicit": (
            "explicit",
            data_set,
            LITTLE_EXPLICIT.elements(*image(more=(*EVERY_VR, *NESTED, *LITTLE))),
        ),
        "c_store_big_endian": ("big_endian", data_set, BIG_EXPLICIT.elements(*image(more=PADDED))),
        "c_store_encapsulated": ("encapsulated", data_set, ENCAPSULATED.elements(*image(RUN_LENGTHS))),
        "c_store_deflated": ("deflated", data_set, (deflated(LITTLE_EXPLICIT.elements(*image())),)),
        "c_store_crowded": ("storage", crowded, LITTLE_IMPLICIT.elements(*image())),
        "c_store_pieces": ("storage", in_pieces, UNCOUNTED_IMPLICIT.elements(*image(more=(*little, *AMBIGUOUS)))),
        "c_store_pieces_explicit": ("explicit", in_pieces, COUNTED_EXPLICIT.elements(*image(more=little))),
        "c_store_pieces_big_endian": ("big_endian", in_pieces, BIG_EXPLICIT.elements(*image(more=rich))),
    }
    behind = joined(CONTEXTS["storage"], *LITTLE_IMPLICIT.elements(*image(more=(*NESTED, *DEEP, *LITTLE))))
    return {
        **{
            name: _store(name, context, sent(CONTEXTS[context], *elements))
            for name, (context, sent, elements) in forms.items()
        },
        "c_store_joined": _store("c_store_joined", "storage", ahead=behind),
    }


def _services() -> dict[str, Fields]:
    """What normalized services are asked: storage commitment, procedure steps, printing."""
    step, kept = INSTANCE + ".3", COMMITMENT_INSTANCE
    tags = boofuzz.Bytes("attribute_identifier_list", b"\x08\0\x60\0\x40\0\x52\x02")
    return {
        "n_create": _normalized("n_create", "step", step, data=STEP_BEGUN),
        "n_set": _normalized("n_set", "step", step, data=STEP_DONE),
        "n_get": _normalized("n_get", "step", step, tags),
        "n_action": _normalized("n_action", "commitment", kept, short("action_type_id", 1), data=COMMITTED),
        "n_event_report": _normalized("n_event_report", "commitment", kept, short("event_type_id", 1), data=COMMITTED),
        "n_delete": _normalized("n_delete", "film_session", INSTANCE + ".4"),
    }


def _operations() -> tuple[Message, ...]:
    """DIMSE requests, each with a message id of its own, and responses that nobody asked for."""
    elements, answered = "command_pdu.command_pdv.command.elements", "message_id_being_responded_to"
    live = {f"{elements}.message_id_element.message_id": "message_id"}
    last = {f"{elements}.{answered}_element.{answered}": "last_message_id"}
    discloses, privileged = frozenset({Mark.DISCLOSES_PATIENT_DATA}), frozenset({Mark.PRIVILEGED})
    own: dict[str, Any] = {"live": live, "accepted_in": ASSOCIATED}
    return (
        _message("c_echo", _operation("c_echo", "verification"), **own),
        _message("c_echo_fragmented", _operation("c_echo_fragmented", "verification", cut=True), **own),
        *(_message(name, fields, **own, marks=privileged) for name, fields in _stores().items()),
        _message("c_find", _query("c_find", "find"), **own, marks=discloses, variants=({"study_instance_uid": ""},)),
        _message("c_get", _query("c_get", "get"), **own, marks=discloses),
        _message("c_move", _query("c_move", "move", padded("move_destination", VERSION)), **own, marks=discloses),
        _message("c_cancel", _cancel(), live=last, accepted_in=ASSOCIATED, reply_expected=False),
        *(_message(name, fields, **own, marks=privileged) for name, fields in _services().items()),
        *(_message(name, _misplaced(name), live=live) for name in COMMANDS if name.endswith("_misplaced")),
        *(_message(name, _response(name), live=last) for name in COMMANDS if name.endswith("_response")),
    )


def _associations(called: str, calling: str) -> tuple[Message, ...]:
    """Messages that are a PDU of their own."""
    identities = (
        {"user_identity_type": 1, "secondary_field": ""},
        {"positive_response_requested": 0},
        *({"user_identity_type": kind, "secondary_field": ""} for kind in (3, 4)),
    )
    accept = _association(A_ASSOCIATE_AC, called, calling, _answered(), _user_information())
    reasons = ("reserved_1", "result", "source", "reason")
    return (
        _message(
            "associate",
            _associate(called, calling),
            accepted_in=IDLE,
            variants=({"maximum_length_received": 0}, {"maximum_length_received": SHORTEST_PDU}),
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
    edges = edges_of(messages, CHAINS)
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
