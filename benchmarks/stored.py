"""How large a million passing cases are in a store, and how long it takes to open and report them."""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import wanted
from benchmarks.recording import SEED, cases_of, started
from harness.case import TestCase
from harness.store import STORE_NAME, Store
from harness.verdict import Verdict

_DIFFERENT, _RATE = 100_000, 1500
_BYTES, _SECONDS = 100, 20


def generated(count: int) -> Iterator[TestCase]:
    """`count` cases as the pump's fuzzers give them; the first hundred thousand again and again."""
    assembly = started()
    kept = list(itertools.islice(cases_of(assembly), min(count, _DIFFERENT)))
    assembly.runner.stop()
    return itertools.islice(itertools.cycle(kept), count)


def stored(folder: Path, count: int) -> tuple[float, int]:
    """Store them as a campaign does; seconds that it took, and bytes of what the cases added."""
    cases = generated(count)
    with Store.create(folder / STORE_NAME, {"campaign": "stored", "seed": SEED}) as store:
        store.flush()
        began = time.perf_counter()
        for number, case in enumerate(cases, 1):
            store.add_case(number, case, Verdict.PASS, number / _RATE, coverage=min(number, 9000), served=True)
        store.flush()
        seconds = time.perf_counter() - began
    return seconds, (folder / STORE_NAME).stat().st_size


def main() -> None:
    """Store, report, and print what it took; exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stored", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    count = parser.parse_args().cases
    with tempfile.TemporaryDirectory(prefix="medfuzz-stored-") as name:
        writing, size = stored(Path(name), count)
        began = time.perf_counter()
        command = [sys.executable, "-m", "harness.cli.main", "report", name]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        reporting = time.perf_counter() - began
    print(f"{count:,} cases stored in {writing:.1f} s, {size / 1e6:.1f} MB; opened and reported in {reporting:.1f} s")
    print(wanted("bytes a case", size / count, _BYTES, at_most=True))
    print(wanted("seconds to open and report", reporting, _SECONDS, at_most=True))
    if size / count > _BYTES or reporting > _SECONDS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
