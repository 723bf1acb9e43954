"""What a campaign has found so far: findings by bucket, and which of them need no further replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.finding import Finding
from harness.verdict import Observation

_WAYS = 3  # findings of one requirement: each further way to violate it costs replays and tells little
_DOUBTS = 3  # times that a bucket is replayed in vain


@dataclass(frozen=True, slots=True)
class LedgerState:
    """A ledger without its findings: which buckets are filed, True for a confirmed one, and what is counted."""

    filed: Mapping[str, bool]
    alias: Mapping[str, str]
    ways: Mapping[str, int]
    doubts: Mapping[str, int]


class Ledger:
    """Files findings under the bucket that their replay gave; first sights of it, under others, lead there too."""

    def __init__(self) -> None:
        self._findings: dict[str, Finding] = {}
        self._alias: dict[str, str] = {}
        self._ways: Counter[str] = Counter()
        self._doubts: Counter[str] = Counter()

    @property
    def findings(self) -> Mapping[str, Finding]:
        """Those that were replayed, or were to be, by bucket."""
        return self._findings

    def knows(self, bucket: str) -> bool:
        """True for the bucket of a confirmed finding."""
        found = self._findings.get(self._alias.get(bucket, bucket))
        return found is not None and found.confirmed

    def verdict(self, bucket: str, fault: Observation) -> bool | None:
        """Whether a fault counts without another replay: True it does, False it was replayed in vain, None ask."""
        if self.knows(bucket) or self._ways[fault.requirement] >= _WAYS:
            return True
        return False if self._doubts[bucket] >= _DOUBTS else None

    def renew(self, finding: Finding) -> None:
        """The same finding with another reproducer."""
        self._findings[finding.bucket] = finding

    def enter(self, bucket: str, finding: Finding) -> bool:
        """File a finding that was first seen as `bucket`; False when it is a known one's."""
        if not finding.confirmed:
            self._doubts[bucket] += 1
            if not self.knows(finding.bucket):
                self._findings[finding.bucket] = finding
            return self._doubts[bucket] == 1 and not self.knows(finding.bucket)
        self._alias[bucket] = finding.bucket
        if self.knows(finding.bucket):
            return False
        self._findings[finding.bucket] = finding
        if finding.observation.requirement:
            self._ways[finding.observation.requirement] += 1
        return True

    def state(self) -> LedgerState:
        """What it knows, to be written down."""
        filed = {bucket: finding.confirmed for bucket, finding in self._findings.items()}
        return LedgerState(filed, dict(self._alias), dict(self._ways), dict(self._doubts))

    def restore(self, state: LedgerState, findings: Mapping[str, Finding]) -> None:
        """Back to a `state()`; `findings` by bucket may know more than it did."""
        for bucket, confirmed in state.filed.items():
            if (finding := findings.get(bucket)) is not None:
                self._findings[bucket] = finding if confirmed else replace(finding, reproduced=0)
        self._alias = dict(state.alias)
        self._ways, self._doubts = Counter(state.ways), Counter(state.doubts)
