"""SMP on the wire: one command at a time, which the link keeps apart."""

from __future__ import annotations

from harness.interfaces import Frame, FrameKind
from protocols.wire import Fields, LazyFields, Wire

PAIRING_REQUEST, PAIRING_RESPONSE, PAIRING_FAILED, SECURITY_REQUEST = 0x01, 0x02, 0x05, 0x0B
PAIRING_REQUEST_SIZE = 7
CODES = range(0x01, 0x0F)
FAILED = 0x08
REASONS = {
    0x01: "passkey entry failed",
    0x02: "OOB not available",
    0x03: "authentication requirements",
    0x04: "confirm value failed",
    0x05: "pairing not supported",
    0x06: "encryption key size",
    0x07: "command not supported",
    0x08: "unspecified reason",
    0x09: "repeated attempts",
    0x0A: "invalid parameters",
    0x0B: "DHKey check failed",
    0x0C: "numeric comparison failed",
    0x0D: "BR/EDR pairing in progress",
    0x0E: "cross-transport key derivation not allowed",
    0x0F: "key rejected",
}


class SmpWire(Wire):
    """Pairing goes request by response; everything may be answered by Pairing Failed instead."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One command; a Security Request comes unasked, and what has no known code is stray."""
        if not buffer:
            return (), b""
        kind = FrameKind.UNSOLICITED if buffer[0] == SECURITY_REQUEST else FrameKind.REPLY
        return (Frame(kind if buffer[0] in CODES else FrameKind.STRAY, buffer, LazyFields(parse, buffer)),), b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The same code back, a Pairing Response to its request, or that the pairing failed."""
        if frame.kind is not FrameKind.REPLY or not sent:
            return False
        wanted = PAIRING_RESPONSE if sent[0] == PAIRING_REQUEST else sent[0]
        return frame.data[0] in (wanted, PAIRING_FAILED)

    def expects_reply(self, sent: bytes) -> bool:
        """A whole Pairing Request; whether anything else is answered depends on how far the pairing is."""
        return len(sent) == PAIRING_REQUEST_SIZE and sent[0] == PAIRING_REQUEST

    def refuses(self, frame: Frame) -> bool:
        """Pairing Failed."""
        return frame.data[:1] == bytes([PAIRING_FAILED])

    def served(self, frame: Frame) -> bool:
        """A Pairing Response, or a refusal."""
        return frame.data[:1] in (bytes([PAIRING_RESPONSE]), bytes([PAIRING_FAILED]))


def parse(pdu: bytes) -> Fields:
    """The code, and why a pairing failed, or a response's features."""
    if pdu[0] == PAIRING_FAILED:
        return {"code": pdu[0], "reason": REASONS.get(pdu[1], f"reason {pdu[1]:#04x}")}
    if pdu[0] == PAIRING_RESPONSE:
        return {"code": pdu[0], "authentication": pdu[3], "max_key_size": pdu[4]}
    return {"code": pdu[0], "value": pdu[1:]}
