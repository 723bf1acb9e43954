"""One self-contained HTML page about a campaign, under a content policy that runs nothing and loads nothing."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.finding import Finding
from harness.summary import CampaignRecord
from harness.verdict import KINDS, Kind
from reports.again import replay_command
from reports.charts import Chart, step_chart
from reports.ending import was_cut_short, why
from reports.findings_view import finding_view
from reports.text import counted, duration, visible

SHOWN_ABOVE = ("requirements",)


def render_html(record: CampaignRecord) -> str:
    """The page, complete in itself."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, duration=duration)
    style = environment.get_template("style.css").render()
    template = environment.get_template("report.html")
    return template.render(**_page(record), style=Markup(style), policy=content_policy(style))


def content_policy(style: str) -> str:
    """Nothing but the one style sheet, by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _page(record: CampaignRecord) -> dict[str, Any]:
    titles = {entry.requirement.id: entry.requirement.title for entry in record.requirements}
    names, units = signals_of(record.manifest)
    ordered = sorted(record.findings, key=lambda finding: _place(finding, record))
    views = [finding_view(f, record.status(f), titles, names, units, replay_command(record, f.id)) for f in ordered]
    return {
        "record": record,
        "title": _title(record.manifest),
        "verdict": verdict_sentence(record),
        "tone": _tone(record),
        "reason": why(record),
        "facts": _facts(record),
        "charts": _charts(record),
        "findings": views,
        "manifest": list(flatten({key: value for key, value in record.manifest.items() if key not in SHOWN_ABOVE})),
    }


def _place(finding: Finding, record: CampaignRecord) -> tuple[bool, bool, int]:
    """Confirmed ones first, of these what is not known, by kind."""
    return not finding.confirmed, not record.status(finding).fails, list(Kind).index(finding.kind)


def _title(manifest: Mapping[str, Any]) -> str:
    name = _find(manifest, ("campaign",), ("target", "name"), ("bench",))
    return visible(name) or "campaign"


def verdict_sentence(record: CampaignRecord) -> str:
    """What was found, in one sentence that claims no more than was tried."""
    untested = not record.cases and not record.confirmed  # what is known is replayed before the first case
    if untested and was_cut_short(record):
        return "Nothing was tested: the run ended before its first case."
    if untested:
        return "Nothing was tested: the bench never reached the device."
    tried = f"{counted(record.cases, 'case')} in {duration(record.seconds)}"
    if record.confirmed:
        return f"{_kinds(record.confirmed)} confirmed by replay, in {tried}.{_known(record)}"
    if record.findings:
        return f"{counted(len(record.findings), 'finding')} that the replays did not confirm, in {tried}."
    return f"No fault met in {tried}. This speaks of the cases that ran, not of the device."


def _known(record: CampaignRecord) -> str:
    """How many of the confirmed findings are known."""
    known = len(record.confirmed) - len(record.failing)
    return f" {'All' if not record.failing else known} of them known: decided before." if known else ""


def _kinds(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.kind for finding in findings)
    words = [counted(counts[kind], KINDS[kind].one, KINDS[kind].many) for kind in Kind if counts[kind]]
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def _tone(record: CampaignRecord) -> str:
    if record.failing:
        return "bad"
    return "doubt" if record.findings or record.exit_code or was_cut_short(record) else "quiet"


def _facts(record: CampaignRecord) -> list[tuple[str, str]]:
    manifest = record.manifest
    facts = [
        ("device", _find(manifest, ("identity", "model"), ("target", "name"), ("device",), ("target", "kind"))),
        ("serial number", _find(manifest, ("identity", "serial"))),
        ("firmware", _find(manifest, ("identity", "firmware"), ("target", "firmware"), ("target", "elf"))),
        (
            "firmware SHA-256",
            _find(manifest, ("target", "sha256"), ("target", "firmware_sha256"), ("firmware_sha256",)),
        ),
        ("bench", _find(manifest, ("bench", "path"), ("bench",))),
        ("known findings", _find(manifest, ("baseline", "file"))),
        ("seed", _find(manifest, ("seed",))),
        ("started", _find(manifest, ("started",))),
        ("medfuzz", _find(manifest, ("versions", "medfuzz"), ("medfuzz",))),
    ]
    return [(name, visible(value)) for name, value in facts if value]


def _find(manifest: Mapping[str, Any], *paths: tuple[str, ...]) -> str:
    """The first value that one of the paths leads to, as text; empty when there is none."""
    for path in paths:
        value: Any = manifest
        for key in path:
            value = _table(value).get(key)
        if value not in (None, "") and not isinstance(value, Mapping | list | tuple):
            return str(value)
    return ""


def _table(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def signals_of(manifest: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of the signals in the order of a sample's values, and their units, from the manifest's `signals` table."""
    table: Any = manifest.get("signals", {})
    if not isinstance(table, Mapping):
        return tuple(str(name) for name in table), {}
    entries = _table(cast("Any", table))
    units = {name: str(_table(entry).get("unit", "")) for name, entry in entries.items()}
    return tuple(entries), units


def _charts(record: CampaignRecord) -> list[Chart]:
    met = sorted(finding.found_after for finding in record.findings)
    findings = [(0.0, 0.0), *((seconds, float(count)) for count, seconds in enumerate(met, 1))]
    charts = [step_chart("Findings over time", findings, record.seconds)]
    if any(point.coverage for point in record.timeline):
        coverage = [(point.seconds, float(point.coverage)) for point in record.timeline]
        charts.append(step_chart("Code edges reached over time", [(0.0, 0.0), *coverage], record.seconds))
    return charts


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and text of all leaves of a manifest."""
    if table := _table(value):
        for key, entry in table.items():
            yield from flatten(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(entry, Mapping) for entry in cast("list[Any]", value)):
        for number, entry in enumerate(cast("list[Any]", value)):
            yield from flatten(entry, f"{path}[{number}]")
    elif isinstance(value, list | tuple):
        yield visible(path), visible(", ".join(str(entry) for entry in cast("list[Any]", value)))
    else:
        yield visible(path), visible(str(cast("object", value)))
