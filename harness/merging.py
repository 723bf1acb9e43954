"""What several workers counted and found, as if one had: totals, what was new, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TypeVar

from harness.finding import Finding
from harness.floors import Tally
from harness.ledger import Ledger
from harness.position import Position, still_missing
from harness.record import POINTS, RecordState
from harness.residual import Discovery
from harness.seen_states import StateGraph, joined
from harness.share import Share
from harness.summary import GroupTotals
from harness.temporal.statistics import Exercise, TotalsState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker came to: where it stood at its end, and all that it found, under its own numbers."""

    share: Share
    position: Position
    findings: Sequence[Finding]


def merged_state(parts: Sequence[Part], findings: Sequence[Finding]) -> RecordState:
    """Of one or more; `findings` are those of the whole. What was known before is told by the first."""
    states = [part.position.record for part in parts]
    groups = [Counter({(g.interface, g.fuzzer): g.cases for g in state.groups}) for state in states]
    return RecordState(
        verdicts=_counted(state.verdicts for state in states),
        tallies=_by_name([state.tallies for state in states], _tallied),
        probes=_counted(state.probes for state in states),
        groups=tuple(GroupTotals(*key, count) for key, count in _counted(groups).items()),
        findings=tuple(finding.id for finding in findings),
        known=states[0].known,
        bench_faults=tuple(dict.fromkeys(fault for state in states for fault in state.bench_faults)),
        bench_failed=any(state.bench_failed for state in states),
        stride=_stride(sum(Counter(state.verdicts).total() for state in states)),
        refused=sum(state.refused for state in states),
        left_out=sum(state.left_out for state in states),
        totals=_totalled([state.totals for state in states]),
        seen=_by_name([state.seen for state in states], lambda one, other: Counter(one) + Counter(other)),
        discovery=_discovered(parts),
        states=_graphs(parts),
    )


def _graphs(parts: Sequence[Part]) -> dict[str, StateGraph]:
    names = dict.fromkeys(name for part in parts for name in part.position.record.states)
    return {name: joined(_in_whole(part, name) for part in parts) for name in names}


def _in_whole(part: Part, name: str) -> StateGraph:
    """What one worker saw of an interface, under the numbers of the whole."""
    graph, number = part.position.record.states.get(name, StateGraph()), part.share.number
    states = tuple(replace(state, first=number(state.first)) for state in graph.states)
    passages = tuple(replace(passage, first=number(passage.first)) for passage in graph.passages)
    return replace(graph, states=states, passages=passages)


def never_told(parts: Sequence[Part]) -> Mapping[str, tuple[str, ...]]:
    """Signals that had a value in none of them, by requirement."""
    return reduce(still_missing, (part.position.missing for part in parts))


def merged_findings(parts: Iterable[Part], announced: Collection[str]) -> tuple[Finding, ...]:
    """One a bucket, by the number of its case in the whole: the confirmed one, of several the one made smallest.

    What one worker would not have told, a further way to what it had found in three ways, is left out, unless its id
    was `announced`.
    """
    ledger = Ledger()
    for found in sorted(_best(parts), key=lambda found: (found.case_number, found.id)):
        if found.id in announced or ledger.verdict(found.bucket, found.observation) is not True:
            ledger.enter(found.bucket, found)
    return tuple(ledger.findings.values())


def in_whole(finding: Finding, share: Share) -> Finding:
    """A worker's finding as one of the whole; which others are the same fault is to be seen there."""
    return replace(finding, case_number=share.number(finding.case_number), same_as="")


def _best(parts: Iterable[Part]) -> Iterable[Finding]:
    found: dict[str, Finding] = {}
    for part in parts:
        for finding in part.findings:
            one = in_whole(finding, part.share)
            found[one.bucket] = min(found.get(one.bucket, one), one, key=_rank)
    return found.values()


def _rank(finding: Finding) -> tuple[bool, bool, int, int]:
    small = finding.minimized
    return not finding.confirmed, small is None, 0 if small is None else small.after.octets, finding.case_number


def _counted(counts: Iterable[Mapping[T, int]]) -> Counter[T]:
    total = Counter[T]()
    for one in counts:
        total.update(one)
    return total


def _by_name(maps: Sequence[Mapping[str, T]], both: Callable[[T, T], T]) -> dict[str, T]:
    merged: dict[str, T] = {}
    for name, one in ((name, one) for each in maps for name, one in each.items()):
        merged[name] = both(merged[name], one) if name in merged else one
    return merged


def _tallied(one: Tally, other: Tally) -> Tally:
    return replace(
        one,
        cases=one.cases + other.cases,
        asked=one.asked + other.asked,
        answered=one.answered + other.answered,
        valid=one.valid + other.valid,
        accepted=one.accepted + other.accepted,
        echoed=one.echoed + other.echoed,
        states=one.states + other.states,
        unreached=other.unreached | one.unreached,
        messages=one.messages + other.messages,
    )


def _totalled(totals: Sequence[TotalsState]) -> TotalsState:
    sums = _by_name([total.sums for total in totals], lambda one, other: Exercise(*one).plus(Exercise(*other)))
    return TotalsState(sum(total.seconds for total in totals), sums)


def _stride(cases: int) -> int:
    stride = 1
    while cases // stride > 2 * POINTS:
        stride *= 2
    return stride


def _discovered(parts: Sequence[Part]) -> dict[str, Discovery]:
    names = dict.fromkeys(name for part in parts for name in part.position.record.discovery)
    share = _edges_of_cases(parts)
    return {name: _discovery(name, parts, share) for name in names}


def _edges_of_cases(parts: Sequence[Part]) -> float:
    """What is new of the edges that workers counted: all have seen the most usual ones."""
    each = [sum(told.edges for told in part.position.record.discovery.values()) for part in parts]
    known = [frozenset(part.position.campaign.edges) for part in parts]
    before = min(max(0, len(edges) - count) for edges, count in zip(known, each, strict=True))
    return (len(frozenset[int]().union(*known)) - before) / sum(each) if any(each) else 0.0


def _discovery(name: str, parts: Sequence[Part], edges: float) -> Discovery:
    """Of one interface: what several have seen counts once."""
    told = [part.position.record.discovery.get(name, Discovery()) for part in parts]
    seen = [part.position.campaign.novelty[name] for part in parts if name in part.position.campaign.novelty]
    shown = Counter(mark for one in seen for mark in {*one.once, *one.more})
    once = sum(shown[mark] == 1 for one in seen for mark in one.once)
    return Discovery(
        cases=sum(one.cases for one in told),
        edges=round(edges * sum(one.edges for one in told)),
        replies=sum(mark % 2 == 0 for mark in shown),
        orders=sum(mark % 2 for mark in shown),
        once=once,
        quiet=len(told) * min(one.quiet for one in told),
    )
