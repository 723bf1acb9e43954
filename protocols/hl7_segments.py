"""HL7 v2 messages out of their own text: each field, repetition, component and subcomponent by its place in it.

`PID.3[2].4` is the fourth component of the second repetition of PID-3, `OBX[2].5` the value of the second OBX. A
definition and a message of a real feed are taken apart in the same way, so that a seed has the fields that it has.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import boofuzz

from protocols.hl7_values import CODED, ESCAPES, NUMBERS, TEXTS, TIMES
from protocols.hl7_wire import END, START, kind_of
from protocols.model import Message

CONTENT = "message"
CONTROL_ID = f"{CONTENT}.MSH.10"
APART = 2
"""Segments of one name that are taken apart; each behind them is one text, so that a long report ends some day."""
CHARACTER_SETS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
}
_HEADERS = ("MSH", "FHS", "BHS")
_OPEN = (*_HEADERS, "MSA")  # what is empty in them is bent, too
_SEGMENT_END = re.compile(r"(\r\n|\r|\n)")
_SEGMENT = re.compile(r"[A-Z][A-Z\d]{2}")
_NUMBER = re.compile(r"-?\d{1,7}(\.\d{1,7})?")
_TIME = re.compile(r"\d{8}(\d{4}(\d\d)?)?(\.\d{1,4})?([+-]\d{4})?")
Leaf = Callable[[str, str, str], boofuzz.Fuzzable]


@dataclass(frozen=True, slots=True)
class _Form:
    """What parts a text, by its header, and how it is written."""

    field: str
    component: str
    repetition: str
    subcomponent: str
    encoding: str


class Hl7Message(Message):
    """A message that may have other segments, and in them other fields, than its definition."""

    def shaped(self, data: bytes) -> Message:
        """With the fields of `data`, where MSH-9 says that it is this message."""
        request = _request(self.name, data) if kind_of(data) == kind_of(self.layout.default.data) else None
        if request is None:
            return self
        there = {name.removeprefix(f"{self.name}."): item for name, item in request.names.items()}
        live = {path: name for path, name in self.live.items() if _holds_text(there.get(path))}
        return replace(self, request=request, live=live, variants=())


def message(name: str, *segments: str, live: Mapping[str, str] | None = None, **options: Any) -> Message:
    """A message of these segments in its MLLP block; MSH-10 is live.

    Raises ValueError where the first is no header.
    """
    data = START + b"".join(f"{segment}\r".encode() for segment in segments) + END
    request = _request(name, data)
    if request is None:
        raise ValueError(f"message '{name}': no HL7 segments, with a header first: {segments}")
    return Hl7Message(request, live={CONTROL_ID: "control_id", **(live or {})}, **options)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment of these fields by number; a header's first two are its delimiters."""
    values = [fields.get(number, "") for number in range(1, max(fields) + 1)]
    return f"{name}|^~\\&|" + "|".join(values[2:]) if name in _HEADERS else "|".join((name, *values))


def _holds_text(item: object) -> bool:
    return isinstance(item, boofuzz.String) and bool(item.original_value())


def _request(name: str, block: bytes) -> boofuzz.Request | None:
    """The block as a Request; None where it is no block of whole segments, a header first."""
    content = block.removeprefix(START).removesuffix(END)
    form = _form_of(content)
    if form is None or len(block) - len(content) != len(START) + len(END):
        return None
    pieces = _SEGMENT_END.split(content.decode(form.encoding))
    lines = list(zip(pieces[::2], [*pieces[1::2], ""], strict=True))
    if lines[-1] == ("", ""):
        del lines[-1]
    if not all(_SEGMENT.fullmatch(line[:3]) and line[3:4] in ("", form.field) for line, _end in lines):
        return None
    inside = boofuzz.Block(CONTENT, children=tuple(_segments(lines, form)))
    parts = (boofuzz.Delim("start", START.decode()), inside, boofuzz.Delim("stop", END.decode()))
    return boofuzz.Request(name, children=parts)


def _form_of(content: bytes) -> _Form | None:
    """What the header says: MSH-1, MSH-2 and MSH-18."""
    head = re.match(rb"(?:MSH|FHS|BHS)([^\w\r\n])", content)
    if head is None:
        return None
    own = content[4:].partition(head[1])[0].decode("latin-1")
    return _Form(head[1].decode("latin-1"), own[:1], own[1:2], own[3:4], _encoding(content, head[1])) if own else None


def _encoding(content: bytes, separator: bytes) -> str:
    """That of MSH-18 where the text can be read by it; else what reads any bytes."""
    fields = re.split(rb"[\r\n]", content)[0].split(separator)
    told = fields[17].decode("latin-1").strip() if len(fields) > 17 else ""
    for encoding in (CHARACTER_SETS.get(told, "utf-8"), "utf-8"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _segments(lines: Sequence[tuple[str, str]], form: _Form) -> Iterator[boofuzz.Fuzzable]:
    counts = Counter[str]()
    for line, end in lines:
        name = line[:3]
        counts[name] += 1
        block = name if counts[name] == 1 else f"{name}[{counts[name]}]"
        inside = _fields(line, form) if counts[name] <= APART else (boofuzz.Static("text", line.encode(form.encoding)),)
        yield boofuzz.Block(block, children=(*inside, *([boofuzz.Delim("end", end)] if end else [])))


def _fields(line: str, form: _Form) -> Iterator[boofuzz.Fuzzable]:
    name, fields, first = line[:3], line.split(form.field)[1:], 1
    yield boofuzz.Delim("name", name)
    if name in _HEADERS and fields:
        yield boofuzz.Delim("1", form.field)
        yield boofuzz.Delim("2", fields[0])
        fields, first = fields[1:], 3
    separator = ""
    for number, text in enumerate(fields, first):
        separator += form.field
        if text or name in _OPEN:
            yield boofuzz.Static(f"before_{number}", separator)
            yield from _repetitions(number, f"{name}.{number}", text, form)
            separator = ""
    if separator:
        yield boofuzz.Static("rest", separator)


def _repetitions(number: int, path: str, text: str, form: _Form) -> Iterator[boofuzz.Fuzzable]:
    """The field; each repetition but the first is a block with the separator before it."""
    first, *others = text.split(form.repetition) if form.repetition else [text]
    yield _parted(str(number), path, first, form.component + form.subcomponent, form)
    for index, other in enumerate(others, 2):
        before = boofuzz.Delim("before", form.repetition)
        inside = _components(path, other.split(form.component), form.component, form)
        yield boofuzz.Block(f"{number}[{index}]", children=(before, *inside))


def _parted(name: str, path: str, text: str, separators: str, form: _Form) -> boofuzz.Fuzzable:
    """A block where the text has components, or a component subcomponents; else one value."""
    for separator in separators:
        if separator in text:
            return boofuzz.Block(name, children=tuple(_components(path, text.split(separator), separator, form)))
    return _value(name, path, text, form.encoding)


def _components(path: str, texts: Sequence[str], separator: str, form: _Form) -> Iterator[boofuzz.Fuzzable]:
    """What holds something, with the separators before it."""
    before, inner = "", form.subcomponent if separator == form.component else ""
    for number, text in enumerate(texts, 1):
        before += separator if number > 1 else ""
        if text:
            if before:
                yield boofuzz.Delim(f"before_{number}", before)
            yield _parted(str(number), f"{path}.{number}", text, inner, form)
            before = ""
    if before:
        yield boofuzz.Delim("rest", before)


def _value(name: str, path: str, text: str, encoding: str) -> boofuzz.String:
    own = [
        *CODED.get(path, ()),
        *(NUMBERS if _NUMBER.fullmatch(text) else ()),
        *(TIMES if _TIME.fullmatch(text) else ()),
    ]
    more = [f"{text}~{text}", f"{text}^{text}&{text}"]
    return boofuzz.String(name, text, encoding=encoding, fuzz_values=[*own, *TEXTS, *ESCAPES, *more])
