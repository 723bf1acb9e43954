"""An annotated dump: the bytes of a message in rows, each run of bytes with the field that it belongs to.

A message that is text, such as HL7, is cut where its segments end and shown as text; others are shown as hex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from harness.case import FieldSpan
from reports.text import visible

ROW = 16
LONGEST_DUMP = 1024
COLOURS = 8
_SHORTEST_TEXT, _SHARE_OF_TEXT = 8, 0.9
_SEGMENT = re.compile(rb"[^\r\n]*(?:\r\n|[\r\n])(?:\x1c\r)?|[^\r\n]+")  # a block of MLLP ends with 1c 0d
_NO_SECRETS: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True)
class FieldLegend:
    """One field of the message: its colour (-1: none), its bytes as `first-last`, and whether it was mutated."""

    name: str
    colour: int
    place: str
    mutated: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring bytes of one field within a row, as hex and as text; `leaked` names the secret that they are of."""

    hex: str
    text: str
    colour: int
    mutated: bool
    title: str
    leaked: str = ""

    @property
    def marks(self) -> str:
        """The style classes: the field's colour, and what is to stand out."""
        colour = [f"f{self.colour}"] if self.colour >= 0 else []
        return " ".join([*colour, *["bent"] * self.mutated, *["leaked"] * bool(self.leaked)])


@dataclass(frozen=True, slots=True)
class Row:
    """Sixteen bytes, or a segment; `padding` fills the last row's hex column, `repeats` rows like it come behind it."""

    offset: str
    runs: tuple[Run, ...]
    padding: str
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Dump:
    """The dump of one message; `omitted` bytes at its end are not shown, `leaked` are the secrets that are in it."""

    length: int
    rows: tuple[Row, ...]
    legend: tuple[FieldLegend, ...]
    omitted: int
    is_text: bool = False
    leaked: tuple[str, ...] = ()

    @property
    def bent(self) -> tuple[FieldLegend, ...]:
        """The fields that are unusual."""
        return tuple(entry for entry in self.legend if entry.mutated)


@dataclass(frozen=True, slots=True)
class _Bytes:
    """What is shown, with the field and the secret that each byte belongs to (-1 and "" for none)."""

    data: bytes
    owners: Sequence[int]
    secrets: Sequence[str]
    spans: Sequence[FieldSpan]
    mutated_field: str
    as_text: bool = False

    def runs(self, start: int, end: int) -> tuple[Run, ...]:
        """The bytes from `start` up to `end`, cut wherever field or secret change."""
        marks = list(zip(self.owners, self.secrets, strict=True))
        cuts = [start, *(at for at in range(start + 1, end) if marks[at] != marks[at - 1]), end]
        return tuple(self._run(a, b) for a, b in pairwise(cuts))

    def _run(self, start: int, end: int) -> Run:
        owner, data = self.owners[start], self.data[start:end]
        name = self.spans[owner].name if owner >= 0 else ""
        text = "".join(self._shown(byte) for byte in data)
        colour = owner % COLOURS if owner >= 0 else -1
        leaked = visible(self.secrets[start])
        title = f"leaked: {leaked}" if leaked else visible(name) or "no field"
        return Run(data.hex(" "), text, colour, is_mutated(name, self.mutated_field), title, leaked)

    def _shown(self, byte: int) -> str:
        """Of text, control characters as their pictures; a dot for whatever else cannot be shown."""
        if 0x20 <= byte < 0x7F:
            return chr(byte)
        return visible(chr(byte)) if self.as_text and byte < 0x20 else "·"


def dump(
    data: bytes, spans: Sequence[FieldSpan] = (), mutated_field: str = "", secrets: Mapping[str, bytes] = _NO_SECRETS
) -> Dump:
    """The hex dump of `data`; where fields nest, a byte belongs to the innermost. `secrets` are marked by name."""
    shown = _shown(data, spans, mutated_field, secrets)
    size = len(shown.data)
    rows = [_row(shown, start, min(size, start + ROW), ROW) for start in range(0, size, ROW)]
    return _dump(data, shown, _folded(rows), is_text=False)


def segments(
    data: bytes, spans: Sequence[FieldSpan] = (), mutated_field: str = "", secrets: Mapping[str, bytes] = _NO_SECRETS
) -> Dump:
    """The same as text, one row for each segment: it ends with a carriage return, a line feed or both."""
    shown = replace(_shown(data, spans, mutated_field, secrets), as_text=True)
    rows = [_row(shown, match.start(), match.end(), 0) for match in _SEGMENT.finditer(shown.data)]
    return _dump(data, shown, _folded(rows), is_text=True)


def is_text(data: bytes) -> bool:
    """True for what a person can read: printable characters, line ends and tabs, nine in ten at least."""
    readable = sum(0x20 <= byte < 0x7F or byte in b"\t\r\n" for byte in data)
    return len(data) >= _SHORTEST_TEXT and readable >= _SHARE_OF_TEXT * len(data)


def _shown(data: bytes, spans: Sequence[FieldSpan], mutated_field: str, secrets: Mapping[str, bytes]) -> _Bytes:
    head = data[:LONGEST_DUMP]
    return _Bytes(head, _owners(len(head), spans), _secrets_in(head, secrets), spans, mutated_field)


def _dump(data: bytes, shown: _Bytes, rows: tuple[Row, ...], *, is_text: bool) -> Dump:
    spans = shown.spans
    visible_spans = [place for place in range(len(spans)) if spans[place].length > 0]
    legend = tuple(_legend(spans[place], place, shown.mutated_field) for place in visible_spans)
    leaked = tuple(dict.fromkeys(visible(name) for name in shown.secrets if name))
    return Dump(len(data), rows, legend, len(data) - len(shown.data), is_text, leaked)


def _secrets_in(data: bytes, secrets: Mapping[str, bytes]) -> list[str]:
    """For each byte the name of the secret that it is part of, "" where it is of none."""
    found = [""] * len(data)
    for name, secret in secrets.items():
        for at in _places(data, secret):
            found[at : at + len(secret)] = [name] * len(secret)
    return found


def _places(data: bytes, secret: bytes) -> Iterator[int]:
    at = data.find(secret) if secret else -1
    while at >= 0:
        yield at
        at = data.find(secret, at + len(secret))


def _folded(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Rows that only repeat the one before them are counted there, the last row apart."""
    folded: list[Row] = []
    for row in rows:
        if folded and row is not rows[-1] and (row.runs, row.padding) == (folded[-1].runs, folded[-1].padding):
            folded[-1] = replace(folded[-1], repeats=folded[-1].repeats + 1)
        else:
            folded.append(row)
    return tuple(folded)


def _owners(length: int, spans: Sequence[FieldSpan]) -> list[int]:
    """For each byte the index of the shortest span that covers it, -1 where there is none."""
    owners = [-1] * length
    for place in sorted(range(len(spans)), key=lambda place: -spans[place].length):
        span = spans[place]
        for offset in range(max(0, span.offset), min(length, span.offset + span.length)):
            owners[offset] = place
    return owners


def is_mutated(name: str, mutated_field: str) -> bool:
    """True when `mutated_field` (a name, a dotted path, or several joined by `+` or `,`) means the field `name`."""
    wanted = [word.strip() for word in mutated_field.replace("+", ",").split(",") if word.strip()]
    return (bool(name) and name == mutated_field) or any(_same_field(name, word) for word in wanted)


def _same_field(name: str, word: str) -> bool:
    return name == word or name.endswith("." + word) or word.endswith("." + name)


def _legend(span: FieldSpan, place: int, mutated_field: str) -> FieldLegend:
    last = span.offset + span.length - 1
    where = f"{span.offset}" if last == span.offset else f"{span.offset}–{last}"
    return FieldLegend(visible(span.name), place % COLOURS, where, is_mutated(span.name, mutated_field))


def _row(shown: _Bytes, start: int, end: int, width: int) -> Row:
    return Row(f"{start:04x}", shown.runs(start, end), "   " * max(0, width - (end - start)))
