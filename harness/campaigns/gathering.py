"""Makes one store, and one record, of what the workers of a run have left in theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from harness.campaigns.session import PART_END
from harness.errors import BenchError, UsageError
from harness.finding import Finding
from harness.merging import Part, merged_findings
from harness.position import Position, unpacked
from harness.serialize import from_plain
from harness.share import WORKERS, Share
from harness.store import STORE_NAME, Store
from harness.store_lock import Lock
from harness.summary import FAILED, TimelinePoint

_ALL = 1 << 62
_GRAVEST = (FAILED, "bench", "interrupted", "findings", "quiet", "budget", "exhausted")


@dataclass(frozen=True, slots=True)
class Left:
    """One worker's store as it was left: its manifest, its end (empty where it was killed), what can be counted."""

    path: Path
    share: Share
    manifest: Mapping[str, Any]
    end: Mapping[str, Any]
    position: Position | None
    findings: Sequence[Finding]

    @property
    def part(self) -> Part | None:
        """What it came to; None where it had no case."""
        return None if self.position is None else Part(self.share, self.position, self.findings)

    @property
    def cases(self) -> int:
        """So many of its rows are counted in its position."""
        return _ALL if PART_END in self.end else self.position.campaign.cases if self.position is not None else 0

    @property
    def seconds(self) -> float:
        """Wall seconds from its first case on."""
        position = self.position
        return float(self.end.get("seconds", position.campaign.seconds if position is not None else 0.0))

    @property
    def reason(self) -> str:
        """Why it ended."""
        return str(self.end.get("reason", "interrupted"))


def left_in(run: Path) -> list[Left]:
    """What the workers of a run have left, in their order; raises UsageError while one runs, BenchError."""
    found = [_left(path) for path in (run / WORKERS).glob(f"*/{STORE_NAME}")]
    return sorted(found, key=lambda left: left.share.index)


def _left(path: Path) -> Left:
    if (lock := Lock.of(path)) is None:
        raise UsageError(f"{path.parent}: this worker still runs; wait for it, or end it first")
    try:
        with Store.open(path) as store:
            manifest, end = store.manifest(), store.end()
            data = bytes.fromhex(end[PART_END]) if PART_END in end else store.position()
            share = from_plain(Share, manifest["options"]["share"])
            return Left(path, share, manifest, end, unpacked(data) if data else None, store.findings())
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BenchError(f"store {path}: cannot be read ({error!r}). Restore it from a copy") from error
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class Gathered:
    """The whole of a run: its parts that had a case, its findings, why it ended; bench faults that are `told` in it."""

    parts: Sequence[Part]
    findings: Sequence[Finding]
    reason: str
    put_off: int
    told: frozenset[str]


def gather(store: Store, lefts: Sequence[Left]) -> Gathered:
    """Put cases, events and findings of the workers' stores into the run's, in place of what is there.

    Raises BenchError from the disk.
    """
    parts = [part for left in lefts if (part := left.part) is not None]
    findings = merged_findings(parts, {finding.id for finding in store.findings()})
    store.clear()
    for left in lefts:
        store.add_part(left.path, left.share, left.cases)
    kept = {finding.id for finding in findings}
    for finding in store.findings():
        if finding.id not in kept:
            store.remove_finding(finding.id)
    for finding in findings:
        store.add_finding(finding)
    return Gathered(
        parts,
        findings,
        _reason(lefts),
        sum(int(left.end.get("put_off", 0)) for left in lefts),
        frozenset(fault for part in parts for fault in part.position.record.bench_faults),
    )


def _reason(lefts: Sequence[Left]) -> str:
    reasons = {left.reason for left in lefts}
    return next((reason for reason in _GRAVEST if reason in reasons), "interrupted")


def rising(timeline: Sequence[TimelinePoint]) -> tuple[TimelinePoint, ...]:
    """With the edges that any worker knew, which each of them counts for itself."""
    known = accumulate((point.coverage for point in timeline), max)
    return tuple(replace(point, coverage=edges) for point, edges in zip(timeline, known, strict=True))
