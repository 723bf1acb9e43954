"""When a campaign stops: so many cases, seconds or findings, or nothing new for a while."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.finding import Finding
from harness.verdict import Kind


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: after `cases` executed cases, `seconds` of wall time or so many `findings`; None is no limit.

    One finding of a kind in `stop_on` is enough. Findings count where they are confirmed, and no decision covers them.
    It is `quiet` after so many cases in a row that showed nothing new.
    """

    cases: int | None = None
    seconds: float | None = None
    findings: int | None = None
    stop_on: frozenset[Kind] = frozenset()
    quiet: int | None = None

    @property
    def planned(self) -> float:
        """Wall seconds of the run, as far as its end is known."""
        return math.inf if self.seconds is None else self.seconds

    @property
    def ends_by_findings(self) -> bool:
        """True where some number or kind of them is enough."""
        return self.findings is not None or bool(self.stop_on)

    def has_enough(self, found: Sequence[Finding]) -> bool:
        """True where these are: by their number or by a kind."""
        full = self.findings is not None and len(found) >= self.findings
        return full or any(finding.kind in self.stop_on for finding in found)

    def has_run(self, cases: int) -> bool:
        """True after so many cases."""
        return self.cases is not None and cases >= self.cases

    def is_quiet(self, cases: int) -> bool:
        """True where so many in a row showed nothing new."""
        return self.quiet is not None and cases >= self.quiet
