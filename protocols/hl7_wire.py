"""HL7 v2 over MLLP on the wire: blocks, acknowledgements, the control id (HL7 2.6 chapter 2; MLLP release 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.wire import Fields, LazyFields, Wire

START, END = b"\x0b", b"\x1c\r"
MAX_MESSAGE = 1024
MAX_BLOCK = 1 << 16
HEX = 16
CONTROL_ID = re.compile(rb"MSH\|[^|\r]{1,8}\|(?:[^|\r]*\|){7}([\x21-\x7b\x7d\x7e]{1,20})\|")
ACKNOWLEDGED = re.compile(rb"\rMSA\|[^|\r]*\|([^|\r]*)")
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


class Hl7Wire(Wire):
    """MLLP blocks; `types` maps message names to what MSH-9 begins with (`RGV`)."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = dict(types)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Blocks from the last start byte to the first end; what is between blocks is stray. The rest is bounded."""
        frames: list[Frame] = []
        at = 0
        while (stop := buffer.find(END, at)) >= 0:
            stop += len(END)
            start = buffer.rfind(START, at, stop)
            frames += _stray(buffer[at : start if start >= 0 else stop])
            if start >= 0:
                block = buffer[start:stop]
                frames.append(Frame(FrameKind.REPLY, block, LazyFields(parse_block, block)))
            at = stop
        rest = buffer[at:]
        keep = rest.find(START)
        if keep < 0 or len(rest) > MAX_BLOCK:
            keep = len(rest) - 1 if rest.endswith(END[:1]) and len(rest) <= MAX_BLOCK else len(rest)
        return (*frames, *_stray(rest[:keep])), rest[keep:]

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """A control id that no earlier message of the conversation had."""
        if live.name != "control_id":
            return super().resolve(live, data, conversation)
        number = int(conversation.values.get("control_id", 0)) + 1
        conversation.values["control_id"] = number
        return b"MSG%0*d" % (live.length - 3, number % 10 ** (live.length - 3))

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """An acknowledgement that echoes the control id; where none could be read from what was sent, any."""
        if frame.kind is not FrameKind.REPLY:
            return False
        asked = CONTROL_ID.search(sent)
        told = ACKNOWLEDGED.search(frame.data)
        return asked is None or told is None or told[1] in (asked[1], b"")

    def expects_reply(self, sent: bytes) -> bool:
        """Every framed message of at most 1024 bytes is answered."""
        stop = sent.find(END)
        start = sent.find(START)
        return 0 <= start < stop <= start + MAX_MESSAGE

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

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A forbidden message's type code anywhere: delimiters may have been bent, so nothing around it counts."""
        codes = "|".join(re.escape(self._types[name]) for name in messages)
        return re.compile(b"(?i:" + codes.encode() + b")") if codes else super().forbidden(())


def _stray(data: bytes) -> tuple[Frame, ...]:
    return (Frame(FrameKind.STRAY, data),) if data else ()


def parse_block(block: bytes) -> Fields:
    """Acknowledgement, control id, error and observations; numbers as numbers."""
    read: dict[str, int | str | bytes] = {}
    for segment in block[1 : -len(END)].decode("latin-1").split("\r"):
        fields = segment.split("|")
        match fields:
            case ["MSH", _, _, _, _, _, _, _, kind, *_]:
                read["type"] = kind
            case ["MSA", code, identifier, *_]:
                read |= {"acknowledgement": code, "control_id": identifier}
            case ["ERR", _, _, detail, *_]:
                read["error"] = detail
            case ["OBX", _, kind, name, _, value, *_]:
                read[OBSERVATIONS.get(name, name)] = _observed(name, kind, value)
            case _:
                pass
    return read


def _observed(name: str, kind: str, value: str) -> int | str:
    base = HEX if name == "CONFIG" else 10
    return int(value, base) if kind == "NM" or base == HEX else value
