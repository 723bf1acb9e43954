"""What a run's store says of a finding of an earlier run: seen again, played in vain, or not looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sql

from harness.case import TestCase
from harness.finding import Finding
from harness.store import Store
from harness.store_schema import cases
from harness.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Rerun:
    """What became of a case in a run: how often it ran, and how often it passed."""

    case: str
    runs: int = 0
    passed: int = 0

    @property
    def clean(self) -> bool:
        """True where it ran, and passed each time."""
        return 0 < self.runs == self.passed

    @property
    def words(self) -> str:
        """`its case ran again and passed`, `its case was not run`."""
        if not self.runs:
            return "its case was not run"
        return "its case ran again and passed" if self.clean else "its case ran again and did not pass"


def rerun(store: Store, case: str) -> Rerun:
    """What became of the case with this id; raises BenchError."""
    query = sql.select(cases.c.verdict, sql.func.count()).where(cases.c.id == case).group_by(cases.c.verdict)
    counts = Counter({row[0]: row[1] for row in store.select(query)} if case else {})
    return Rerun(case, counts.total(), counts[Verdict.PASS.value])


def case_of(store: Store, finding: Finding) -> str:
    """The id of the case of the fuzzers that showed a finding of this run: what a later run would have again."""
    rows = store.select(sql.select(cases.c.id).where(cases.c.number == finding.case_number))
    return rows[0][0] if rows else as_found(finding)[-1].id


def as_found(finding: Finding) -> tuple[TestCase, ...]:
    """The window before it was made smaller."""
    return finding.minimized.original if finding.minimized is not None else finding.window


def alone(finding: Finding, case: str) -> str:
    """Why the case passing does not say that the finding is gone; "" where it does."""
    *before, last = as_found(finding)
    if before:
        return f"without the {len(before)} before it that it takes"
    if last.id != case:
        return "without the time behind it that it takes"
    if finding.reproduced < finding.tries:
        return f"which it may by chance: it came back in {finding.reproduced} of {finding.tries} replays"
    return ""
