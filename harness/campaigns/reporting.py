"""Writes a run's three reports into its folder."""

from __future__ import annotations

from pathlib import Path

from harness.campaigns.files import write
from harness.errors import BenchError
from harness.summary import CampaignRecord, summary_text
from reports.html import render_html
from reports.junit import render_junit

ELSEWHERE = "Make room there, or name another folder with --out"


def write_reports(folder: Path, record: CampaignRecord) -> list[str]:
    """Write `report.html`, `junit.xml` and `summary.json` into a run's folder; what was not written, in words."""
    failed: list[str] = []
    for name, render in (("summary.json", summary_text), ("report.html", render_html), ("junit.xml", render_junit)):
        try:
            write(folder / name, render(record), instead=ELSEWHERE)
        except BenchError as error:
            failed.append(str(error))
    return failed
