"""Whether a campaign has become slower: this tree and a commit in turn, `python -m benchmarks.paired COMMIT`."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.measure import interleaved, table, wanted

HERE = Path(__file__).parent.parent
SLOWEST = 0.97  # what two runs of one tree differ by
_SEED = "2"
_SERVED = Path("targets/pump/bench-served.toml")


@contextmanager
def earlier_tree(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="medfuzz-paired-") as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=HERE, stdout=subprocess.PIPE, check=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        yield Path(folder)


def served_bench(tree: Path) -> str:
    """The tree's own bench of a served pump, with the pump that has no planted faults."""
    text = (tree / _SERVED).read_text().replace('"emulate", "pump"', '"emulate", "pump-fixed"')
    return text.replace('include = "', f'include = "{(tree / _SERVED).parent}/')


def campaign(tree: Path, cases: int, *, served: bool, more: Sequence[str] = ()) -> float:
    """Cases a second of one campaign with the code of `tree`: of processor time, served by the clock."""
    with tempfile.TemporaryDirectory(prefix="medfuzz-paired-") as folder:
        bench = Path(folder, "served.toml")
        bench.write_text(served_bench(tree))
        words = ["run", str(bench) if served else "pump-fixed", "--cases", str(cases), "--seed", _SEED]
        began, used = time.perf_counter(), _processor_seconds()
        ended = subprocess.run(
            [sys.executable, "-m", "harness.cli.main", *words, *more, "--out", f"{folder}/run"],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began if served else _processor_seconds() - used
    if f"{cases} cases in" not in ended.stdout.replace(",", ""):
        raise RuntimeError(f"{tree}: {ended.stdout[-500:]} {ended.stderr[-500:]}")
    return cases / seconds


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def compare(title: str, trees: dict[str, Path], cases: int, runs: int, *, served: bool) -> bool:
    """Print one table and whether the later tree holds; returns that."""
    contenders = {name: partial(campaign, tree, cases, served=served) for name, tree in trees.items()}
    before, now = interleaved(contenders, runs)
    print(table(f"\n{title}, {cases} cases", "cases/s", [before, now], before))
    best = max(now.values) / max(before.values)
    print(wanted("best run now to best run before", best, SLOWEST), flush=True)
    return best >= SLOWEST


def main() -> int:
    """Exit code 1 when a campaign has become slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=3)
    wish = parser.parse_args()
    with earlier_tree(wish.commit) as tree:
        trees = {wish.commit[:12]: tree, "this tree": HERE}
        held = compare("in process, of processor time", trees, wish.cases, wish.runs, served=False)
        held &= compare("over TCP and a serial link, by the clock", trees, wish.cases // 10, wish.runs, served=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
