"""A folder of kept cases: read, written one by one, and made small again without losing what they show together."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.corpus.entry import Entry, entry_in, text_of
from harness.errors import BenchError
from harness.files import make_private_folder, write_private

_PATTERN = "*.json"
_MOST_BYTES = 1 << 24


def read_entries(folder: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """By name of the file, the smallest first; and why others could not be read. None where there is no folder."""
    found, refused = dict[str, Entry](), dict[str, str]()
    for path in sorted(folder.glob(_PATTERN)):
        try:
            found[path.name] = _read(path)
        except (ValueError, OSError) as error:
            refused[path.name] = str(error)
    return dict(sorted(found.items(), key=lambda named: (named[1].size, named[0]))), refused


def _read(path: Path) -> Entry:
    """Raises ValueError, OSError."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("it is too large for a case")
    try:
        return entry_in(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError("this is no text, so no case") from error


def write_entry(folder: Path, entry: Entry) -> None:
    """Whole, or not at all; raises BenchError."""
    try:
        make_private_folder(folder)
        write_private(folder / entry.file_name, text_of(entry))
    except OSError as error:
        raise BenchError(f"--corpus {folder}: cannot be written: {error.strerror}. Name another folder") from error


def prune(folder: Path, program: str) -> int:
    """Leave those that together show everything known of the program; how many these are.

    Files that cannot be read, and cases that were only ever played on other programs, stay.
    """
    entries, _refused = read_entries(folder)
    ours = {name: entry for name, entry in entries.items() if entry.shown.program == program}
    kept = {id(entry) for entry in cover(list(ours.values()))}
    for name, entry in ours.items():
        if id(entry) not in kept:
            with contextlib.suppress(OSError):
                (folder / name).unlink()
    return len(kept) + len(entries) - len(ours)


def cover(entries: Sequence[Entry]) -> list[Entry]:
    """Some that show together what all do: greedily those that add most, of equal ones the smaller."""
    nearest = _nearest(entries)
    items = [frozenset(_items(entry, nearest)) for entry in entries]
    waiting = [(-len(items[n]), entries[n].size, n) for n in range(len(entries)) if items[n]]
    heapq.heapify(waiting)
    shown, kept = set[Hashable](), list[Entry]()
    while waiting:
        _most, size, n = heapq.heappop(waiting)
        adds = len(items[n] - shown)
        if waiting and adds and (-adds, size, n) > waiting[0]:
            heapq.heappush(waiting, (-adds, size, n))
        elif adds:
            shown |= items[n]
            kept.append(entries[n])
    return kept


def _nearest(entries: Sequence[Entry]) -> dict[str, float]:
    """The smallest margin of each requirement."""
    found: dict[str, float] = {}
    for name, margin in (pair for entry in entries for pair in entry.shown.margins.items()):
        found[name] = min(margin, found.get(name, margin))
    return found


def _items(entry: Entry, nearest: Mapping[str, float]) -> Iterator[Hashable]:
    """Edges, marks of its interface, and the requirements that no other came nearer to violation."""
    interface = entry.case.interface
    yield from entry.shown.edges
    yield from ((interface, mark) for mark in entry.shown.marks)
    for name, margin in entry.shown.margins.items():
        if margin <= nearest[name]:
            yield name
