"""ATT on the wire: one PDU at a time, requests and their responses, indications that want a confirmation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.wire import Fields, LazyFields, Wire

ERROR, NOTIFICATION, INDICATION, CONFIRMATION, MULTIPLE_NOTIFICATION = 0x01, 0x1B, 0x1D, 0x1E, 0x23
READ_BY_TYPE_RESPONSE = 0x09
ERRORS = {
    0x01: "invalid handle",
    0x02: "read not permitted",
    0x03: "write not permitted",
    0x04: "invalid PDU",
    0x05: "insufficient authentication",
    0x06: "request not supported",
    0x07: "invalid offset",
    0x08: "insufficient authorization",
    0x09: "prepare queue full",
    0x0A: "attribute not found",
    0x0B: "attribute not long",
    0x0C: "insufficient key size",
    0x0D: "invalid length",
    0x0E: "unlikely error",
    0x0F: "insufficient encryption",
    0x10: "unsupported group type",
    0x11: "insufficient resources",
    0xFC: "write request rejected",
    0xFD: "CCCD improperly configured",
    0xFE: "procedure already in progress",
    0xFF: "out of range",
}


class AttWire(Wire):
    """The link keeps PDUs apart, so that each piece that comes is one whole PDU."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One frame; notifications and indications come unasked, and what has a client's opcode is stray."""
        if not buffer:
            return (), b""
        return (Frame(_kind(buffer[0]), buffer, LazyFields(parse, buffer)),), b""

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """An indication is confirmed at once: the device waits for that before it sends another."""
        conversation.last_received = frame.data
        return bytes([CONFIRMATION]) if frame.data[:1] == bytes([INDICATION]) else b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The response with the next opcode, or an error response that names the request."""
        if frame.kind is not FrameKind.REPLY or not sent:
            return False
        return frame.data[0] == sent[0] + 1 or frame.data[:2] == bytes([ERROR, sent[0]])

    def expects_reply(self, sent: bytes) -> bool:
        """Requests have even opcodes without the command bit; what is too short for a PDU may be dropped."""
        return len(sent) > 1 and not sent[0] & 0xC1 and sent[0] != CONFIRMATION

    def served(self, frame: Frame) -> bool:
        """The device name was read."""
        return frame.data[:1] == bytes([READ_BY_TYPE_RESPONSE])

    def refuses(self, frame: Frame) -> bool:
        """An error response."""
        return frame.data[:1] == bytes([ERROR])

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """A handle that only an open link could tell: the template's."""
        if live.name.startswith("handle:"):
            return data[live.offset : live.offset + live.length]
        return super().resolve(live, data, conversation)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """PDUs do not tell what they mean to the device, so that no message can be told apart."""
        return super().forbidden(messages)


def _kind(opcode: int) -> FrameKind:
    if opcode in (NOTIFICATION, INDICATION, MULTIPLE_NOTIFICATION):
        return FrameKind.UNSOLICITED
    return FrameKind.REPLY if opcode & 1 else FrameKind.STRAY


def parse(pdu: bytes) -> Fields:
    """Opcode, and for an error the request, the handle and the reason; else handle and value where there are."""
    opcode = pdu[0]
    if opcode == ERROR:
        reason = ERRORS.get(pdu[4], f"application error {pdu[4]:#04x}")
        return {"opcode": opcode, "request": pdu[1], "handle": int.from_bytes(pdu[2:4], "little"), "error": reason}
    if opcode in (NOTIFICATION, INDICATION):
        return {"opcode": opcode, "handle": int.from_bytes(pdu[1:3], "little"), "value": pdu[3:]}
    return {"opcode": opcode, "value": pdu[1:]}
