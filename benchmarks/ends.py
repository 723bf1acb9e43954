"""What a run came to, from its folder: the same for two runs that ended alike, whatever time they took."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from harness.finding import Finding
from harness.store import Store
from harness.store_schema import cases

_STEADY = (
    "exit_code", "reason", "cases", "verdicts", "interfaces", "requirements", "refused", "left_out", "put_off",
    "doubts", "bench_faults", "known",
)  # fmt: skip
_COLUMNS = [column for column in cases.columns if column.name not in ("seconds", "coverage")]


def outcome(folder: Path) -> dict[str, Any]:
    """Cases, findings and statistics, without wall times and edges: the emulator sees those anew that it translates."""
    with Store.open(folder) as store:
        rows = [tuple(row) for row in store.select(sql.select(*_COLUMNS).order_by(cases.c.number))]
        found = {finding.bucket: told(finding) for finding in store.findings()}
        timeline = [(point["cases"], point["findings"]) for point in store.end()["timeline"]]
    summary = json.loads((folder / "summary.json").read_text())
    steady = {name: summary[name] for name in _STEADY}
    return {"rows": rows, "findings": found, "timeline": timeline, "states": _timeless(summary["states"]), **steady}


def _timeless(graphs: dict[str, Any]) -> dict[str, Any]:
    """Graphs of states without wall times."""
    return {
        f"{name} {part}": [{key: value for key, value in one.items() if key != "seconds"} for one in graph[part]]
        for name, graph in graphs.items()
        for part in ("states", "passages")
    }


def edges(folder: Path) -> list[int]:
    """How many edges a run knew, over time."""
    with Store.open(folder) as store:
        return [point["coverage"] for point in store.end()["timeline"]]


def told(finding: Finding) -> tuple[Any, ...]:
    """Where it was found, how often it came back, and what it takes."""
    smaller = finding.minimized
    size = smaller and (smaller.before, smaller.after, smaller.done)
    return finding.case_number, finding.replays, [case.id for case in finding.window], finding.fault, size
