"""The page about a whole campaign: verdict, findings in short, progress, messages, requirements.

Each finding is told at length on a page of its own, so that this one stays small however many there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.finding import Finding
from harness.kinship import faults_in
from harness.summary import BENCH_FAILED, CampaignRecord, MessageTotals, RequirementRecord
from harness.verdict import KINDS, Kind
from reports.again import replay_command
from reports.charts import Chart, step_chart
from reports.ending import was_cut_short, why
from reports.findings_view import cards_of, place_of, requirements_of
from reports.manifest import facts_about, flatten, title_of
from reports.matrix import matrices_of
from reports.pages import render_page
from reports.state_graph import LEAST_ROWS, MOST_ROWS, DrawnGraph, drawn
from reports.text import counted, duration

SHOWN_ELSEWHERE = ("requirements", "configuration", "signals", "baseline")


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message of an interface: in all states, and in each."""

    total: MessageTotals
    states: tuple[MessageTotals, ...]


@dataclass(frozen=True, slots=True)
class RequirementRow:
    """A requirement, and the findings that violate it."""

    entry: RequirementRecord
    findings: tuple[str, ...]


def render_html(record: CampaignRecord) -> str:
    """The page; what it links to are the findings' pages beside it, see `render_finding`."""
    ordered = sorted(record.findings, key=lambda finding: place_of(finding, record))
    manifest = {key: value for key, value in record.manifest.items() if key not in SHOWN_ELSEWHERE}
    return render_page(
        "report.html",
        record=record,
        title=title_of(record.manifest),
        verdict=verdict_sentence(record),
        tone=_tone(record),
        reason=why(record),
        facts=facts_about(record.manifest),
        charts=_charts(record),
        cards=cards_of(ordered, record),
        replay=replay_command(record, "F-…"),
        requirements=[_requirement(entry, ordered) for entry in record.requirements],
        messages=list(message_rows(record.messages)),
        matrices=matrices_of(record.tried),
        graphs=_graphs(record),
        manifest=list(flatten(manifest)),
    )


def _requirement(entry: RequirementRecord, findings: Sequence[Finding]) -> RequirementRow:
    violating = (finding.id for finding in findings if entry.requirement.id in requirements_of(finding))
    return RequirementRow(entry, tuple(violating))


def message_rows(totals: Sequence[MessageTotals]) -> tuple[MessageRow, ...]:
    """The totals of each message, and of these those by state."""
    found: dict[tuple[str, str], list[MessageTotals]] = {}
    for entry in totals:
        found.setdefault((entry.interface, entry.message), []).append(entry)
    return tuple(MessageRow(_sum(*key, entries), tuple(entries)) for key, entries in found.items())


def _sum(interface: str, message: str, entries: Sequence[MessageTotals]) -> MessageTotals:
    figures = ((e.sent, e.accepted, e.refused, e.unanswered) for e in entries)
    return MessageTotals(interface, message, "", *map(sum, zip(*figures, strict=True)))


def verdict_sentence(record: CampaignRecord) -> str:
    """What was found, in one sentence that claims no more than was tried."""
    untested = not record.cases and not record.confirmed  # what is known is replayed before the first case
    if untested and was_cut_short(record):
        return "Nothing was tested: the run ended before its first case."
    if untested:
        return "Nothing was tested: the bench never reached the device."
    tried = f"{counted(record.cases, 'case')} in {duration(record.seconds)}"
    if record.confirmed:
        heads = [fault.head for fault in faults_in(record.confirmed)]
        return f"{_kinds(heads)} confirmed by replay, in {tried}.{_known(record)}"
    if record.findings:
        return f"{counted(len(record.findings), 'finding')} that the replays did not confirm, in {tried}."
    return _without_findings(record, tried)


def _without_findings(record: CampaignRecord, tried: str) -> str:
    if record.exit_code == BENCH_FAILED:
        return f"The bench failed; no fault met before that, in {tried}."
    if record.doubts:
        return f"Not a pass: no fault met in {tried}, and too little was tested."
    return f"No fault met in {tried}. This speaks of the cases that ran, not of the device."


def _known(record: CampaignRecord) -> str:
    """How many of the confirmed findings are known."""
    known = len(faults_in(record.confirmed)) - len(faults_in(record.failing))
    return f" {'All' if not record.failing else known} of them known: decided before." if known else ""


def _kinds(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.kind for finding in findings)
    words = [counted(counts[kind], KINDS[kind].one, KINDS[kind].many) for kind in Kind if counts[kind]]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _tone(record: CampaignRecord) -> str:
    if record.failing:
        return "bad"
    return "doubt" if record.findings or record.exit_code or was_cut_short(record) else "quiet"


def _graphs(record: CampaignRecord) -> list[DrawnGraph]:
    """Of each interface on which something ran; the rows of their tables are shared out."""
    graphs = {name: graph for name, graph in record.states.items() if graph.states}
    return [drawn(name, graph, max(LEAST_ROWS, MOST_ROWS // len(graphs))) for name, graph in graphs.items()]


def _charts(record: CampaignRecord) -> list[Chart]:
    met = sorted(finding.found_after for finding in record.findings)
    findings = [(0.0, 0.0), *((seconds, float(count)) for count, seconds in enumerate(met, 1))]
    charts = [step_chart("Findings over time", findings, record.seconds)]
    if any(point.coverage for point in record.timeline):
        coverage = [(point.seconds, float(point.coverage)) for point in record.timeline]
        charts.append(step_chart("Code edges reached over time", [(0.0, 0.0), *coverage], record.seconds))
    if first := sorted(state.seconds for graph in record.states.values() for state in graph.states):
        states = [(seconds, float(count)) for count, seconds in enumerate(first, 1)]
        charts.append(step_chart("States seen over time", [(0.0, 0.0), *states], record.seconds))
    return charts
