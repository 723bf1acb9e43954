"""One finding's page, complete in itself: what is handed to the engineer who looks into it."""

from __future__ import annotations

from harness.finding import Finding
from harness.summary import CampaignRecord
from reports.channels import channels_of
from reports.findings_view import facts_of
from reports.manifest import facts_about, signals_of, title_of
from reports.pages import render_page
from reports.reading import Reader
from reports.steps_view import befores_of, steps_of

NOTHING_KNOWN = Reader()
PRINTED_BEFORES, PRINTED_BRIEFS = 2, 3


def render_finding(record: CampaignRecord, finding: Finding, reader: Reader = NOTHING_KNOWN) -> str:
    """The page; `reader` parses replies and marks secrets in them."""
    names, units = signals_of(record.manifest)
    facts = facts_of(finding, record)
    return render_page(
        "finding.html",
        title=f"{facts.card.id} · {title_of(record.manifest)}",
        campaign=title_of(record.manifest),
        finding=finding,
        facts=facts,
        device=facts_about(record.manifest),
        channels=channels_of(finding, names, units),
        steps=steps_of(finding, reader),
        befores=befores_of(finding, reader),
        printed_befores=PRINTED_BEFORES,
        printed_briefs=PRINTED_BRIEFS,
        decoded=bool(reader.protocols),
    )
