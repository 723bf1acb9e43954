"""HL7 v2 over MLLP on the wire: blocks, acknowledgements, the control id (HL7 2.5 chapter 2; MLLP release 1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.wire import Fields, LazyFields, Wire, stray

START, END = b"\x0b", b"\x1c\r"
MAX_BLOCK = 1 << 16
CODES = frozenset({b"AA", b"AE", b"AR", b"CA", b"CE", b"CR"})
REFUSALS = frozenset({b"AE", b"AR", b"CE", b"CR"})
ASKED = re.compile(rb"MSH\|[^|\r]{1,8}\|(?:[^|\r]*\|){6}([^|\r]*)\|([\w.-]{1,20})\|")
PROPER = re.compile(
    rb"\x0bMSH\|\^~\\&\|(?:[^|\r\x0b\x1c]*\|){6}(?!ACK)[A-Z]{3}\^[A-Z]\d\d(?:\^[A-Z]{3}_[A-Z]\d\d)?\|[\w.-]{1,20}\|"
    rb"[^\x0b\x1c]*\x1c\r"
)
BATCHES = (b"FHS", b"BHS")
_SEGMENT_END = re.compile("[\r\n]+")
_REMEMBERED = 64  # blocks: devices repeat themselves
_LINE_END = re.compile(rb"[\r\n]+")
_NAMED = re.compile(rb"[\w.-]{1,199}")
_BEFORE_MSH = b"\xef\xbb\xbf\r\n "
_DELIMITERS_AT_MOST = rb"[\s\S]{0,8}"
_COMMITTED = b"MSH|^~\\&|GATEWAY|HOSPITAL|DEVICE|HOSPITAL|20260101120000||ACK|%s|P|2.5\rMSA|CA|%s\r"


@dataclass(frozen=True, slots=True)
class Segments:
    """A block's segments, each the list of its fields, with the delimiters that its own MSH names."""

    fields: tuple[tuple[str, ...], ...]
    component: str

    def first(self, name: str) -> tuple[str, ...]:
        """The fields of the first segment of that name, () where there is none."""
        return next((fields for fields in self.fields if fields[0] == name), ())


def segments_of(block: bytes) -> Segments:
    """Read leniently: any field separator, CR or LF between segments, UTF-8 or else Latin-1; none without an MSH."""
    content = block.removeprefix(START).removesuffix(END)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    lines = [line.strip() for line in _SEGMENT_END.split(text.lstrip("\ufeff\r\n "))]
    if len(lines[0]) < 4 or not lines[0].startswith("MSH"):
        return Segments((), "^")
    separator = lines[0][3]
    fields = tuple(tuple(line.split(separator)) for line in lines if line)
    return Segments(fields, (fields[0][1][:1] or "^") if len(fields[0]) > 1 else "^")


@lru_cache(_REMEMBERED)
def acknowledged(block: bytes) -> tuple[bytes, bytes] | None:
    """MSA-1 and MSA-2, the code and the control id of what the block answers; None where it answers nothing.

    Asked of each answer again and again, so that no more of it is read than that, and once.
    """
    lines = _lines(block)
    separator = lines[0][3:4]
    if not lines[0].startswith(b"MSH") or not separator:
        return None
    found = next((line.split(separator) for line in lines if line.split(separator, 1)[0] == b"MSA"), ())
    return (found[1], found[2].strip()) if len(found) > 2 else None


def header_of(block: bytes) -> list[bytes]:
    """The fields of a block's first segment, [] where that is no header: MSH-n is at n - 1."""
    first = _lines(block)[0]
    return first.split(first[3:4]) if first[:3] in (b"MSH", *BATCHES) and first[3:4] else []


def kind_of(block: bytes) -> bytes:
    """MSH-9's code and event, an ACK's code alone, `batch` for a batch or a file of them; b"" where none is told."""
    fields = header_of(block)
    if not fields or fields[0] in BATCHES:
        return b"batch" if fields else b""
    component = fields[1][:1] if len(fields) > 8 else b""
    code, *event = fields[8].split(component)[:2] if component else [b""]
    return b"^".join((code, *event)) if code != b"ACK" else code


def is_due(block: bytes) -> bool:
    """False where the header allows that none comes (MSH-15, MSH-16), and for a batch, bent or not (HL7 2.5, 2.9)."""
    asked = {field for field in header_of(block)[14:16] if field}
    return _lines(block)[0][:3] not in BATCHES and (not asked or b"AL" in asked)


@lru_cache(_REMEMBERED)
def _lines(block: bytes) -> tuple[bytes, ...]:
    content = block.removeprefix(START).removesuffix(END).lstrip(_BEFORE_MSH)
    return tuple(line.strip() for line in _LINE_END.split(content))


class Hl7Wire(Wire):
    """MLLP blocks; `types` maps message names to how their MSH-9 begins (`RGV`, `RGV^O15`), `~` between several."""

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = dict(types)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Blocks from the last start byte to the first end; what is between blocks is stray. The rest is bounded."""
        frames: list[Frame] = []
        at = 0
        while (stop := buffer.find(END, at)) >= 0:
            stop += len(END)
            start = buffer.rfind(START, at, stop)
            frames += stray(buffer[at : start if start >= 0 else stop])
            if start >= 0:
                block = buffer[start:stop]
                frames.append(Frame(FrameKind.REPLY, block, LazyFields(self.read, block)))
            at = stop
        rest = buffer[at:]
        keep = rest.find(START)
        if keep < 0 or len(rest) > MAX_BLOCK:
            keep = len(rest) - 1 if rest.endswith(END[:1]) and len(rest) <= MAX_BLOCK else len(rest)
        return (*frames, *stray(rest[:keep])), rest[keep:]

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """A control id that no earlier message of the conversation had."""
        if live.name != "control_id":
            return super().resolve(live, data, conversation)
        number = int(conversation.values.get("control_id", 0)) + 1
        conversation.values["control_id"] = number
        digits = live.length - 3 if live.length > 3 else live.length
        return (b"MSG" if live.length > 3 else b"") + b"%0*d" % (digits, number % 10**digits)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """A message of the device's own, or a late acknowledgement, that asks to be committed is (MSH-15)."""
        super().learn(frame, conversation)
        fields = header_of(frame.data) if frame.kind is FrameKind.REPLY else []
        wanted = len(fields) > 14 and fields[14] in (b"AL", b"SU") and _NAMED.fullmatch(fields[9])
        return START + _COMMITTED % (fields[9], fields[9]) + END if wanted else b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """An acknowledgement, whatever its code, that echoes the control id; any, where none could be read."""
        if frame.kind is not FrameKind.REPLY or frame.data == sent:
            return False
        told, asked = acknowledged(frame.data), ASKED.search(sent)
        return told is not None and (asked is None or told[1] in (asked[2], b""))

    def expects_reply(self, sent: bytes) -> bool:
        """A whole block with a header that can be read is answered, unless it is an answer or wants none."""
        return PROPER.match(sent) is not None and acknowledged(sent) is None and is_due(sent)

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """A code that is none, or no control id where the message had one."""
        told = acknowledged(frame.data)
        if told is None or PROPER.match(sent) is None:
            return ""
        if told[0] not in CODES:
            return "no such acknowledgement code"
        return "" if told[1] else "it does not say which message it acknowledges"

    def demands(self, sent: bytes) -> bool:
        """A block is acknowledged, if only by a reject, unless it is an answer or wants none (HL7 2.5, 2.9.2).

        One without a control id cannot be: MSA-2 is required.
        """
        whole = sent.startswith(START) and sent.endswith(END) and sent.count(START) == sent.count(END) == 1
        return whole and bool(b"".join(header_of(sent)[9:10])) and acknowledged(sent) is None and is_due(sent)

    def served(self, frame: Frame) -> bool:
        """Any acknowledgement: who refuses a message by its control id has read it."""
        told = acknowledged(frame.data) if frame.kind is FrameKind.REPLY else None
        return told is not None and told[0] in CODES and bool(told[1])

    def refuses(self, frame: Frame) -> bool:
        """An acknowledgement with an error's code, or a reject's."""
        told = acknowledged(frame.data)
        return told is not None and told[0] in REFUSALS

    def read(self, block: bytes) -> Fields:
        """Type, acknowledgement, control id, error and observations; numbers as numbers."""
        segments = segments_of(block)
        read: dict[str, int | str | bytes] = {}
        for fields in segments.fields:
            match fields:
                case ("MSH", _, _, _, _, _, _, _, kind, *_):
                    read["type"] = kind
                case ("MSA", code, identifier, *_):
                    read |= {"acknowledgement": code, "control_id": identifier}
                case ("ERR", _, _, detail, *_):
                    read["error"] = detail
                case ("OBX", _, kind, name, _, value, *_):
                    read |= self.observed(name.partition(segments.component)[0], kind, value)
                case _:
                    pass
        return read

    def observed(self, name: str, kind: str, value: str) -> Fields:
        """What one observation says, by name."""
        return {name: int(value) if kind == "NM" and value.isascii() and value.isdigit() else value}

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A forbidden message's type codes anywhere: delimiters may have been bent, so nothing around them counts."""
        codes = b"|".join(_code(kind) for name in messages for kind in self._types[name].split("~"))
        return re.compile(b"(?i:" + codes + b")") if codes else super().forbidden(())


def _code(kind: str) -> bytes:
    """The parts of a type, a few delimiters at most between them."""
    return _DELIMITERS_AT_MOST.join(re.escape(part.encode()) for part in kind.split("^"))
