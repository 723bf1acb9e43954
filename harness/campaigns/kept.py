"""`--corpus`: what a campaign takes from a folder at its beginning, and what it leaves there for the next one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.assembly.assemble import Assembly
from harness.assembly.kept import fitting
from harness.campaigns.options import Options
from harness.case import TestCase
from harness.corpus.entry import Entry, Shown
from harness.corpus.folder import prune, read_entries, write_entry
from harness.errors import UsageError
from harness.events import CampaignStarted, CaseFinished, Event
from harness.verdict import Verdict

TAKEN = "corpus"  # in a run's folder: the cases that it began with


@dataclass(frozen=True, slots=True)
class Kept:
    """A `folder`, the cases in it that fit the run, by interface, and the files that were left out, with why."""

    folder: Path
    entries: Mapping[str, list[Entry]] = field(default_factory=dict[str, list[Entry]])
    refused: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def cases(self) -> dict[str, list[TestCase]]:
        """To be played, by interface."""
        return {name: [entry.case for entry in entries] for name, entries in self.entries.items()}

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        count = sum(map(len, self.entries.values()))
        return {"folder": str(self.folder.resolve()), "cases": count, "refused": dict(self.refused)}


def kept_for(options: Options, assembly: Assembly, *, again: bool = False) -> Kept | None:
    """What the run is given of its corpus; None without one. Raises UsageError.

    A run that goes on `again`, and a worker, get what the run began with.
    """
    if options.corpus is None:
        return None
    if options.corpus.exists() and not options.corpus.is_dir():
        raise UsageError(f"--corpus {options.corpus}: this is a file; name a folder, which need not be there yet")
    entries, unread = read_entries(_source(options, again=again))
    found, misfits = fitting(entries, assembly)
    return Kept(options.corpus, found, unread | misfits)


def _source(options: Options, *, again: bool) -> Path:
    assert options.corpus is not None
    if options.out is not None and options.share.is_part:
        return options.out.parents[1] / TAKEN
    return options.out / TAKEN if options.out is not None and again else options.corpus


def take(kept: Kept | None, run: Path) -> None:
    """Keep what the run begins with in its folder, so that it can go on from there; raises BenchError."""
    for entries in kept.entries.values() if kept is not None else ():
        for entry in entries:
            write_entry(run / TAKEN, entry)


def tidy(kept: Kept | None, assembly: Assembly) -> None:
    """Leave in the folder what is needed to show everything that is known of the program."""
    if kept is not None:
        prune(kept.folder, program_of(assembly))


def program_of(assembly: Assembly) -> str:
    """Which program's edges these are: the SHA-256 of its file, "" where there is none at hand."""
    return assembly.target.facts().get("firmware_sha256", "")


class Gleaner:
    """A listener that keeps each case that passed and was the first to show something, as soon as it has.

    `edges` are those that are known at present. Raises BenchError where the folder takes no file.
    """

    def __init__(self, kept: Kept, assembly: Assembly, edges: Callable[[], Collection[int]]) -> None:
        self._folder, self._program, self._edges = kept.folder, program_of(assembly), edges
        self._protocols = {name: protocol.name for name, protocol in assembly.protocols.items()}
        self._played = {entry.case.id: entry for entries in kept.entries.values() for entry in entries}
        self._known = frozenset[int]()
        self._coverage = 0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, CampaignStarted):
            self._known = frozenset(self._edges())
        elif isinstance(event, CaseFinished):
            edges = self._new_edges(event)
            if event.verdict is Verdict.PASS and event.transcript.state_reached:
                self._keep(event, edges)

    def _new_edges(self, event: CaseFinished) -> frozenset[int]:
        """The case's own: what replays and ways to states have shown meanwhile is nobody's."""
        if event.coverage == self._coverage:
            return frozenset()
        self._coverage, known = event.coverage, self._known
        self._known = frozenset(self._edges())
        return self._known - known if event.measures.edges else frozenset()

    def _keep(self, event: CaseFinished, edges: frozenset[int]) -> None:
        news, exercises = event.measures.news, event.measures.watched.exercises
        played = self._played.get(event.case.id)
        if not (news or edges or played):
            return
        margins = {name: exercises[name].margin for name in news.nearer if name in exercises}
        shown = Shown(self._program, tuple(sorted(edges)), news.shown, margins)
        entry = played or Entry(self._protocols[event.case.interface], event.case)
        write_entry(self._folder, entry.seen(shown))
