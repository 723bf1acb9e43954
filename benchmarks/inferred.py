"""Cases a second on boards that were inferred: the compiled core and the reference in turn, on firmware of other chips.

$ python -m benchmarks.inferred --cases 1500
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.measure import interleaved, table
from benchmarks.others import environment
from benchmarks.paired import HERE
from targets.board.native.library import CHOICE, REFERENCE
from tests.foreign_firmware import BUSES, FIRMWARES, Foreign

_SEED = "1"


def main() -> int:
    """Prints a table for each firmware."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--runs", type=int, default=3)
    wish = parser.parse_args()
    named = {f"{one.name}, {one.cpu}": one for one in FIRMWARES} | dict(BUSES)
    for name, firmware in named.items():
        with tempfile.TemporaryDirectory(prefix="medfuzz-inferred-") as folder:
            bench = _bench(firmware, Path(folder))
            choices = {"compiled": "", "reference": REFERENCE}
            rates = interleaved(
                {key: partial(_rate, bench, choice, wish.cases) for key, choice in choices.items()}, wish.runs
            )
            print(table(f"\n{name}, {wish.cases:,} cases", "cases/s", rates, rates[1]), flush=True)
    return 0


def _bench(firmware: Foreign, folder: Path) -> Path:
    """As `medfuzz init` writes it for the fixed build."""
    image = firmware.image(folder)
    beside = [word for other in image.others for word in ("--beside", str(other.path))]
    bench = folder / "bench.toml"
    _medfuzz("", "init", str(bench), "--firmware", str(image.path), *beside)
    return bench


def _rate(bench: Path, choice: str, cases: int) -> float:
    """Cases a second, its start included."""
    with tempfile.TemporaryDirectory(prefix="medfuzz-inferred-") as folder:
        began = time.perf_counter()
        _medfuzz(choice, "run", str(bench), "--cases", str(cases), "--seed", _SEED, "--quiet", "--out", f"{folder}/run")
        return cases / (time.perf_counter() - began)


def _medfuzz(choice: str, *words: str) -> None:
    command = [sys.executable, "-m", "harness.cli.main", *words]
    surroundings = {**environment(HERE), CHOICE: choice}
    subprocess.run(command, cwd=HERE, env=surroundings, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    sys.exit(main())
