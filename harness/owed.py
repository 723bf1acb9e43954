"""What an earlier run of a campaign has announced, and the one that goes on from it has not shown so far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.finding import Finding


class Owed:
    """Findings by bucket: those of cases that are run again, and suspicions that there was no time to replay."""

    def __init__(self) -> None:
        self._findings: dict[str, Finding] = {}

    def __bool__(self) -> bool:
        return bool(self._findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings.values())

    def owe(self, findings: Sequence[Finding], *, after: int = 0) -> None:
        """Those of cases `after` that place, and those that were not replayed."""
        self._findings = {f.bucket: f for f in findings if f.case_number > after or is_suspicion(f)}

    def is_announced(self, bucket: str) -> bool:
        """True where it was told as confirmed: that is not taken back."""
        return bucket in self._findings and self._findings[bucket].confirmed

    def are_due(self, cases: int) -> bool:
        """True when the cases that showed them have been run again."""
        return bool(self) and cases >= max(found.case_number for found in self)

    def settled(self) -> list[Finding]:
        """All of them, once: whoever asks tells them."""
        owed, self._findings = list(self), {}
        return owed


def is_suspicion(finding: Finding) -> bool:
    """True for one that there was no time to replay."""
    return not finding.tries and not finding.doubt
