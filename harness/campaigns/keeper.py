"""Keeps a campaign's events in its store, and says what a disk that takes no more has cost."""

from __future__ import annotations

from collections.abc import Iterator

from harness.case import Send
from harness.errors import BenchError
from harness.events import Event, FindingConfirmed, FindingDismissed
from harness.finding import Finding
from harness.record import StoreWriter
from harness.store import Store

_SHOWN = 400


class Keeper:
    """A listener. The first error of the disk is raised, so that the campaign ends; the others hear on."""

    def __init__(self, store: Store) -> None:
        self._tell = StoreWriter(store)
        self.failure = ""
        self._lost: list[Finding] = []

    def __call__(self, event: Event) -> None:
        """Take one event; raises BenchError, once."""
        try:
            if not self.failure:
                self._tell(event)
                return
        except BenchError as error:
            self.failure = str(error)
            raise
        finally:
            if self.failure and isinstance(event, FindingConfirmed | FindingDismissed):
                self._lost.append(event.finding)

    def lost(self) -> Iterator[str]:
        """Findings that are not in the store, each with the bytes that showed it."""
        for finding in self._lost:
            sent = " ".join(step.data.hex() for step in finding.case.steps if isinstance(step, Send))
            yield f"{finding.id} is not in the store; state {finding.case.state}, sent {sent[:_SHOWN]}"
