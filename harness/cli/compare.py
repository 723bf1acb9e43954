"""`medfuzz compare`: what is new, gone, still there or flaky in a later run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import say
from harness.known.compare import GROUPS, Comparison, Difference, compare, document
from harness.store import Store
from harness.summary import CampaignRecord
from reports.text import counted


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="compare")(show)


def show(
    earlier: Annotated[Path, typer.Argument(help="The earlier run's folder.")],
    later: Annotated[Path, typer.Argument(help="The later run's folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare two runs' findings. Exit code: 0 nothing is new, 1 something is."""
    with Store.open(earlier) as one, Store.open(later) as other:
        comparison = compare(one, other)
    if as_json:
        say(*json.dumps(document(comparison), indent=2, allow_nan=False).splitlines())
    else:
        say(*_table(comparison, earlier, later))
    raise typer.Exit(comparison.exit_code)


def _table(comparison: Comparison, earlier: Path, later: Path) -> Iterator[str]:
    yield f"earlier: {_run(comparison.earlier, earlier)}"
    yield f"later:   {_run(comparison.later, later)}"
    yield from (f"note: {remark}" for remark in comparison.remarks)
    for name in GROUPS:
        differences = comparison.groups[name]
        yield f"{name}: {len(differences) or 'none'}"
        yield from map(_line, differences)


def _run(record: CampaignRecord, folder: Path) -> str:
    manifest = record.manifest
    what = f"{manifest.get('bench', '')}, seed {manifest.get('seed', '')}, {counted(record.cases, 'case')}"
    return f"{folder}  {what}, {counted(len(record.confirmed), 'finding')}"


def _line(difference: Difference) -> str:
    finding = difference.finding
    head = f"  {finding.id}  {finding.kind.value:<12} {finding.case.interface:<12} "
    return head + (f"[{difference.why}]  " if difference.why else "") + finding.observation.summary
