"""HL7 as the pump answers it: a status query with its observations, and every block answered."""

from __future__ import annotations

from collections.abc import Mapping

from harness.interfaces import Frame, Identity
from protocols.hl7_wire import END, START, Hl7Wire
from protocols.wire import Fields

TYPES = {"order": "RGV", "cancel": "RGV", "query": "QRY", "admit": "ADT"}
MAX_MESSAGE = 1024
HEX = 16
OBSERVATIONS: Mapping[str, str] = {
    "STATE": "therapy_state",
    "PENDING": "pending",
    "RATE": "rate",
    "ALARMS": "alarms",
    "UPTIME": "uptime_ms",
    "BOOTS": "boots",
    "FIRMWARE": "firmware",
    "CONFIG": "configuration",
    "SERIAL": "serial",
    "WRITES": "configuration_writes",
}


class PumpHl7Wire(Hl7Wire):
    """The pump's network module."""

    def expects_reply(self, sent: bytes) -> bool:
        """Every framed message of at most 1024 bytes is answered."""
        stop = sent.find(END)
        start = sent.find(START)
        return 0 <= start < stop <= start + MAX_MESSAGE

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """The module reads what it can of a message, and an id that it could not read it does not repeat."""
        return ""

    def demands(self, sent: bytes) -> bool:
        """The module drops what is no message of the pump's, by its specification."""
        return False

    def served(self, frame: Frame) -> bool:
        """A query response that accepts."""
        return b"|ORF^R04|" in frame.data and b"\rMSA|AA|" in frame.data

    def identity(self, frame: Frame) -> Identity:
        """Serial number and firmware version (major.minor)."""
        fields = frame.fields
        if "serial" not in fields:
            return Identity()
        version = fields.get("firmware", "")
        text = f"{version >> 8}.{version & 0xFF}" if isinstance(version, int) else str(version)
        return Identity("", str(fields["serial"]), text)

    def observed(self, name: str, kind: str, value: str) -> Fields:
        """By our names; the configuration's checksum is hexadecimal."""
        base = HEX if name == "CONFIG" else 10
        return {OBSERVATIONS.get(name, name): int(value, base) if kind == "NM" or base == HEX else value}
