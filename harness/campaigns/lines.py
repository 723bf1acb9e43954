"""What a worker tells the process that started it: events as lines of JSON, most of its cases as a sum."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.events import (
    BenchFault,
    CampaignEnded,
    CampaignStarted,
    CaseFinished,
    CaseSettled,
    CasesRun,
    Event,
    FindingConfirmed,
    FindingDismissed,
    FindingMinimized,
    KnownReplayed,
)
from harness.serialize import from_plain, to_plain

_TOLD: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        CampaignStarted,
        CasesRun,
        FindingConfirmed,
        FindingMinimized,
        FindingDismissed,
        KnownReplayed,
        BenchFault,
        CampaignEnded,
    )
}
_PAUSE = 0.1  # seconds between two sums at least


def line_of(event: Event) -> bytes:
    """The event as a line; a manifest is not in it, the store has it."""
    told = replace(event, manifest={}) if isinstance(event, CampaignStarted) else event
    return json.dumps([type(event).__name__, to_plain(told)], separators=(",", ":")).encode() + b"\n"


def event_in(line: bytes) -> Event:
    """What `line_of` was given; raises ValueError."""
    name, plain = json.loads(line)
    return from_plain(_TOLD[name], plain)


class Teller:
    """A listener that writes lines to a descriptor; whoever read them may be gone, which ends the telling alone.

    `CasesRun` counts the cases that are settled: all that they led to was told in the lines before.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._due = descriptor, 0.0
        self._run = CasesRun(0, 0.0, 0)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event:
            case CaseFinished():
                quiet = 0 if event.measures.news else self._run.quiet + 1
                self._run = CasesRun(event.number, event.seconds, event.coverage, quiet)
            case CaseSettled(last=last):
                if last or time.monotonic() >= self._due:
                    self._due = time.monotonic() + _PAUSE
                    self.write(self._run)
            case CampaignEnded():
                self.write(self._run)
                self.write(event)
            case _ if type(event).__name__ in _TOLD:
                self.write(event)
            case _:
                pass

    def write(self, event: Event) -> None:
        """One line, whole."""
        data = line_of(event)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._descriptor = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
