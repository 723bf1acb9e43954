"""What a run changes in a baseline: findings to put in, entries that it saw fixed, entries that it shows gone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.finding import Finding
from harness.kinship import Fault, faults_in
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
    """Findings with the entries that they become, entries to be marked as fixed, and entries that were seen again.

    `also` are, by an entry's bucket, all other buckets and causes of its fault, where the run has shown more of them.
    """

    new: tuple[tuple[Finding, KnownFinding], ...]
    fixed: tuple[KnownFinding, ...]
    back: tuple[KnownFinding, ...]
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


def update_by(store: Store, entries: Sequence[KnownFinding], folder: Path, decided: Decided) -> Update:
    """What a run adds to the entries of a baseline in `folder`; raises BenchError."""
    record = load_record(store)
    faults = [fault for fault in faults_in(record.findings) if fault.head.confirmed]
    met = [(entry, fault) for entry in entries for fault in faults if entry.means(fault)]
    known = [fault for _entry_, fault in met]
    new = tuple((f.head, _entry(store, f, folder, decided)) for f in faults if f not in known)
    fixed = tuple(e for e in entries if not e.fixed and not _met(e, record) and _seen(e, record).seen == FIXED)
    back = tuple(dict.fromkeys(entry for entry, _fault in met if entry.fixed))
    return Update(new, fixed, back, _more(met))


def _more(met: Sequence[tuple[KnownFinding, Fault]]) -> dict[str, tuple[str, ...]]:
    """What entries are to say `also`, where that is more than they say."""
    found: dict[str, tuple[str, ...]] = {}
    for entry, fault in met:
        said = found.get(entry.bucket, entry.also)
        if more := sorted(fault.causes.difference(said, (entry.bucket,))):
            found[entry.bucket] = (*said, *more)
    return found


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
    return any(entry.means(fault) for fault in faults_in(record.findings))


def _seen(entry: KnownFinding, record: CampaignRecord) -> Seen:
    nothing = Seen(entry.bucket, entry.decision, "")
    return next((seen for seen in record.known if seen.bucket == entry.bucket), nothing)


def _entry(store: Store, fault: Fault, folder: Path, decided: Decided) -> KnownFinding:
    """The case is named only where it alone says whether the finding is gone."""
    finding = fault.head
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
        also=tuple(sorted(fault.causes - {finding.bucket})),
    )
