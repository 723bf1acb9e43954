"""What a campaign has found so far: findings by bucket, and which of them need no further replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from harness.finding import Finding, buckets_beside, is_blamed
from harness.kinship import causes_of, takes_length
from harness.verdict import Observation

_WAYS = 3  # findings of one sort: each further way to it costs replays and tells little
_DOUBTS = 3  # times that a bucket is replayed in vain


@dataclass(frozen=True, slots=True)
class LedgerState:
    """A ledger without its findings: which buckets are filed, True for a confirmed one, and what is counted."""

    filed: Mapping[str, bool]
    alias: Mapping[str, str]
    ways: Mapping[str, int]
    doubts: Mapping[str, int]
    causes: Mapping[str, str] = field(default_factory=dict[str, str])


class Ledger:
    """Files findings under the bucket that their replay gave; first sights of it, under others, lead there too."""

    def __init__(self) -> None:
        self._findings: dict[str, Finding] = {}
        self._alias: dict[str, str] = {}
        self._ways: Counter[str] = Counter()
        self._doubts: Counter[str] = Counter()
        self._causes: dict[str, str] = {}

    @property
    def findings(self) -> Mapping[str, Finding]:
        """Those that were replayed, or were to be, by bucket."""
        return self._findings

    def filed(self, bucket: str) -> str:
        """The bucket under which what was first seen as this one is filed."""
        return self._alias.get(bucket, bucket)

    def knows(self, bucket: str) -> bool:
        """True for the bucket of a confirmed finding."""
        found = self._findings.get(self.filed(bucket))
        return found is not None and found.confirmed

    def beside(self, bucket: str, is_longer: Callable[[Finding], bool]) -> str:
        """The bucket, or one beside it, where what it holds is known to take a field that `is_longer`; and so on."""
        for beside in buckets_beside(bucket):
            found = self._findings.get(self.filed(bucket))
            if found is None or not takes_length(found) or not is_longer(found):
                break
            bucket = beside
        return bucket

    def verdict(self, bucket: str, fault: Observation) -> bool | None:
        """Whether a fault counts without another replay: True it does, False it was replayed in vain, None ask."""
        if self.knows(bucket) or self._ways[_sort(fault)] >= _WAYS:
            return True
        return False if self._doubts[bucket] >= _DOUBTS else None

    def renew(self, finding: Finding) -> Finding:
        """The same finding with another reproducer; it may show now that it is the same fault as an earlier one."""
        joined, before = self._joined(finding), self._findings[finding.bucket]
        if joined.same_as and not before.same_as:
            self._ways[_sort(before.observation)] -= 1
        self._findings[finding.bucket] = joined
        return joined

    def _joined(self, finding: Finding) -> Finding:
        causes = sorted(causes_of(finding))
        heads = {found.id: found.same_as for found in self._findings.values()}
        met = (self._causes.get(cause, finding.id) for cause in causes)
        known = (head for one in met if (head := heads.get(one) or one) != finding.id)
        same = finding.same_as or next(known, "")
        for cause in causes:
            self._causes.setdefault(cause, same or finding.id)
        return replace(finding, same_as=same)

    def enter(self, bucket: str, finding: Finding) -> Finding | None:
        """File a finding that was first seen as `bucket`; None when it is a known one's, else as it is to be told."""
        if not finding.confirmed:
            return self._doubted(bucket, finding)
        self._alias[bucket] = finding.bucket
        if self.knows(finding.bucket):
            return None
        joined = self._findings[finding.bucket] = self._joined(finding)
        if (sort := _sort(finding.observation)) and not joined.same_as:
            self._ways[sort] += 1
        return joined

    def _doubted(self, bucket: str, finding: Finding) -> Finding | None:
        self._doubts[bucket] += 1
        if not self.knows(finding.bucket):
            self._findings[finding.bucket] = finding
        return finding if self._doubts[bucket] == 1 and not self.knows(finding.bucket) else None

    def state(self) -> LedgerState:
        """What it knows, to be written down."""
        filed = {bucket: finding.confirmed for bucket, finding in self._findings.items()}
        return LedgerState(filed, dict(self._alias), dict(self._ways), dict(self._doubts), dict(self._causes))

    def restore(self, state: LedgerState, findings: Mapping[str, Finding]) -> None:
        """Back to a `state()`; `findings` by bucket may know more than it did."""
        for bucket, confirmed in state.filed.items():
            if (finding := findings.get(bucket)) is not None:
                self._findings[bucket] = finding if confirmed else replace(finding, reproduced=0)
        self._alias = dict(state.alias)
        self._causes = dict(state.causes)
        self._ways, self._doubts = Counter(state.ways), Counter(state.doubts)


def _sort(fault: Observation) -> str:
    """What a few findings are enough of: a requirement, or a message behind which it is gone; "" for the rest."""
    if fault.requirement:
        return fault.requirement
    return "\0".join((fault.kind, fault.protocol, *fault.fingerprint, fault.blames)) if is_blamed(fault) else ""
