"""Modbus PDUs as bytes (Application Protocol V1.1b3, chapter 6): how long each is, and what a server's says."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from protocols.wire import Fields

EXCEPTION = 0x80
READ_HOLDING, DIAGNOSTICS, ENCAPSULATED = 0x03, 0x08, 0x2B
RETURN_QUERY_DATA, RESTART_COMMUNICATIONS, FORCE_LISTEN_ONLY = 0x00, 0x01, 0x04
READ_DEVICE_IDENTIFICATION = 0x0E
BROADCAST = frozenset({0x05, 0x06, 0x08, 0x0F, 0x10, 0x15, 0x16, 0x17})
"""What a device may carry out that is sent to all."""
LONGEST = 253
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
_REQUEST_LENGTHS = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x04, 0x05, 0x06), 5),
    **dict.fromkeys((0x07, 0x0B, 0x0C, 0x11), 1),
    0x16: 7,
    0x18: 3,
}
_COUNTED_REQUESTS = {0x0F: 6, 0x10: 6, 0x14: 2, 0x15: 2, 0x17: 10}
_REGISTERS = frozenset({0x03, 0x04, 0x17, 0x18})
_REPLIES: Mapping[int, tuple[str, tuple[str, ...]]] = {
    0x01: (">B", ("byte_count", "coil_status")),
    0x02: (">B", ("byte_count", "input_status")),
    0x03: (">B", ("byte_count", "registers")),
    0x04: (">B", ("byte_count", "registers")),
    0x05: (">HH", ("address", "value")),
    0x06: (">HH", ("address", "value")),
    0x07: (">B", ("exception_status",)),
    0x08: (">H", ("sub_function", "data")),
    0x0B: (">HH", ("status", "event_count")),
    0x0C: (">BHHH", ("byte_count", "status", "event_count", "message_count", "events")),
    0x0F: (">HH", ("address", "quantity")),
    0x10: (">HH", ("address", "quantity")),
    0x11: (">B", ("byte_count", "server_id")),
    0x14: (">B", ("byte_count", "sub_responses")),
    0x15: (">B", ("byte_count", "sub_responses")),
    0x16: (">HHH", ("address", "and_mask", "or_mask")),
    0x17: (">B", ("byte_count", "registers")),
    0x18: (">HH", ("byte_count", "fifo_count", "registers")),
    0x2B: (
        ">BBBBBB",
        ("mei_type", "read_device_id_code", "conformity_level", "more_follows", "next_object_id", "number_of_objects"),
    ),
}
"""By function code: the integers behind it, their names, and one more name for what follows them, if anything does."""


def reply_length(pdu: bytes) -> int | None:
    """Bytes of the reply that begins `pdu`, more than there are while not all are there.

    None where nothing in it tells: returned query data, and codes that the standard does not know.
    """
    code = pdu[0]
    if code & EXCEPTION:
        return 2
    if code not in _REPLIES or (code == DIAGNOSTICS and pdu[1:3] == RETURN_QUERY_DATA.to_bytes(2)):
        return None
    if code == ENCAPSULATED:
        return _identification_length(pdu)
    form, names = _REPLIES[code]
    if names[0] == "byte_count":
        start = 1 + struct.calcsize(form[:2])
        return start + int.from_bytes(pdu[1:start])
    return 5 if code == DIAGNOSTICS else 1 + struct.calcsize(form)


def _identification_length(pdu: bytes) -> int | None:
    """Up to the last object; None for another MEI type."""
    if pdu[1:2] not in (b"", bytes([READ_DEVICE_IDENTIFICATION])):
        return None
    length = 7
    for _object in range(int.from_bytes(pdu[6:7])):
        length += 2 + int.from_bytes(pdu[length + 1 : length + 2])
    return length


def must_be_answered(pdu: bytes) -> bool:
    """True for a request as long as its function wants it, except for the one that asks for silence.

    A code that the server does not know is answered by an exception. What is longer than any request (V1.1b3, 4.1) may
    be dropped.
    """
    code = pdu[0]
    if not 0 < code < EXCEPTION or len(pdu) > LONGEST:
        return False
    if code == DIAGNOSTICS:
        sub_function = int.from_bytes(pdu[1:3])
        length = len(pdu) if sub_function == RETURN_QUERY_DATA and len(pdu) % 2 else 5
        return len(pdu) == max(length, 5) and sub_function != FORCE_LISTEN_ONLY
    if code == ENCAPSULATED:
        return len(pdu) == 4
    if code in _COUNTED_REQUESTS:
        head = _COUNTED_REQUESTS[code]
        return len(pdu) >= head and len(pdu) == head + pdu[head - 1]
    return len(pdu) == _REQUEST_LENGTHS.get(code, len(pdu))


def reply_fields(pdu: bytes) -> Fields:
    """What a reply says, by the standard's names; registers also one by one, objects by their ids."""
    code = pdu[0]
    fields: dict[str, int | str | bytes] = {"function_code": code}
    if code & EXCEPTION:
        return {**fields, "exception_code": pdu[1], "exception": EXCEPTIONS.get(pdu[1], f"exception {pdu[1]}")}
    if code not in _REPLIES or (code == ENCAPSULATED and pdu[1] != READ_DEVICE_IDENTIFICATION):
        return {**fields, "data": pdu[1:]}
    form, names = _REPLIES[code]
    behind = pdu[1 + struct.calcsize(form) :]
    fields |= dict(zip(names, (*struct.unpack_from(form, pdu, 1), behind), strict=False))
    if code in _REGISTERS:
        fields |= {f"register_{i}": value for i, (value,) in enumerate(struct.iter_unpack(">H", behind))}
    return {**fields, **_objects(behind)} if code == ENCAPSULATED else fields


def _objects(data: bytes) -> dict[str, bytes]:
    """The objects of a device identification."""
    found: dict[str, bytes] = {}
    while len(data) > 1:
        stop = 2 + data[1]
        found[f"object_{data[0]}"], data = data[2:stop], data[stop:]
    return found
