"""Gathers a campaign's record: from its events while it runs, or from its store afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sql

from harness.bench_tables import FloorsTable
from harness.errors import BenchError
from harness.events import (
    BenchFault,
    CampaignEnded,
    CampaignResumed,
    CampaignStarted,
    CaseFinished,
    CaseLeftOut,
    CaseRefused,
    CaseSettled,
    CasesRun,
    Event,
    FindingConfirmed,
    FindingDismissed,
    FindingMinimized,
    FindingSuspected,
    KnownReplayed,
)
from harness.finding import Finding
from harness.floors import BETWEEN, Tally, Tested, refuses_nothing, shortfalls
from harness.functions import FunctionsRun
from harness.known.baseline import FindingStatus, Seen, statuses_of
from harness.requirements import Requirement
from harness.residual import Discovery
from harness.seen_states import StateGraph, StateWatcher
from harness.serialize import dumps, from_plain, loads
from harness.store import Store
from harness.store_schema import cases as case_rows
from harness.summary import (
    MAX_INCONCLUSIVE,
    CampaignRecord,
    GroupTotals,
    InterfaceTotals,
    MessageTotals,
    RequirementRecord,
    TimelinePoint,
    doubts_of,
    exit_code_of,
)
from harness.temporal import RequirementStatistics, RequirementTotals, TotalsState
from harness.tried import tried_in

POINTS = 400
BENCH_FAULT, BENCH_FAILURE, REFUSED, KNOWN = "bench_fault", "bench_failure", "refused", "known"


@dataclass(frozen=True, slots=True)
class RecordState:
    """What a `RecordBuilder` has counted; `findings` are ids in the order in which they were told.

    The timeline is none of it: the cases in the store are, each of number `stride`.
    """

    verdicts: Mapping[str, int]
    tallies: Mapping[str, Tally]
    probes: Mapping[str, int]
    groups: tuple[GroupTotals, ...]
    findings: tuple[str, ...]
    known: tuple[Seen, ...]
    bench_faults: tuple[str, ...]
    bench_failed: bool
    stride: int
    refused: int
    left_out: int
    totals: TotalsState
    seen: Mapping[str, Mapping[str, int]]
    discovery: Mapping[str, Discovery]
    states: Mapping[str, StateGraph] = field(default_factory=dict[str, StateGraph])


class RecordBuilder:
    """A listener that counts events into a `CampaignRecord`.

    `interfaces` are all that are in scope, counted from nothing; `totals` adds up the requirements' figures;
    `floors` are looked at with `budget`, the number of cases that was asked for. `refuses` knows by
    interface which answers say no, `states` follows the cases through the device's.
    """

    def __init__(
        self,
        requirements: Sequence[Requirement] = (),
        interfaces: Mapping[str, Tally] | None = None,
        *,
        max_inconclusive: float = MAX_INCONCLUSIVE,
        totals: RequirementTotals | None = None,
        floors: FloorsTable | None = None,
        budget: int | None = None,
        refuses: Mapping[str, Callable[[bytes], bool]] | None = None,
        states: Mapping[str, StateWatcher] | None = None,
    ) -> None:
        self._states = states or {}
        self._refuses = refuses or {}
        self._max_inconclusive, self._floors, self._budget = max_inconclusive, floors, budget
        self._totals = totals or RequirementTotals(())
        self._requirements = tuple(requirements)
        self._manifest: Mapping[str, Any] = {}
        self._verdicts: Counter[str] = Counter()
        self._tallies = dict(interfaces or {})
        self._probes: Counter[str] = Counter()
        self._groups: Counter[tuple[str, str]] = Counter()
        self._seen: dict[str, Counter[str]] = {}
        self._discovery: dict[str, Discovery] = {}
        self._findings: dict[str, Finding] = {}
        self._known: list[Seen] = []
        self._bench_faults: list[str] = []
        self._bench_failed = False
        self._timeline: list[TimelinePoint] = []
        self._stride = 1
        self._refused = self._left_out = 0
        self._ended = CampaignEnded("", 0.0, 0)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event:
            case CaseFinished():
                self._case(event)
            case CaseSettled() | CasesRun() | CampaignResumed() | FindingSuspected():
                pass
            case CampaignStarted(manifest=manifest):
                self._manifest = manifest
            case CaseRefused():
                self._refused += 1
            case CaseLeftOut():
                self._left_out += 1
            case FindingConfirmed() | FindingMinimized() | FindingDismissed():
                self._findings[event.finding.id] = event.finding
            case KnownReplayed(known=known):
                self._known.append(known)
            case BenchFault(reason=reason, fatal=fatal):
                self._bench_faults.append(reason)
                self._bench_failed |= fatal
            case CampaignEnded():
                self._ended = event

    def _case(self, event: CaseFinished) -> None:
        interface = event.case.interface
        self._verdicts[event.verdict.value] += 1
        self._tallies.setdefault(interface, Tally()).add(event, self._refuses.get(interface, refuses_nothing))
        self._totals.add(event.measures.watched)
        self._discovery[interface] = self._discovery.get(interface, Discovery()).plus(event.measures.news)
        if (watcher := self._states.get(interface)) is not None:
            watcher.add(event.number, event.case, event.transcript, event.seconds)
        self._probes[interface] += event.transcript.probe_served is True
        self._groups[interface, event.case.origin.fuzzer] += 1
        for bucket in event.shown:
            self._seen.setdefault(bucket, Counter())[event.case.state] += 1
        if event.number % self._stride == 0:
            self._timeline.append(TimelinePoint(event.seconds, event.number, len(self._findings), event.coverage))
            if len(self._timeline) > 2 * POINTS:
                self._timeline = self._timeline[1::2]
                self._stride *= 2

    def record(
        self, *, missing: Mapping[str, tuple[str, ...]] | None = None, findings: Sequence[Finding] | None = None
    ) -> CampaignRecord:
        """The record so far. `findings` replaces those heard of (with faults named); `missing` names signals."""
        told = tuple(self._findings.values()) if findings is None else tuple(findings)
        never = missing or {}
        figures = {name: replace(one, missing=never.get(name, ())) for name, one in self._totals.statistics().items()}
        requirements = tuple(RequirementRecord(r, figures.get(r.id)) for r in self._requirements)
        statuses = statuses_of(self._manifest, told)
        doubts = (*self._doubts(told, statuses), *self._shortfalls(requirements, never))
        return CampaignRecord(
            manifest=self._manifest,
            seconds=self._ended.seconds,
            cases=self._verdicts.total(),
            verdicts=dict(self._verdicts),
            interfaces={
                name: InterfaceTotals(tally.cases, self._probes[name], tally.asked, tally.answered)
                for name, tally in self._tallies.items()
            },
            groups=tuple(GroupTotals(*key, count) for key, count in sorted(self._groups.items())),
            requirements=requirements,
            findings=told,
            timeline=tuple(self._timeline),
            refused=self._refused,
            left_out=self._left_out,
            put_off=self._ended.put_off,
            bench_faults=tuple(self._bench_faults),
            doubts=doubts,
            reason=self._ended.reason,
            exit_code=exit_code_of(told, bench_failed=self._failed(), doubts=doubts, statuses=statuses),
            statuses=statuses,
            known=tuple(self._known),
            messages=_message_totals(self._tallies),
            discovery=dict(self._discovery),
            states=self._graphs(),
            seen={bucket: dict(states) for bucket, states in self._seen.items()},
        )

    def state(self) -> RecordState:
        """What was counted so far, to be written down."""
        return RecordState(
            dict(self._verdicts),
            dict(self._tallies),
            dict(self._probes),
            tuple(GroupTotals(*key, count) for key, count in self._groups.items()),
            tuple(self._findings),
            tuple(self._known),
            tuple(self._bench_faults),
            self._bench_failed,
            self._stride,
            self._refused,
            self._left_out,
            self._totals.state(),
            {bucket: dict(states) for bucket, states in self._seen.items()},
            dict(self._discovery),
            self._graphs(),
        )

    def _graphs(self) -> dict[str, StateGraph]:
        return {name: watcher.graph() for name, watcher in self._states.items()}

    def restore(self, state: RecordState, store: Store) -> None:
        """Go on counting from a `state()`, at which the `store` stands again. Raises BenchError."""
        findings = store.findings()
        stored = {finding.id: finding for finding in findings}
        self._verdicts, self._probes = Counter(state.verdicts), Counter(state.probes)
        self._tallies = dict(state.tallies)
        self._groups = Counter({(group.interface, group.fuzzer): group.cases for group in state.groups})
        self._findings = {name: stored[name] for name in state.findings if name in stored}
        self._known, self._bench_faults = list(state.known), list(state.bench_faults)
        self._bench_failed, self._stride = state.bench_failed, state.stride
        self._timeline = list(_points(store, findings, state.stride))
        self._refused, self._left_out = state.refused, state.left_out
        self._totals.restore(state.totals)
        self._seen = {bucket: Counter(states) for bucket, states in state.seen.items()}
        self._discovery = dict(state.discovery)
        for name in self._states.keys() & state.states:
            self._states[name].restore(state.states[name])

    def _doubts(self, findings: Sequence[Finding], statuses: Mapping[str, FindingStatus]) -> Iterator[str]:
        yield from doubts_of(self._verdicts, findings, self._max_inconclusive, statuses)

    def _shortfalls(
        self, requirements: Sequence[RequirementRecord], missing: Mapping[str, tuple[str, ...]]
    ) -> tuple[str, ...]:
        if self._floors is None or not self._verdicts.total():
            return ()
        told = [entry.statistics for entry in requirements if entry.statistics is not None]
        exercised = sum(figures.exercised > 0 or bool(figures.violated) for figures in told)
        tested = Tested(self._tallies, self._refused, self._left_out, self._budget, missing, len(told), exercised)
        return shortfalls(tested, self._floors)

    def _failed(self) -> bool:
        return self._bench_failed or self._ended.reason == "bench" or not self._verdicts.total()


def _message_totals(tallies: Mapping[str, Tally]) -> tuple[MessageTotals, ...]:
    """One for each message and state of each interface."""
    found: dict[tuple[str, str, str], MessageTotals] = {}
    for name, tally in tallies.items():
        for parts, count in sorted(tally.messages.items()):
            message, state, outcome = parts.split(BETWEEN)
            key = (name, message, state)
            totals = found.get(key, MessageTotals(*key))
            told = {} if outcome == "sent" else {outcome: count}
            found[key] = replace(totals, sent=totals.sent + count, **told)
    return tuple(found.values())


def end_of(record: CampaignRecord) -> dict[str, Any]:
    """What `Store.finish` keeps of a record: all that its rows do not hold."""
    return {
        "seconds": record.seconds,
        "interfaces": dict(record.interfaces),
        "requirements": list(record.requirements),
        "timeline": list(record.timeline),
        "refused": record.refused,
        "left_out": record.left_out,
        "put_off": record.put_off,
        "doubts": list(record.doubts),
        "bench_faults": list(record.bench_faults),
        "messages": list(record.messages),
        "discovery": dict(record.discovery),
        "states": dict(record.states),
        "functions": record.functions,
        "seen": {bucket: dict(states) for bucket, states in record.seen.items()},
        "reason": record.reason,
        "exit_code": record.exit_code,
    }


def load_record(store: Store) -> CampaignRecord:
    """The record of a stored campaign; one that was killed is counted from its rows. Raises BenchError."""
    try:
        return _load(store)
    except (ValueError, TypeError, AttributeError) as error:
        raise BenchError(f"store {store.path}: its totals cannot be read ({error}). Restore it from a copy.") from error


def _load(store: Store) -> CampaignRecord:
    end, findings = store.end(), tuple(store.findings())
    verdicts: dict[str, int] = {row[0]: row[1] for row in _counts(store, case_rows.c.verdict)}
    groups = tuple(GroupTotals(*row) for row in _counts(store, case_rows.c.interface, case_rows.c.fuzzer))
    timeline = tuple(from_plain(TimelinePoint, entry) for entry in end.get("timeline", ()))
    timeline = timeline or _timeline(store, findings)
    manifest, told = store.manifest(), store.events()
    faults = tuple(event.text for event in told if event.kind in (BENCH_FAULT, BENCH_FAILURE))
    statuses = statuses_of(manifest, findings)
    failed = not verdicts or any(event.kind == BENCH_FAILURE for event in told)
    return CampaignRecord(
        manifest=manifest,
        seconds=end.get("seconds", timeline[-1].seconds if timeline else 0.0),
        cases=sum(verdicts.values()),
        verdicts=verdicts,
        interfaces=_interfaces(store, end),
        groups=groups,
        requirements=_requirements(manifest, end, findings),
        findings=findings,
        timeline=timeline,
        refused=end.get("refused", sum(event.kind == REFUSED for event in told)),
        left_out=end.get("left_out", 0),
        put_off=end.get("put_off", 0),
        doubts=tuple(end.get("doubts", ())),
        bench_faults=tuple(end.get("bench_faults", faults)),
        reason=end.get("reason", "killed"),
        exit_code=end.get("exit_code", _exit_code(manifest, findings, verdicts, statuses, bench_failed=failed)),
        store=str(store.path),
        statuses=statuses,
        known=tuple(loads(Seen, event.text) for event in told if event.kind == KNOWN),
        messages=tuple(from_plain(MessageTotals, entry) for entry in end.get("messages", ())),
        discovery={name: from_plain(Discovery, entry) for name, entry in end.get("discovery", {}).items()},
        states={name: from_plain(StateGraph, entry) for name, entry in end.get("states", {}).items()},
        functions=None if end.get("functions") is None else from_plain(FunctionsRun, end["functions"]),
        seen=end.get("seen", {}),
        tried=tried_in(store),
    )


def _exit_code(
    manifest: Mapping[str, Any],
    findings: Sequence[Finding],
    verdicts: Mapping[str, int],
    statuses: Mapping[str, FindingStatus],
    *,
    bench_failed: bool,
) -> int:
    limits = manifest.get("configuration", {}).get("limits", {})
    doubts = tuple(doubts_of(verdicts, findings, limits.get("max_inconclusive", MAX_INCONCLUSIVE), statuses))
    return exit_code_of(findings, bench_failed=bench_failed, doubts=doubts, statuses=statuses)


def _requirements(
    manifest: Mapping[str, Any], end: Mapping[str, Any], findings: Sequence[Finding]
) -> tuple[RequirementRecord, ...]:
    """With their figures; of a killed run, which were to be watched and which a finding shows as violated."""
    if "requirements" in end:
        return tuple(from_plain(RequirementRecord, entry) for entry in end["requirements"])
    met = Counter(finding.observation.requirement for finding in findings)
    watched = [from_plain(Requirement, entry) for entry in manifest.get("requirements", ())]
    return tuple(
        RequirementRecord(r, RequirementStatistics(r.id, violated=met[r.id]) if met[r.id] else None) for r in watched
    )


def _counts(store: Store, *columns: Any) -> Sequence[Any]:
    return store.select(sql.select(*columns, sql.func.count()).group_by(*columns).order_by(*columns))


def _interfaces(store: Store, end: Mapping[str, Any]) -> dict[str, InterfaceTotals]:
    if "interfaces" in end:
        return {name: from_plain(InterfaceTotals, entry) for name, entry in end["interfaces"].items()}
    served = sql.func.sum(case_rows.c.probe_served)
    query = sql.select(case_rows.c.interface, sql.func.count(), served).group_by(case_rows.c.interface)
    return {name: InterfaceTotals(count, probes) for name, count, probes in store.select(query)}


def _timeline(store: Store, findings: Sequence[Finding]) -> tuple[TimelinePoint, ...]:
    ((last,),) = store.select(sql.select(sql.func.coalesce(sql.func.max(case_rows.c.number), 0)))
    return _points(store, findings, max(1, last // POINTS))


def _points(store: Store, findings: Sequence[Finding], stride: int) -> tuple[TimelinePoint, ...]:
    query = sql.select(case_rows.c.number, case_rows.c.seconds, case_rows.c.coverage)
    rows = store.select(query.where(case_rows.c.number % stride == 0).order_by(case_rows.c.number))
    met = [finding.case_number for finding in findings]
    return tuple(TimelinePoint(s, n, sum(number <= n for number in met), c) for n, s, c in rows)


class StoreWriter:
    """A listener that keeps a campaign's events in its store; a finding is on the disk when the call returns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seconds = 0.0

    def __call__(self, event: Event) -> None:
        """Take one event; raises BenchError from the disk."""
        match event:
            case CaseFinished():
                self._seconds = event.seconds
                served = event.transcript.probe_served is True
                words = (event.number, event.case, event.verdict, event.seconds)
                self._store.add_case(*words, coverage=event.coverage, served=served)
            case FindingConfirmed() | FindingMinimized() | FindingDismissed():
                self._store.add_finding(event.finding)
            case BenchFault(reason=reason, fatal=fatal):
                self._store.add_event(BENCH_FAILURE if fatal else BENCH_FAULT, self._seconds, reason)
            case KnownReplayed(known=known):
                self._store.add_event(KNOWN, self._seconds, dumps(known))
            case CaseRefused(case=case, reason=reason):
                self._store.add_event(REFUSED, self._seconds, f"{case.id}: {reason}")
            case _:
                pass
