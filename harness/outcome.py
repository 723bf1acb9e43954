"""What one execution of a case gave: its transcript, what the monitors saw, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.temporal.statistics import Watched
from harness.transcript import Transcript
from harness.verdict import Observation

NOTHING_WATCHED = Watched()


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one execution: edges never seen before, and what it exercised of each requirement."""

    edges: int = 0
    watched: Watched = NOTHING_WATCHED


NOTHING_MEASURED = Measures()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One execution. Only a campaign adds its measures up: a replay's are looked at and forgotten."""

    transcript: Transcript
    observations: Sequence[Observation] = ()
    measures: Measures = NOTHING_MEASURED
