"""What a run changes in a baseline: findings to put in, entries that it saw fixed, entries that it shows gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.finding import Finding
from harness.known.baseline import FIXED, STILL_THERE, KnownFinding, Seen
from harness.known.evidence import alone, case_of, rerun
from harness.record import load_record
from harness.store import Store
from harness.summary import CampaignRecord

FOLDER = "known"


@dataclass(frozen=True, slots=True)
class Decided:
    """What is written of every finding that is put in."""

    decision: str = "defer"
    reason: str = ""
    owner: str = ""
    expires: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """Findings with the entries that they become, entries to be marked as fixed, and entries that were seen again."""

    new: tuple[tuple[Finding, KnownFinding], ...]
    fixed: tuple[KnownFinding, ...]
    back: tuple[KnownFinding, ...]


def update_by(store: Store, entries: Sequence[KnownFinding], folder: Path, decided: Decided) -> Update:
    """What a run adds to the entries of a baseline in `folder`; raises BenchError."""
    record = load_record(store)
    new = tuple(
        (finding, _entry(store, finding, folder, decided))
        for finding in record.confirmed
        if not (finding.same_as or any(entry.fits(finding.bucket) for entry in entries))
    )
    fixed = tuple(e for e in entries if not e.fixed and not _met(e, record) and _seen(e, record).seen == FIXED)
    back = tuple(e for e in entries if e.fixed and any(e.fits(finding.bucket) for finding in record.confirmed))
    return Update(new, fixed, back)


def gone_by(store: Store, entries: Sequence[KnownFinding]) -> list[tuple[KnownFinding, str]]:
    """The entries that a run shows gone, and by what; raises BenchError."""
    record = load_record(store)
    found = ((entry, _evidence(store, entry, record)) for entry in entries)
    return [(entry, evidence) for entry, evidence in found if evidence]


def _evidence(store: Store, entry: KnownFinding, record: CampaignRecord) -> str:
    """Why an entry is gone; "" where it is not, or nobody knows."""
    seen = _seen(entry, record)
    if _met(entry, record) or seen.seen == STILL_THERE:
        return ""
    if seen.seen == FIXED:
        return seen.why
    again = rerun(store, entry.case)
    return again.words if again.clean else ""


def _met(entry: KnownFinding, record: CampaignRecord) -> bool:
    return any(entry.fits(finding.bucket) for finding in record.findings)


def _seen(entry: KnownFinding, record: CampaignRecord) -> Seen:
    nothing = Seen(entry.bucket, entry.decision, "")
    return next((seen for seen in record.known if seen.bucket == entry.bucket), nothing)


def _entry(store: Store, finding: Finding, folder: Path, decided: Decided) -> KnownFinding:
    """The case is named only where it alone says whether the finding is gone."""
    case = case_of(store, finding)
    return KnownFinding(
        finding.bucket,
        decided.decision,
        decided.reason,
        decided.owner,
        decided.expires,
        kind=finding.kind.value,
        summary=finding.observation.summary,
        fault=finding.fault,
        run=os.path.relpath(store.path.parent, folder),
        reproducer=f"{FOLDER}/{finding.id}.json",
        case="" if alone(finding, case) else case,
    )
