"""Two runs side by side, by fault: what is new, what is gone and on which evidence, what is there still, or flaky."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.finding import Finding
from harness.kinship import Fault, faults_in
from harness.known.baseline import FIXED, STILL_THERE, Seen
from harness.known.evidence import Rerun, alone, case_of, rerun
from harness.record import load_record
from harness.reliability import Reliability
from harness.store import OVER, Store
from harness.summary import CampaignRecord

SCHEMA_VERSION = 1
NEW, GONE, STILL, FLAKY = "new", "gone", "still there", "flaky now"
GROUPS = (NEW, GONE, STILL, FLAKY)


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding and why it is in its group. `rerun` is what became of its case, of one that is gone."""

    finding: Finding
    why: str = ""
    rerun: Rerun | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings of two runs, the earlier one first, by `GROUPS`. `remarks` are why the runs are hardly alike."""

    earlier: CampaignRecord
    later: CampaignRecord
    groups: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict[str, tuple[Difference, ...]])
    remarks: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 where something is new."""
        return 1 if self.groups[NEW] else 0


def compare(earlier: Store, later: Store) -> Comparison:
    """The comparison of two stores; raises BenchError."""
    before, after = load_record(earlier), load_record(later)
    found, met = faults_in(before.findings), faults_in(after.findings)
    groups: dict[str, list[Difference]] = {name: [] for name in GROUPS}
    for fault in met:
        old = _same(fault, found)
        if fault.head.confirmed and (old is None or not old.confirmed):
            groups[NEW].append(Difference(fault.head, "" if old is None else f"it was {old.standing} before"))
    for fault in found:
        if fault.head.confirmed:
            name, difference = _again(fault.head, _same(fault, met), _replayed(fault, after), _asked(earlier, later))
            groups[name].append(difference)
    return Comparison(
        before, after, {name: tuple(entries) for name, entries in groups.items()}, _remarks(before, after)
    )


def _same(fault: Fault, others: Sequence[Fault]) -> Finding | None:
    """The finding of another run that is of the same fault: a confirmed one, where there is one."""
    heads = [other.head for other in others if other.causes & fault.causes]
    return next((head for head in heads if head.confirmed), heads[0] if heads else None)


def _replayed(fault: Fault, after: CampaignRecord) -> Seen | None:
    buckets = [finding.bucket for finding in fault.findings]
    return next((seen for seen in after.known if any(b.startswith(seen.bucket) for b in buckets)), None)


def _asked(earlier: Store, later: Store) -> Callable[[Finding], Difference]:
    """How a finding that the later run did not meet is judged by its case."""

    def judged(finding: Finding) -> Difference:
        again = rerun(later, case_of(earlier, finding))
        but = alone(finding, again.case) if again.clean else ""
        return Difference(finding, f"{again.words}, {but}" if but else again.words, again)

    return judged


def _again(
    finding: Finding, met: Finding | None, seen: Seen | None, judged: Callable[[Finding], Difference]
) -> tuple[str, Difference]:
    """The group of a finding of the earlier run, and the words for it."""
    if met is not None and met.confirmed:
        return STILL, Difference(met)
    if seen is not None and seen.seen == STILL_THERE:
        return STILL, Difference(finding, "its reproducer showed it again")
    if met is not None and met.standing is Reliability.NOT_REPLAYED:
        return STILL, Difference(met, "seen again, and not replayed")
    if met is not None:
        return FLAKY, Difference(met, f"{met.replays}{f': {met.doubt}' if met.doubt else ''}")
    difference = judged(finding)
    if seen is not None and seen.seen == FIXED:
        return GONE, Difference(finding, f"fixed: {seen.why}", difference.rerun)
    return GONE, difference


def _remarks(before: CampaignRecord, after: CampaignRecord) -> tuple[str, ...]:
    """What makes the runs hard to compare: other benches, other interfaces, a run that was cut short."""
    remarks: list[str] = []
    for name, key in (("benches", "bench"), ("devices", "target")):
        one, other = (_word(record.manifest.get(key)) for record in (before, after))
        if one != other:
            remarks.append(f"the {name} differ: {one}, then {other}")
    left = set(before.manifest.get("interfaces", {})) - set(after.manifest.get("interfaces", {}))
    if left:
        remarks.append(f"not fuzzed in the later run: {', '.join(sorted(left))}")
    ends = (("earlier", before), ("later", after))
    remarks += [f"the {name} run ended as: {r.reason}" for name, r in ends if r.reason not in OVER]
    return tuple(remarks)


def _word(entry: Any) -> str:
    return str(entry.get("name", "")) if isinstance(entry, Mapping) else str(entry)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def document(comparison: Comparison) -> dict[str, Any]:
    """The comparison for machines, as `docs/baseline.md` describes it."""
    return {
        "schema": SCHEMA_VERSION,
        "exit_code": comparison.exit_code,
        "earlier": _run(comparison.earlier),
        "later": _run(comparison.later),
        "remarks": list(comparison.remarks),
        **{name.replace(" ", "_"): [_told(d) for d in comparison.groups[name]] for name in GROUPS},
    }


def _run(record: CampaignRecord) -> dict[str, Any]:
    manifest = record.manifest
    return {
        "campaign": manifest.get("campaign", ""),
        "started": manifest.get("started", ""),
        "bench": manifest.get("bench", ""),
        "seed": manifest.get("seed"),
        "cases": record.cases,
        "findings": len(record.confirmed),
        "exit_code": record.exit_code,
    }


def _told(difference: Difference) -> dict[str, Any]:
    finding, again = difference.finding, difference.rerun
    return {
        "id": finding.id,
        "bucket": finding.bucket,
        "kind": finding.kind.value,
        "interface": finding.case.interface,
        "summary": finding.observation.summary,
        "reproduced": f"{finding.reproduced}/{finding.tries}",
        "why": difference.why,
        "case": None if again is None else {"id": again.case, "runs": again.runs, "passed": again.passed},
    }
