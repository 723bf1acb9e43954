"""An annotated hex dump: the bytes of a message in rows, each run of bytes with the field that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from harness.case import FieldSpan
from reports.text import visible

ROW = 16
LONGEST_DUMP = 1024
COLOURS = 8


@dataclass(frozen=True, slots=True)
class FieldLegend:
    """One field of the message: its colour (-1: none), its bytes as `first-last`, and whether it was mutated."""

    name: str
    colour: int
    place: str
    mutated: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring bytes of one field within a row, as hex and as text."""

    hex: str
    text: str
    colour: int
    mutated: bool
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """Sixteen bytes; `padding` fills the last row's hex column, `repeats` rows like it come behind it."""

    offset: str
    runs: tuple[Run, ...]
    padding: str
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Dump:
    """The dump of one message; `omitted` bytes at its end are not shown."""

    length: int
    rows: tuple[Row, ...]
    legend: tuple[FieldLegend, ...]
    omitted: int


def dump(data: bytes, spans: Sequence[FieldSpan] = (), mutated_field: str = "") -> Dump:
    """The dump of `data`; where fields nest, a byte belongs to the innermost."""
    shown = data[:LONGEST_DUMP]
    owners = _owners(len(shown), spans)
    visible_spans = [place for place in range(len(spans)) if spans[place].length > 0]
    legend = tuple(_legend(spans[place], place, mutated_field) for place in visible_spans)
    rows = tuple(_row(shown, start, owners, spans, mutated_field) for start in range(0, len(shown), ROW))
    return Dump(len(data), _folded(rows), legend, len(data) - len(shown))


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
    return any(_same_field(name, word) for word in wanted)


def _same_field(name: str, word: str) -> bool:
    return name == word or name.endswith("." + word) or word.endswith("." + name)


def _legend(span: FieldSpan, place: int, mutated_field: str) -> FieldLegend:
    last = span.offset + span.length - 1
    where = f"{span.offset}" if last == span.offset else f"{span.offset}–{last}"
    return FieldLegend(visible(span.name), place % COLOURS, where, is_mutated(span.name, mutated_field))


def _row(data: bytes, start: int, owners: Sequence[int], spans: Sequence[FieldSpan], mutated_field: str) -> Row:
    end = min(len(data), start + ROW)
    cuts = [start, *(at for at in range(start + 1, end) if owners[at] != owners[at - 1]), end]
    runs = [_run(data[a:b], owners[a], spans, mutated_field) for a, b in pairwise(cuts)]
    return Row(f"{start:04x}", tuple(runs), "   " * (ROW - (end - start)))


def _run(data: bytes, owner: int, spans: Sequence[FieldSpan], mutated_field: str) -> Run:
    name = spans[owner].name if owner >= 0 else ""
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in data)
    colour = owner % COLOURS if owner >= 0 else -1
    return Run(data.hex(" "), text, colour, is_mutated(name, mutated_field), visible(name) or "no field")
