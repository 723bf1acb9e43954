"""The text of `known.toml`: entries are put in, marked and taken out, and all that people wrote between them stays."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from harness.known.baseline import KnownFinding

HEADER = "[[finding]]"
_HEADER = re.compile(r"\s*\[\[\s*(?:finding|\"finding\"|'finding')\s*\]\]\s*(?:#.*)?$")
_FIXED = re.compile(r"(\s*fixed\s*=\s*)false\b")
_ALSO = re.compile(r"\s*also\s*=")
_TITLE = """\
# Findings that are known, by bucket: docs/baseline.md says what the keys mean.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Edited:
    """A file's new text; not `kept` where comments and layout could not be kept, and it was written anew."""

    text: str
    kept: bool = True


def edited(
    text: str,
    before: Sequence[KnownFinding],
    *,
    gone: Sequence[KnownFinding] = (),
    fixed: Sequence[KnownFinding] = (),
    new: Sequence[KnownFinding] = (),
    also: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Edited:
    """The text of a file that holds `before`: some are `gone`, with the comments right above them, some marked as
    `fixed`, and `new` ones stand at its end. `also`: by bucket, what is there `also` from now on."""
    if not (gone or fixed or new or also):
        return Edited(text)
    wanted = [*(_changed(e, also, fixed=e in fixed) for e in before if e not in gone), *new]
    head, *blocks = _blocks(text or _TITLE)
    if len(blocks) != len(before):
        return Edited(_anew(wanted), kept=False)
    kept = [(entry, lines) for entry, lines in zip(before, blocks, strict=True) if entry not in gone]
    kept = [(entry, _marked(lines) if entry in fixed else lines) for entry, lines in kept]
    kept = [(e, _extended(lines, also[e.bucket]) if e.bucket in also else lines) for e, lines in kept]
    lines = [*head, *(line for _entry, lines in kept for line in lines)]
    longer = "".join(lines)
    if new:
        longer = longer.rstrip("\n") + "\n" + "".join(f"\n{block(entry)}" for entry in new)
    return _proven(longer, wanted)


def lines_of(text: str) -> list[int]:
    """The numbers, from 0 on, of the lines on which entries begin."""
    return [number for number, line in enumerate(text.splitlines()) if _HEADER.match(line)]


def block(entry: KnownFinding) -> str:
    """One entry as TOML; keys that say nothing are left out."""
    plain = dataclasses.asdict(entry)
    lines = [f"{key} = {_value(key, value)}" for key, value in plain.items() if value or key in ("reason", "owner")]
    return "\n".join([HEADER, *lines]) + "\n"


def _value(key: str, value: str | bool | Sequence[str]) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return f"[{', '.join(map(_quoted, value))}]"
    return value if key == "expires" else _quoted(value)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for a delete; half a surrogate is no text."""
    sound = text.encode("utf-8", "replace").decode()
    return json.dumps(sound, ensure_ascii=False).replace("\x7f", "\\u007f")


def _blocks(text: str) -> list[list[str]]:
    """Lines before the first entry, then those of each; comments right above an entry are its own."""
    lines = text.splitlines(keepends=True)
    starts = [_with_comments(lines, number) for number, line in enumerate(lines) if _HEADER.match(line)]
    edges = [0, *starts, len(lines)]
    return [lines[begin:end] for begin, end in itertools.pairwise(edges)]


def _with_comments(lines: list[str], number: int) -> int:
    """Where the entry of a header begins; a comment at the top is the file's."""
    begin = number
    while begin and lines[begin - 1].lstrip().startswith("#"):
        begin -= 1
    return begin or number


def _marked(lines: list[str]) -> list[str]:
    """With `fixed = true` in place of false, or below the header."""
    changed = [_FIXED.sub(r"\1true", line, count=1) for line in lines]
    if changed != lines:
        return changed
    header = next(number for number, line in enumerate(lines) if _HEADER.match(line))
    return [*lines[: header + 1], "fixed = true\n", *lines[header + 1 :]]


def _changed(entry: KnownFinding, also: Mapping[str, Sequence[str]], *, fixed: bool) -> KnownFinding:
    return dataclasses.replace(entry, fixed=entry.fixed or fixed, also=tuple(also.get(entry.bucket, entry.also)))


def _extended(lines: list[str], also: Sequence[str]) -> list[str]:
    """With another list behind `also`, in its place or below the header."""
    line = f"also = {_value('also', also)}\n"
    others = [one for one in lines if not _ALSO.match(one)]
    at = next((n for n, one in enumerate(lines) if _ALSO.match(one)), None)
    at = next(n for n, one in enumerate(lines) if _HEADER.match(one)) + 1 if at is None else at
    return [*others[:at], line, *others[at:]]


def _proven(text: str, wanted: Sequence[KnownFinding]) -> Edited:
    """The text where it holds what is wanted and nothing else; else that, written anew."""
    try:
        held: Any = tomllib.loads(text).get("finding", [])
    except tomllib.TOMLDecodeError:
        held = None
    if held is not None and [_entry(table) for table in held] == [_entry(_plain(entry)) for entry in wanted]:
        return Edited(text)
    return Edited(_anew(wanted), kept=False)


def _plain(entry: KnownFinding) -> dict[str, Any]:
    return tomllib.loads(block(entry))["finding"][0]


def _entry(table: dict[str, Any]) -> dict[str, str]:
    """Comparable: the bucket as it is kept, a date as text, empty keys left out."""
    words = {key: str(value) for key, value in table.items() if value}
    return words | {"bucket": words.get("bucket", "").lower().removeprefix("f-")}


def _anew(entries: Sequence[KnownFinding]) -> str:
    return "\n".join([_TITLE, *map(block, entries)])
