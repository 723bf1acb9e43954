"""Writes a run's reports into its folder: three for the run, and a page for each finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness.campaigns.files import make_folder, write
from harness.errors import BenchError
from harness.interfaces import WireProtocol
from harness.summary import CampaignRecord, summary_text
from reports.finding_page import render_finding
from reports.findings_view import page_of
from reports.html import render_html
from reports.junit import render_junit
from reports.reading import Reader, secrets_in

ELSEWHERE = "Make room there, or name another folder with --out"


def write_reports(
    folder: Path, record: CampaignRecord, protocols: Mapping[str, WireProtocol] | None = None
) -> list[str]:
    """Write `report.html` with `findings/`, `junit.xml` and `summary.json`; what was not written, in words.

    `protocols`, by interface, parse the replies; without them the pages show bytes alone. The first page of a finding
    that cannot be written is the last one tried.
    """
    failed: list[str] = []
    for path, render in _files(folder, record, protocols or {}):
        try:
            make_folder(path.parent)
            write(path, render(), instead=ELSEWHERE)
        except BenchError as error:
            failed.append(str(error))
            if path.parent != folder:
                break
    return failed


def _files(
    folder: Path, record: CampaignRecord, protocols: Mapping[str, WireProtocol]
) -> Iterator[tuple[Path, Callable[[], str]]]:
    yield folder / "summary.json", lambda: summary_text(record)
    yield folder / "report.html", lambda: render_html(record)
    yield folder / "junit.xml", lambda: render_junit(record)
    reader = Reader(protocols, secrets_in(record.manifest))
    for finding in record.findings:
        yield folder / page_of(finding), lambda finding=finding: render_finding(record, finding, reader)
