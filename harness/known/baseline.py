"""The baseline: what somebody has decided about findings, by bucket, and what that makes of those that a run met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.finding import Finding
from harness.kinship import Fault, faults_in
from harness.serialize import from_plain

NEW, KNOWN, EXPIRED, REGRESSED = "new", "known", "expired", "regressed"
STILL_THERE, FIXED, NOT_TESTED = "still there", "fixed", "not tested"
Decision = Literal["accept", "fix", "defer"]


@dataclass(frozen=True, slots=True)
class KnownFinding:
    """What was decided about one bucket: sixteen hex digits, or the first eight, as a finding's id has them.

    `expires` is the last day on which it holds, YYYY-MM-DD, "" for ever. `fixed`: it was seen to be gone. `reproducer`
    and `run` are paths from the baseline's folder, `case` the id of the case that showed it. `also` are other buckets
    and causes of the same fault, sixteen hex digits each: see `harness.kinship`.
    """

    bucket: str
    decision: str
    reason: str = ""
    owner: str = ""
    expires: str = ""
    fixed: bool = False
    kind: str = ""
    summary: str = ""
    fault: str = ""
    run: str = ""
    reproducer: str = ""
    case: str = ""
    also: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """That of its finding."""
        return "F-" + self.bucket[:8]

    def fits(self, bucket: str) -> bool:
        """True for the bucket that it speaks of."""
        return bucket.startswith(self.bucket)

    def means(self, fault: Fault) -> bool:
        """True for the fault that it speaks of, under whichever bucket that was met."""
        named = (self.fits(found.bucket) or found.same_as == self.id for found in fault.findings)
        return any(named) or not fault.causes.isdisjoint(self.also)

    def has_expired(self, day: str) -> bool:
        """True where `day`, YYYY-MM-DD, is after its last one."""
        return bool(self.expires) and day > self.expires

    @property
    def words(self) -> str:
        """`defer, owner Ada, until 2026-12-31: waits for the new framer`."""
        parts = [
            self.decision,
            f"owner {self.owner}" if self.owner else "no owner",
            f"until {self.expires}" if self.expires else "for ever",
        ]
        return ", ".join(parts) + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class FindingStatus:
    """A finding before the baseline: `new`, `known`, `expired` or `regressed`, and the entry that makes it so."""

    word: str = NEW
    entry: KnownFinding | None = None

    @property
    def fails(self) -> bool:
        """True for what ends a run with 1, where it is confirmed: all but known ones."""
        return self.word != KNOWN

    @property
    def words(self) -> str:
        """`known: defer, owner Ada, for ever`, or `new`."""
        if self.entry is None:
            return self.word
        was = "was fixed; " if self.word == REGRESSED else ""
        return f"{self.word}: {was}{self.entry.words}"


UNKNOWN = FindingStatus()


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of the file `file`, by its SHA-256, as they are on the `day` (YYYY-MM-DD) on which a run began."""

    file: str
    sha256: str
    day: str
    findings: tuple[KnownFinding, ...] = ()

    def entry(self, bucket: str) -> KnownFinding | None:
        """The one that speaks of a bucket."""
        return next((entry for entry in self.findings if entry.fits(bucket)), None)

    def status(self, finding: Finding, fault: Fault | None = None) -> FindingStatus:
        """What a finding is; one without an entry of its own is what another sight of the same `fault` is."""
        fault = fault or faults_in([finding])[0]
        entry = self.entry(finding.bucket) or next((one for one in self.findings if one.means(fault)), None)
        return UNKNOWN if entry is None else self.status_of(entry)

    def status_of(self, entry: KnownFinding) -> FindingStatus:
        """What a finding is that the entry speaks of: one that was fixed is back, whatever its date."""
        if entry.fixed:
            return FindingStatus(REGRESSED, entry)
        return FindingStatus(EXPIRED if entry.has_expired(self.day) else KNOWN, entry)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run saw of one entry when it replayed its reproducer: `still there`, `fixed`, `not tested`, and why."""

    bucket: str
    decision: str
    seen: str
    why: str = ""

    @property
    def words(self) -> str:
        """`fixed: F-0123abcd: did not come back in 3 replays`."""
        return f"{self.seen}: F-{self.bucket[:8]}" + (f": {self.why}" if self.why else "")


def baseline_in(manifest: Mapping[str, Any]) -> Baseline | None:
    """The one with which a run was begun, None where it had none; raises ValueError."""
    written = manifest.get("baseline")
    return None if written is None else from_plain(Baseline, written)


def statuses_of(manifest: Mapping[str, Any], findings: Sequence[Finding]) -> dict[str, FindingStatus]:
    """By bucket, what the run's baseline makes of findings; nothing where it had none. Raises ValueError."""
    baseline = baseline_in(manifest)
    if baseline is None:
        return {}
    return {found.bucket: baseline.status(found, fault) for fault in faults_in(findings) for found in fault.findings}
