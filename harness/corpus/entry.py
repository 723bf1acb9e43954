"""One case that was kept, and what it is known to show: a file of JSON with a version."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from harness.case import Send, TestCase, Wait
from harness.serialize import from_plain, to_plain

FORMAT, VERSION = "case", 1
_LONGEST = 3600.0  # seconds that a case may wait in all


@dataclass(frozen=True, slots=True)
class Shown:
    """Edges of a `program`, by its SHA-256; marks of replies and orders (`NoveltyState`); margins by requirement."""

    program: str = ""
    edges: tuple[int, ...] = ()
    marks: tuple[int, ...] = ()
    margins: Mapping[str, float] = field(default_factory=dict[str, float])

    def plus(self, later: Shown) -> Shown:
        """Both; edges of another program than the later one's are forgotten."""
        same = self.program == later.program
        return Shown(
            later.program,
            tuple(sorted({*(self.edges if same else ()), *later.edges})),
            tuple(sorted({*self.marks, *later.marks})),
            {**self.margins, **later.margins},
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A case, the name of the protocol that it speaks, and what it shows."""

    protocol: str
    case: TestCase
    shown: Shown = field(default_factory=Shown)

    @property
    def file_name(self) -> str:
        """The same for the same case."""
        return f"{self.case.id}.json"

    @property
    def size(self) -> int:
        """In bytes that are sent."""
        return sum(len(step.data) for step in self.case.steps if isinstance(step, Send))

    def seen(self, shown: Shown) -> Entry:
        """It has shown this, too."""
        return replace(self, shown=self.shown.plus(shown))


def text_of(entry: Entry) -> str:
    """The file's text: one line of ASCII JSON."""
    return json.dumps({"medfuzz": FORMAT, "version": VERSION, **to_plain(entry)}, separators=(",", ":")) + "\n"


def entry_in(text: str) -> Entry:
    """What such a text holds; raises ValueError that says what is wrong with it."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON, or cut off ({error})") from error
    if not isinstance(plain, dict) or cast("dict[str, Any]", plain).get("medfuzz") != FORMAT:
        raise ValueError(f'no case of medfuzz: it does not say "medfuzz": "{FORMAT}"')
    table = cast("dict[str, Any]", plain)
    version = table.get("version")
    if version != VERSION:
        raise ValueError(f"version {version!r} is not the one that this medfuzz reads ({VERSION})")
    try:
        return _checked(from_plain(Entry, table))
    except (ValueError, RecursionError, OverflowError) as error:
        raise ValueError(f"damaged: {error}") from error


def _checked(entry: Entry) -> Entry:
    """Raises ValueError for what no fuzzer makes."""
    if not entry.case.steps:
        raise ValueError("it has no steps")
    waits = [step.seconds for step in entry.case.steps if isinstance(step, Wait)]
    if not all(0 <= seconds < math.inf for seconds in waits) or sum(waits) > _LONGEST:
        raise ValueError("it waits for too long, or for no number of seconds")
    for step in (step for step in entry.case.steps if isinstance(step, Send)):
        for live in step.live:
            if not (0 <= live.offset <= live.offset + live.length <= len(step.data) and 0 <= live.start <= live.stop):
                raise ValueError("a live field lies outside its message")
    return entry
