"""Many workers as one campaign to whoever listens: findings in the order of their cases, each once."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

from harness.budget import Budget
from harness.campaigns.crew import Crew, Worker
from harness.events import (
    BenchFault,
    CampaignResumed,
    CampaignStarted,
    CasesRun,
    Event,
    FindingConfirmed,
    FindingDismissed,
    FindingMinimized,
    KnownReplayed,
)
from harness.finding import Finding
from harness.interfaces import Listener
from harness.known.baseline import statuses_of
from harness.ledger import Ledger
from harness.merging import in_whole
from harness.store import Store
from harness.summary import failing

_Told = FindingConfirmed | FindingDismissed | FindingMinimized


class Stream:
    """Hears workers; a finding is told when all have come past its case, so that the order depends on the cases alone.

    It is in the store before it is told. `faults` of the bench by their words: True for one that is fatal. Where the
    `budget` of findings is spent the crew is told so.
    """

    def __init__(self, store: Store, listeners: Sequence[Listener], budget: Budget) -> None:
        self._store, self._listeners, self._budget = store, listeners, budget
        self._crew: Crew | None = None
        self._waiting: list[_Told] = []
        self._began = math.inf
        self._admitted, self._ledger = Ledger(), Ledger()  # without and with what was learned when they became smaller
        self.faults: dict[str, bool] = {}

    @property
    def seconds(self) -> float:
        """Since the first worker's campaign began, as one campaign counts them."""
        return max(0.0, time.monotonic() - self._began)

    def attend(self, crew: Crew) -> None:
        """These are heard."""
        self._crew = crew

    def tell(self, event: Event) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener(event)

    def go_on(self, event: CampaignResumed) -> None:
        """Behind what an earlier part of the run has told."""
        for finding in event.findings:
            self._admitted.enter(finding.bucket, replace(finding, minimized=None))
            self._ledger.enter(finding.bucket, finding)
        self.tell(event)

    def heard(self, worker: Worker, event: Event) -> None:
        """Take what one worker has told."""
        match event:
            case FindingConfirmed() | FindingDismissed() | FindingMinimized():
                self._spare_others(worker, event)
                self._waiting.append(replace(event, finding=in_whole(event.finding, worker.share)))
            case BenchFault(reason=reason, fatal=fatal):
                if reason not in self.faults:
                    self.tell(event)
                self.faults[reason] = fatal or self.faults.get(reason, False)
            case CampaignStarted() if math.isinf(self._began):
                self._began = time.monotonic()
            case KnownReplayed() if worker.share.index == 0:
                self.tell(event)
            case _:
                pass

    def _spare_others(self, worker: Worker, event: _Told) -> None:
        small = event.finding.minimized
        if self._crew is not None and small is not None and small.done:
            self._crew.is_small(event.finding.bucket, worker)

    def ran(self) -> None:
        """Tell how far all are, and what is certain by now."""
        workers = self._crew.workers if self._crew is not None else ()
        self._release(min((worker.passed for worker in workers), default=math.inf))
        told = [worker.progress for worker in workers]
        number = sum(progress.number for progress in told)
        if number:
            quiet = len(told) * min(progress.quiet for progress in told)
            seconds, coverage = (max(values) for values in zip(*((p.seconds, p.coverage) for p in told), strict=True))
            self.tell(CasesRun(number, seconds, coverage, quiet))

    def end(self) -> None:
        """No worker will tell any more."""
        self._release(math.inf)

    def tell_rest(self, findings: Sequence[Finding]) -> None:
        """Tell what belongs to the whole besides."""
        for finding in findings:
            if finding.bucket not in self._ledger.findings:
                self._tell_first(finding)

    def _release(self, upto: float) -> None:
        due = [event for event in self._waiting if event.finding.case_number <= upto]
        if not due:
            return
        self._waiting = [event for event in self._waiting if event.finding.case_number > upto]
        for event in sorted(due, key=lambda event: event.finding.case_number):
            if isinstance(event, FindingMinimized):
                self._renew(event.finding)
            else:
                self._announce(event.finding)
        if self._crew is not None and self._is_enough():
            self._crew.enough()

    def _announce(self, finding: Finding) -> None:
        """Unless it is known, or a further way to what was found in three ways."""
        if self._admitted.verdict(finding.bucket, finding.observation) is True:
            return
        if self._admitted.enter(finding.bucket, finding) is not None:
            self._tell_first(finding)

    def _tell_first(self, finding: Finding) -> None:
        told = self._ledger.enter(finding.bucket, finding)
        if told is not None:
            self._store.add_finding(told)
            self.tell(FindingConfirmed(told) if told.confirmed else FindingDismissed(told))

    def _renew(self, finding: Finding) -> None:
        """A smaller reproducer, where it is the first or the smallest."""
        known = self._ledger.findings.get(finding.bucket)
        if known is None or finding.minimized is None:
            return
        if known.minimized is None or finding.minimized.after.octets < known.minimized.after.octets:
            smaller = self._ledger.renew(finding)
            self._store.update_finding(smaller)
            self.tell(FindingMinimized(smaller))

    def _is_enough(self) -> bool:
        """As for one campaign."""
        budget = self._budget
        if budget.findings is None and not budget.stop_on:
            return False
        found = tuple(f for f in self._ledger.findings.values() if f.confirmed and not f.same_as)
        told = failing(found, statuses_of(self._store.manifest(), found))
        full = budget.findings is not None and len(told) >= budget.findings
        return full or any(finding.kind in budget.stop_on for finding in told)
