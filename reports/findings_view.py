"""One finding as its page and its card show it: the sentence, the facts, and the details."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.finding import Finding
from harness.kinship import faults_in
from harness.summary import CampaignRecord
from harness.telling.explanation import Explanation
from harness.telling.session import Session
from harness.verdict import KINDS, Kind
from reports.again import replay_command
from reports.text import counted, duration, shortened, visible

DETAIL_ORDER = ("type", "pc", "symbol", "line", "address", "cause", "overwritten", "objects", "status")
LONGEST_SENTENCE, LONGEST_ID, LISTED_STATES = 330, 40, 6
SESSIONS: Mapping[Session, str] = {
    Session.NEEDED: "needed",
    Session.NOT_NEEDED: "not needed",
    Session.OPEN: "one was open; whether it is needed is not known",
    Session.UNKNOWN: "",
}


@dataclass(frozen=True, slots=True)
class Card:
    """A finding in short. `requirements` are anchors and ids; `page` is the file of its own, from the run's folder.

    `others` are the findings that turned out to be the same fault.
    """

    id: str
    page: str
    kind: str
    grave: bool
    standing: str
    status: str
    decided: str
    sentence: str
    requirements: tuple[tuple[str, str], ...]
    replays: str
    fault: str
    others: tuple[Card, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """The same as a table: names and values, none of them empty."""

    card: Card
    sentence: str
    rows: tuple[tuple[str, str], ...]
    details: tuple[tuple[str, str], ...]
    symptoms: tuple[tuple[str, str], ...]
    console: str
    replay: str


def page_of(finding: Finding) -> str:
    """`findings/F-….html`, whatever an id from a store may hold."""
    return f"findings/{re.sub(r'[^0-9A-Za-z-]', '_', finding.id)}.html"


def anchors_of(record: CampaignRecord) -> dict[str, str]:
    """Where each requirement stands on the run's page."""
    return {entry.requirement.id: f"r{number}" for number, entry in enumerate(record.requirements, 1)}


def requirements_of(finding: Finding) -> tuple[str, ...]:
    """What it violated: its own requirement, then those beside it."""
    seen = (observation.requirement for observation in (finding.observation, *finding.symptoms))
    return tuple(dict.fromkeys(one for one in seen if one))


def card_of(finding: Finding, record: CampaignRecord) -> Card:
    """In short, for the run's page."""
    anchors, status = anchors_of(record), record.status(finding)
    return Card(
        id=visible(finding.id),
        page=page_of(finding),
        kind=KINDS[finding.kind].one,
        grave=KINDS[finding.kind].grave,
        standing="" if finding.confirmed else finding.standing,
        status=status.word if status.entry else "",
        decided=shortened(visible(status.words), LONGEST_SENTENCE) if status.entry else "",
        sentence=shortened(visible(record.explain(finding).brief), LONGEST_SENTENCE),
        requirements=tuple(
            (anchors.get(one, ""), shortened(visible(one), LONGEST_ID)) for one in requirements_of(finding)
        ),
        replays=f"{finding.reproduced} of {finding.tries}",
        fault=visible(finding.fault),
    )


def cards_of(findings: Sequence[Finding], record: CampaignRecord) -> list[Card]:
    """One card a fault, with its other findings in it, in the order of the first of each."""
    faults = [sorted(fault.findings, key=lambda found: found.id != fault.head.id) for fault in faults_in(findings)]
    return [
        replace(card_of(head, record), others=tuple(card_of(other, record) for other in others))
        for head, *others in faults
    ]


def facts_of(finding: Finding, record: CampaignRecord) -> Facts:
    """At length, for the finding's own page."""
    told = record.explain(finding)
    console = b"".join(text for _, text in finding.transcript.console)
    return Facts(
        card=card_of(finding, record),
        sentence=visible(told.sentence),
        rows=tuple((name, visible(value)) for name, value in _rows(finding, told, record) if value),
        details=_details(finding.observation.detail),
        symptoms=tuple((KINDS[s.kind].one, visible(s.summary)) for s in finding.symptoms),
        console=visible(console[-2000:].decode("utf-8", errors="replace"), keep="\n").replace("␍\n", "\n"),
        replay=replay_command(record, finding.id),
    )


def _rows(finding: Finding, told: Explanation, record: CampaignRecord) -> tuple[tuple[str, str], ...]:
    case, resembles, status = finding.case, told.resembles, record.status(finding)
    return (
        ("replays that showed it", f"{finding.reproduced} of {finding.tries}"),
        ("not believed", finding.doubt),
        ("the same fault as", finding.same_as),
        ("decided", status.words if status.entry else ""),
        ("interface", case.interface),
        ("replayed from state", case.state),
        ("seen in", _states(told.states)),
        ("session", SESSIONS[told.session]),
        ("what was unusual", told.unusual),
        ("resembles", f"{resembles.name}: {resembles.mechanism}" if resembles else ""),
        ("as in", ", ".join(resembles.advisories) if resembles else ""),
        ("found by", f"{case.origin.fuzzer}, case {finding.case_number:,}, after {duration(finding.found_after)}"),
        ("made smaller", str(finding.minimized) if finding.minimized else ""),
        ("known fault", finding.fault),
    )


def _states(states: Mapping[str, int]) -> str:
    """`idle (14 cases), alarm (1 case)`, the most frequent first."""
    ordered = sorted(states.items(), key=lambda item: -item[1])
    told = [f"{state} ({counted(count, 'case')})" for state, count in ordered[:LISTED_STATES]]
    left = len(ordered) - len(told)
    return ", ".join([*told, *([f"{left} more"] if left else [])])


def _details(detail: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    first = [key for key in DETAIL_ORDER if key in detail]
    keys = [*first, *(key for key in detail if key not in first)]
    return tuple((visible(key), visible(str(detail[key]))) for key in keys if detail[key] != "")


def place_of(finding: Finding, record: CampaignRecord) -> tuple[bool, bool, int]:
    """The order of findings: confirmed ones first, of these what is not known, by kind."""
    return not finding.confirmed, not record.status(finding).fails, list(Kind).index(finding.kind)
