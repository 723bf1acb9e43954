"""Keeps a campaign's events in its store, and says what a disk that takes no more has cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from harness.case import Send
from harness.errors import BenchError
from harness.events import CaseSettled, Event, FindingConfirmed, FindingDismissed
from harness.finding import Finding
from harness.position import Position, packed
from harness.record import StoreWriter
from harness.store import Store

_SHOWN = 400
_SECONDS = 1.0  # between two positions at least; and more where one
_SHARE = 50  # would take a fiftieth of the run's time,
_RATE = 50_000  # or so many bytes a second of the disk


class Keeper:
    """A listener. The first error of the disk is raised, so that the campaign ends; the others hear on.

    `position` is asked for where the run stands, when another one could go on from there.
    """

    def __init__(self, store: Store, position: Callable[[], Position]) -> None:
        self._store, self._position, self._due = store, position, 0.0
        self._tell = StoreWriter(store)
        self.failure = ""
        self._lost: list[Finding] = []

    def __call__(self, event: Event) -> None:
        """Take one event; raises BenchError, once."""
        try:
            if not self.failure:
                self._keep(event) if isinstance(event, CaseSettled) else self._tell(event)
                return
        except BenchError as error:
            self.failure = str(error)
            raise
        finally:
            if self.failure and isinstance(event, FindingConfirmed | FindingDismissed):
                self._lost.append(event.finding)

    def _keep(self, event: CaseSettled) -> None:
        began = time.monotonic()
        if not event.last and began < self._due:
            return
        position = self._position()
        data = packed(position)
        self._store.keep(data, position.campaign.cases)
        ended = time.monotonic()
        self._due = ended + max(_SECONDS, _SHARE * (ended - began), len(data) / _RATE)

    def lost(self) -> Iterator[str]:
        """Findings that are not in the store, each with the bytes that showed it."""
        for finding in self._lost:
            sent = " ".join(step.data.hex() for step in finding.case.steps if isinstance(step, Send))
            yield f"{finding.id} is not in the store; state {finding.case.state}, sent {sent[:_SHOWN]}"
