"""What one execution of a case gave: its transcript, what the monitors saw, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.learned import Compared
from harness.quick import quick
from harness.temporal.statistics import Watched
from harness.transcript import Transcript
from harness.verdict import Observation

NOTHING_WATCHED = Watched()


@quick
@dataclass(frozen=True, slots=True)
class News:
    """What a case was the first of all to show: edges, what replies say, orders of two outcomes.

    `once`: by how many more replies and orders there are that one case alone has shown. `nearer`: requirements that
    were never so near to violation. `shown`: marks of all replies and orders that it has shown, where any was new.
    """

    edges: int = 0
    replies: int = 0
    orders: int = 0
    once: int = 0
    nearer: tuple[str, ...] = ()
    shown: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.edges or self.replies or self.orders or self.nearer)


NO_NEWS = News()


@quick
@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of one execution: edges never seen before, what it exercised of each requirement, what is new in all.

    `compared`: what the program compared meanwhile, where that was asked for.
    """

    edges: int = 0
    watched: Watched = NOTHING_WATCHED
    news: News = NO_NEWS
    compared: tuple[Compared, ...] = ()


NOTHING_MEASURED = Measures()


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """One execution. Only a campaign adds its measures up: a replay's are looked at and forgotten."""

    transcript: Transcript
    observations: Sequence[Observation] = ()
    measures: Measures = NOTHING_MEASURED
