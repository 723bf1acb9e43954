"""The outcome of a campaign as data: what every report is made from, and `summary.json`, the machine's view of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from harness.case import Send
from harness.finding import Finding, Minimized
from harness.functions import FunctionsRun
from harness.known.baseline import UNKNOWN, FindingStatus, Seen
from harness.reliability import Reliability
from harness.requirements import Requirement
from harness.residual import Discovery
from harness.seen_states import StateGraph
from harness.telling.explanation import Explanation, explain
from harness.telling.session import sessions_in
from harness.temporal import RequirementStatistics
from harness.tried import Tried
from harness.verdict import Kind, Verdict

SCHEMA_VERSION = 1
MAX_INCONCLUSIVE = 0.01
SHORTEST_RUN = 1e-6
FAILED = "failed"
BENCH_FAILED = 3
STATUSES = ("held", "violated", "not exercised", "inconclusive", "excluded", "not recorded")


@dataclass(frozen=True, slots=True)
class InterfaceTotals:
    """What ran over one interface: finished cases, probes that were served, and other messages asked and answered."""

    cases: int = 0
    probes: int = 0
    asked: int = 0
    answered: int = 0


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """Finished cases of one fuzzer on one interface."""

    interface: str
    fuzzer: str
    cases: int


@dataclass(frozen=True, slots=True)
class MessageTotals:
    """How often one message was sent in one state, and what came of it; the probes behind cases are not counted.

    `accepted`: answered, and not by what the protocol knows as a refusal. `unanswered`: an answer was due.
    """

    interface: str
    message: str
    state: str
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class RequirementRecord:
    """A requirement and how well it was exercised; no statistics for an excluded one."""

    requirement: Requirement
    statistics: RequirementStatistics | None = None

    @property
    def status(self) -> str:
        """One of `STATUSES`; `inconclusive` was never judged, `not recorded` belongs to a run that was killed."""
        if self.requirement.excluded:
            return "excluded"
        if self.statistics is None:
            return "not recorded"
        if self.statistics.violated:
            return "violated"
        if self.statistics.margin is None and self.statistics.unknown_seconds > 0:
            return "inconclusive"
        return "held" if self.statistics.exercised else "not exercised"


@dataclass(frozen=True, slots=True)
class TimelinePoint:
    """The campaign at `seconds` after its start: cases done, findings met, edges known."""

    seconds: float
    cases: int
    findings: int
    coverage: int


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """One whole campaign. `manifest` is what was recorded at the start; `reason` why it ended.

    `doubts` are why a run that found nothing is not green, the gravest first. `reason` is one of `budget`, `exhausted`,
    `findings`, `interrupted`, `bench`, `failed` where medfuzz itself did, or `killed` where no end was recorded.
    `statuses` are what the baseline makes of findings, by bucket, `known` what was seen of its entries. `seen` counts
    the cases that showed a finding, by bucket and state. `discovery` and `states` are by interface. `tried` is
    counted in the store. `functions` is None where the device's program has no names, or nobody sees what of it runs.
    """

    manifest: Mapping[str, Any]
    seconds: float
    cases: int
    verdicts: Mapping[str, int]
    interfaces: Mapping[str, InterfaceTotals]
    groups: tuple[GroupTotals, ...] = ()
    requirements: tuple[RequirementRecord, ...] = ()
    findings: tuple[Finding, ...] = ()
    timeline: tuple[TimelinePoint, ...] = ()
    refused: int = 0
    bench_faults: tuple[str, ...] = ()
    reason: str = ""
    exit_code: int = 0
    store: str = field(default="", compare=False)
    left_out: int = 0
    put_off: int = 0
    doubts: tuple[str, ...] = ()
    statuses: Mapping[str, FindingStatus] = field(default_factory=dict[str, FindingStatus])
    known: tuple[Seen, ...] = ()
    messages: tuple[MessageTotals, ...] = ()
    discovery: Mapping[str, Discovery] = field(default_factory=dict[str, Discovery])
    seen: Mapping[str, Mapping[str, int]] = field(default_factory=dict[str, Mapping[str, int]])
    tried: tuple[Tried, ...] = field(default=(), compare=False)
    functions: FunctionsRun | None = None
    states: Mapping[str, StateGraph] = field(default_factory=dict[str, StateGraph])

    @property
    def rate(self) -> float:
        """Finished cases a second of wall time."""
        return self.cases / self.seconds if self.seconds > SHORTEST_RUN else 0.0

    @property
    def confirmed(self) -> tuple[Finding, ...]:
        """Findings that a replay showed again."""
        return tuple(finding for finding in self.findings if finding.confirmed)

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Confirmed findings that end the run with 1: new ones, and known ones whose decision holds no more."""
        return failing(self.findings, self.statuses)

    def explain(self, finding: Finding) -> Explanation:
        """The finding in plain words."""
        return explain(finding, sessions_in(self.manifest), self.seen.get(finding.bucket))

    def status(self, finding: Finding) -> FindingStatus:
        """What the baseline makes of a finding."""
        return self.statuses.get(finding.bucket, UNKNOWN)


_REPORTED = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT})  # no matter of time: it happened, once at least


def failing(findings: Sequence[Finding], statuses: Mapping[str, FindingStatus]) -> tuple[Finding, ...]:
    """The confirmed ones that no decision of the baseline covers."""
    return tuple(found for found in findings if found.confirmed and statuses.get(found.bucket, UNKNOWN).fails)


def doubts_of(
    verdicts: Mapping[str, int],
    findings: Sequence[Finding],
    max_inconclusive: float = MAX_INCONCLUSIVE,
    statuses: Mapping[str, FindingStatus] | None = None,
) -> Iterator[str]:
    """Why verdicts and findings do not add up to a pass: suspicions not replayed, too many cases that say nothing.

    What is known need not be replayed to be known.
    """
    told = [found for found in findings if (statuses or {}).get(found.bucket, UNKNOWN).fails]
    if waiting := [finding.id for finding in told if not finding.confirmed and not finding.tries]:
        yield f"{len(waiting)} suspicions were not replayed, there was no time or no way: {', '.join(waiting)}"
    reported = [found for found in told if found.kind in _REPORTED and not found.observation.timed]
    if once := [found.id for found in reported if found.standing is Reliability.NOT_REPRODUCED]:
        yield f"the device itself reported what no replay showed again: {', '.join(once)}"
    doubtful, total = (
        sum(verdicts.get(v, 0) for v in (Verdict.INCONCLUSIVE, Verdict.BENCH_FAULT)),
        sum(verdicts.values()),
    )
    if doubtful > max_inconclusive * total:
        yield f"{doubtful} of {total} cases say nothing, {max_inconclusive:.0%} may ([limits] max_inconclusive)"


def exit_code_of(
    findings: Sequence[Finding],
    *,
    bench_failed: bool,
    doubts: Sequence[str] = (),
    statuses: Mapping[str, FindingStatus] | None = None,
) -> int:
    """1 for a confirmed finding that is not known, else 3 if the bench failed, else 4 if there are doubts, else 0."""
    if failing(findings, statuses or {}):
        return 1
    return BENCH_FAILED if bench_failed else 4 if doubts else 0


def signalled(record: CampaignRecord, number: int) -> CampaignRecord:
    """The record of a run that signal `number` ended before its time: never a pass.

    Its exit code is the shell's, 128 + `number`, unless a finding (1) or a failed bench (3) is to be told instead.
    """
    return record if record.failing or record.bench_faults else replace(record, exit_code=128 + number)


def with_faults(record: CampaignRecord, faults: Sequence[str]) -> CampaignRecord:
    """The record with more that failed on our side: never a pass; a finding, and a fault of our own, outrank it."""
    if not faults:
        return record
    code = record.exit_code if record.failing or record.reason == FAILED else BENCH_FAILED
    return replace(record, bench_faults=(*record.bench_faults, *faults), exit_code=code)


def summarize(record: CampaignRecord) -> dict[str, Any]:
    """The document of `summary.json`, as `docs/summary-schema.md` describes it."""
    return {
        "schema": SCHEMA_VERSION,
        "exit_code": record.exit_code,
        "reason": record.reason,
        "cases": record.cases,
        "seconds": round(record.seconds, 3),
        "cases_per_second": round(record.rate, 1),
        "verdicts": {verdict.value: record.verdicts.get(verdict, 0) for verdict in Verdict},
        "interfaces": {
            name: {
                "cases": totals.cases,
                "probes": totals.probes,
                "asked": totals.asked,
                "answered": totals.answered,
            }
            for name, totals in record.interfaces.items()
        },
        "requirements": {entry.requirement.id: _requirement(entry) for entry in record.requirements},
        "messages": [asdict(totals) for totals in record.messages],
        "discovery": {
            name: {**asdict(told), "chance": round(told.chance, 6)} for name, told in record.discovery.items()
        },
        "states": {name: _states(graph) for name, graph in record.states.items()},
        "functions": None if record.functions is None else _functions(record.functions),
        "findings": [
            {**_finding(finding), **_status(record.status(finding)), **_explained(record.explain(finding))}
            for finding in record.findings
        ],
        "known": [{"bucket": s.bucket, "decision": s.decision, "seen": s.seen, "why": s.why} for s in record.known],
        "refused": record.refused,
        "left_out": record.left_out,
        "put_off": record.put_off,
        "doubts": list(record.doubts),
        "bench_faults": list(record.bench_faults),
    }


def summary_text(record: CampaignRecord) -> str:
    """`summary.json` as text."""
    return json.dumps(summarize(record), indent=2, allow_nan=False) + "\n"


def _requirement(entry: RequirementRecord) -> dict[str, Any]:
    statistics = entry.statistics or RequirementStatistics(entry.requirement.id)
    return {
        "status": entry.status,
        "observed_seconds": round(statistics.observed_seconds, 3),
        "unknown_seconds": round(statistics.unknown_seconds, 3),
        "missing": list(statistics.missing),
        "exercised": statistics.exercised,
        "exercised_seconds": round(statistics.exercised_seconds, 3),
        "violated": statistics.violated,
        "margin": statistics.margin,
        "excluded": entry.requirement.excluded,
    }


def _states(graph: StateGraph) -> dict[str, Any]:
    states, passages = ([asdict(one) for one in some] for some in (graph.states, graph.passages))
    return {"states": states, "passages": passages, "left_out": graph.left_out}


def _functions(seen: FunctionsRun) -> dict[str, Any]:
    return {"ran": seen.ran, "never_ran": seen.missing, "never": [asdict(one) for one in seen.never]}


def _finding(finding: Finding) -> dict[str, Any]:
    sends = [step for step in finding.case.steps if isinstance(step, Send)]
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "bucket": finding.bucket,
        "interface": finding.case.interface,
        "state": finding.case.state,
        "requirement": finding.observation.requirement,
        "summary": finding.observation.summary,
        "messages": [send.message for send in sends],
        "bytes": [exchange.sent.hex() for exchange in finding.transcript.exchanges] or [s.data.hex() for s in sends],
        "window": len(finding.window),
        "reproduced": f"{finding.reproduced}/{finding.tries}",
        "interval": [round(bound, 3) for bound in finding.rate.interval],
        "standing": finding.standing.value,
        "confirmed": finding.confirmed,
        "doubt": finding.doubt,
        "case": finding.case_number,
        "found_after": round(finding.found_after, 3),
        "fault": finding.fault,
        "same_as": finding.same_as,
        "minimized": None if finding.minimized is None else _minimized(finding.minimized),
    }


def _explained(told: Explanation) -> dict[str, Any]:
    resembles = told.resembles
    return {
        "sentence": told.sentence,
        "unusual": told.unusual,
        "session": told.session.value,
        "states": dict(told.states),
        "resembles": None
        if resembles is None
        else {
            "cwe": list(resembles.weaknesses),
            "mechanism": resembles.mechanism,
            "advisories": list(resembles.advisories),
        },
    }


def _status(status: FindingStatus) -> dict[str, Any]:
    keys = ("decision", "reason", "owner", "expires")
    entry = None if status.entry is None else {key: getattr(status.entry, key) for key in keys}
    return {"status": status.word, "decided": entry}


def _minimized(told: Minimized) -> dict[str, Any]:
    sizes = {
        name: {"messages": s.messages, "bytes": s.octets}
        for name, s in (("before", told.before), ("after", told.after))
    }
    return {
        **sizes,
        "replays": told.replays,
        "seconds": round(told.seconds, 3),
        "done": told.done,
        "sought": told.sought,
        "conditions": [asdict(condition) for condition in told.conditions],
    }
