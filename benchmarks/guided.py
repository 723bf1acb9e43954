"""Do feedback and pairs earn their place? Cases until each planted fault is found: with them, and without each.

`python -m benchmarks.guided BENCH --cases N --seeds K`: campaigns of the same number of cases, one for each seed and
contender, without making reproducers smaller. A fault's figure is the median over the seeds of the case that found it,
campaigns that did not find it counted as never.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.others import environment
from benchmarks.paired import HERE

_USUAL = ("--fuzzer", "enumerate", "--fuzzer", "sequence")
_GUIDED = (*_USUAL, "--fuzzer", "guided")
_FEEDBACKS = ("operands", "edges", "replies", "margins", "words")
CONTENDERS: Mapping[str, Sequence[str]] = {
    "unguided": _USUAL,
    "pairs": (*_USUAL, "--fuzzer", "pairs"),
    **dict.fromkeys(("guided", *(f"without {one}" for one in _FEEDBACKS)), _GUIDED),
}
_NEVER = math.inf


def main() -> int:
    """Prints a table; exit code 1 where guidance finds fewer faults than enumeration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", nargs="?", default="pump")
    parser.add_argument("--cases", type=int, default=8000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(CONTENDERS))
    wish = parser.parse_args()
    names = wish.only or list(CONTENDERS)
    found = {name: [faults_of(wish.bench, name, seed, wish.cases) for seed in range(wish.seeds)] for name in names}
    print(table(found, wish.cases), flush=True)
    return 0 if _reach(found.get("guided", [])) >= _reach(found.get("unguided", [])) else 1


def faults_of(bench: str, contender: str, seed: int, cases: int) -> Mapping[str, int]:
    """The case at which each planted fault was found."""
    with tempfile.TemporaryDirectory(prefix="medfuzz-guided-") as folder:
        file = Path(folder, "bench.toml")
        file.write_text(f'include = "{HERE}/targets/{bench}/bench.toml"\n[limits]\ntriage = 0\n')
        words = ["run", str(file), "--cases", str(cases), "--seed", str(seed), "--out", f"{folder}/run", "--quiet"]
        subprocess.run(
            [sys.executable, "-m", "benchmarks.guided_run", contender, *words, *CONTENDERS[contender]],
            cwd=HERE,
            env=environment(HERE),
            stdout=subprocess.DEVNULL,
            check=False,
        )
        summary = json.loads(Path(folder, "run", "summary.json").read_text())
    told: dict[str, int] = {}
    for finding in summary["findings"]:
        if finding["confirmed"] and finding["fault"]:
            told[finding["fault"]] = min(told.get(finding["fault"], finding["case"]), finding["case"])
    return told


def table(found: Mapping[str, Sequence[Mapping[str, int]]], cases: int) -> str:
    """A row for each fault, a column for each contender."""
    faults = sorted({fault for runs in found.values() for run in runs for fault in run})
    rows = [[fault, *(_median(runs, fault) for runs in found.values())] for fault in faults]
    rows.sort(key=lambda row: row[1:])
    lines = [f"median case of {cases:,} at which a fault is found", _line(["", *found])]
    lines += [_line([str(row[0]), *map(_shown, row[1:])]) for row in rows]
    return "\n".join([*lines, _line(["faults, median", *(f"{_reach(runs):g}" for runs in found.values())])])


def _median(runs: Sequence[Mapping[str, int]], fault: str) -> float:
    return statistics.median_high([run.get(fault, _NEVER) for run in runs])


def _reach(runs: Sequence[Mapping[str, int]]) -> float:
    return statistics.median(map(len, runs)) if runs else 0.0


def _shown(cell: object) -> str:
    return "–" if cell == _NEVER else f"{cell:,}"


def _line(cells: Sequence[str]) -> str:
    return f"  {cells[0]:<18}" + "".join(f"{cell:>17}" for cell in cells[1:])


if __name__ == "__main__":
    sys.exit(main())
