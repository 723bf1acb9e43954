"""The attribute protocol as both ends of the control socket need it: opcodes, and what answers what (Vol 3 Part F)."""

from __future__ import annotations

ATT = 4
MTU = 517
ERROR, MTU_REQUEST, READ_BY_TYPE, READ, READ_BLOB = 0x01, 0x02, 0x08, 0x0A, 0x0C
WRITE, PREPARE_WRITE, EXECUTE_WRITE, WRITE_COMMAND, SIGNED_WRITE = 0x12, 0x16, 0x18, 0x52, 0xD2
NOTIFICATION, INDICATION, CONFIRMATION = 0x1B, 0x1D, 0x1E
WITH_HANDLE = frozenset({READ, READ_BLOB, WRITE, PREPARE_WRITE, WRITE_COMMAND, SIGNED_WRITE})
TRANSACTION_SECONDS = 30.0


def is_request(pdu: bytes) -> bool:
    """True for an ATT request: an even opcode without the command bit, and no confirmation."""
    return bool(pdu) and not pdu[0] & 0xC1 and pdu[0] != CONFIRMATION


def answers(request: bytes, pdu: bytes) -> bool:
    """True when `pdu` is the response to a request, or the error response."""
    return pdu[:1] == bytes([request[0] + 1]) or pdu[:2] == bytes([ERROR, request[0]])


def refusal(request: bytes, code: int) -> bytes:
    """The Error Response to a request, cut short or not."""
    return bytes([ERROR, request[0]]) + request[1:3].ljust(2, b"\0") + bytes([code])
