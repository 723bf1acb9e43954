"""DICOM's PDUs and commands as bytes (PS3.8, 9.3; PS3.7, 6.3 and 9.3): taken apart strictly, and put together."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

A_ASSOCIATE_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, P_DATA_TF, A_RELEASE_RQ, A_RELEASE_RP, A_ABORT = range(1, 8)
APPLICATION_CONTEXT, CONTEXT_PROPOSED, CONTEXT_ANSWERED, ABSTRACT_SYNTAX, TRANSFER_SYNTAX, USER_INFORMATION = (
    0x10,
    0x20,
    0x21,
    0x30,
    0x40,
    0x50,
)
MAXIMUM_LENGTH, IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME = 0x51, 0x52, 0x55
ACCEPTANCE = 0
COMMAND, LAST = 0x01, 0x02
"""Bits of a message control header: a fragment of a command, else of a data set; the last one."""
HEADER = 6
C_STORE_RQ, C_ECHO_RQ, C_CANCEL_RQ, RESPONSE = 0x0001, 0x0030, 0x0FFF, 0x8000
C_GET_RQ, C_FIND_RQ, C_MOVE_RQ = 0x0010, 0x0020, 0x0021
N_EVENT_REPORT_RQ, N_GET_RQ, N_SET_RQ, N_ACTION_RQ, N_CREATE_RQ, N_DELETE_RQ = range(0x0100, 0x0160, 0x10)
REQUESTS = {
    "c_echo": C_ECHO_RQ,
    "c_store": C_STORE_RQ,
    "c_find": C_FIND_RQ,
    "c_get": C_GET_RQ,
    "c_move": C_MOVE_RQ,
    "n_event_report": N_EVENT_REPORT_RQ,
    "n_get": N_GET_RQ,
    "n_set": N_SET_RQ,
    "n_action": N_ACTION_RQ,
    "n_create": N_CREATE_RQ,
    "n_delete": N_DELETE_RQ,
}
"""Command fields of what is answered."""
NO_DATA_SET = 0x0101
SUCCESS = 0x0000
PENDING = frozenset({0xFF00, 0xFF01})
ELEMENTS = {
    0x0000: "command_group_length",
    0x0002: "affected_sop_class_uid",
    0x0003: "requested_sop_class_uid",
    0x0100: "command_field",
    0x0110: "message_id",
    0x0120: "message_id_being_responded_to",
    0x0600: "move_destination",
    0x0700: "priority",
    0x0800: "command_data_set_type",
    0x0900: "status",
    0x0901: "offending_element",
    0x0902: "error_comment",
    0x0903: "error_id",
    0x1000: "affected_sop_instance_uid",
    0x1001: "requested_sop_instance_uid",
    0x1002: "event_type_id",
    0x1005: "attribute_identifier_list",
    0x1008: "action_type_id",
    0x1020: "number_of_remaining_sub_operations",
    0x1021: "number_of_completed_sub_operations",
    0x1022: "number_of_failed_sub_operations",
    0x1023: "number_of_warning_sub_operations",
    0x1030: "move_originator_application_entity_title",
    0x1031: "move_originator_message_id",
}
"""Of group 0000, by element number, as PS3.7, E.1 names them."""
TEXTS = frozenset({0x0002, 0x0003, 0x0600, 0x0901, 0x0902, 0x1000, 0x1001, 0x1005, 0x1030})
CODES = {name: number for number, name in ELEMENTS.items()}
Command = Mapping[str, "int | bytes"]


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU: its type, and what its PDU-length counts."""

    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Pdv:
    """A presentation data value: its presentation context, message control header, and fragment."""

    context: int
    header: int
    fragment: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What the PDVs of some PDUs say of a DIMSE message: a command that is whole, and what came of the data set."""

    context: int
    command: Command | None
    data_set: bytes
    whole: bool


def pdus_of(stream: bytes) -> tuple[tuple[Pdu, ...], bytes]:
    """Whole PDUs of whatever type at the front, and the rest, which is the beginning of one."""
    found: list[Pdu] = []
    at = 0
    while len(stream) >= at + HEADER:
        stop = at + HEADER + int.from_bytes(stream[at + 2 : at + HEADER])
        if stop > len(stream):
            break
        found.append(Pdu(stream[at], stream[at + HEADER : stop]))
        at = stop
    return tuple(found), stream[at:]


def items_of(data: bytes) -> tuple[tuple[int, bytes], ...] | None:
    """Items or sub-items, each type and value; None where their lengths do not fit."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        stop = at + 4 + int.from_bytes(data[at + 2 : at + 4])
        if at + 4 > len(data) or stop > len(data):
            return None
        found.append((data[at], data[at + 4 : stop]))
        at = stop
    return tuple(found)


def pdvs_of(body: bytes) -> tuple[Pdv, ...] | None:
    """The PDVs of a P-DATA-TF, one at least; None where their lengths do not fit."""
    found: list[Pdv] = []
    at = 0
    while at < len(body):
        stop = at + 4 + int.from_bytes(body[at : at + 4])
        if stop > len(body) or stop < at + 6:
            return None
        found.append(Pdv(body[at + 4], body[at + 5], body[at + 6 : stop]))
        at = stop
    return tuple(found) or None


def command_of(data: bytes) -> Command | None:
    """A command set by the names of its elements; None where a length does not fit, or another group is in it."""
    found: dict[str, int | bytes] = {}
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            return None
        group, element, length = struct.unpack_from("<HHI", data, at)
        value = data[at + 8 : at + 8 + length]
        if group or len(value) < length:
            return None
        is_text = element in TEXTS or element not in ELEMENTS
        found[ELEMENTS.get(element, f"element_{element:04x}")] = value if is_text else int.from_bytes(value, "little")
        at += 8 + length
    return found


def message_of(pdus: tuple[Pdu, ...]) -> Message | None:
    """What P-DATA-TF PDUs say; None for others, and where lengths do not fit."""
    parts = [pdvs_of(pdu.body) if pdu.kind == P_DATA_TF else None for pdu in pdus]
    pdvs = [pdv for part in parts for pdv in part or ()]
    if not pdvs or None in parts:
        return None
    commands = [pdv for pdv in pdvs if pdv.header & COMMAND]
    data = [pdv for pdv in pdvs if not pdv.header & COMMAND]
    ended = bool(commands) and bool(commands[-1].header & LAST)
    command = command_of(b"".join(pdv.fragment for pdv in commands)) if ended else None
    wants = command is not None and command.get("command_data_set_type") != NO_DATA_SET
    complete = bool(data) and bool(data[-1].header & LAST) if wants else not data
    return Message(pdvs[0].context, command, b"".join(pdv.fragment for pdv in data), command is not None and complete)


def is_right_length(command: Command, data: bytes) -> bool:
    """True where the command group length counts what follows it in the command set."""
    return command.get("command_group_length") == len(data) - 12


def is_ordered(data: bytes) -> bool:
    """True for a command set whose elements are in order, each there once."""
    tags: list[int] = []
    at = 0
    while at < len(data):
        tags.append(int.from_bytes(data[at + 2 : at + 4], "little"))
        at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    return tags == sorted(set(tags))


def command_bytes(body: bytes) -> bytes:
    """The fragments of a command in a P-DATA-TF's body, b"" where its lengths do not fit."""
    return b"".join(pdv.fragment for pdv in pdvs_of(body) or () if pdv.header & COMMAND)


def pdu(kind: int, body: bytes) -> bytes:
    """A PDU with its header."""
    return struct.pack(">BBI", kind, 0, len(body)) + body


def command_pdu(context: int, command: Command) -> bytes:
    """A P-DATA-TF with a whole command set, its group length put in front; texts are padded to an even length."""
    body = b"".join(_element(CODES[name], value) for name, value in command.items())
    fragment = _element(0, len(body)) + body
    return pdu(P_DATA_TF, struct.pack(">IBB", len(fragment) + 2, context, COMMAND | LAST) + fragment)


def _element(number: int, value: int | bytes) -> bytes:
    raw = value + b"\0" * (len(value) % 2) if isinstance(value, bytes) else value.to_bytes(2 if number else 4, "little")
    return struct.pack("<HHI", 0, number, len(raw)) + raw
