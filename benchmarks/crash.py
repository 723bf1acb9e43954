"""How long until a server crashes: medfuzz and boofuzz on one bench, in turn, by seeds.

`python -m benchmarks.crash BENCH.toml` wants a bench that starts its server itself and reaches it by TCP on 127.0.0.1.
medfuzz's time is that of its first crash, replayed and believed; boofuzz's that at which the process has ended. Its
order of cases is always the same, so that a seed shuffles its messages.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.boofuzz_worker import Boofuzz, boofuzz_worker
from benchmarks.others import environment, wait_for
from benchmarks.paired import HERE
from harness.bench import Bench, load_bench
from targets.process import OwnProcess

_FOUND = re.compile(r"^finding (\S+) crash on", re.MULTILINE)


def by_medfuzz(bench: Path, seed: int, seconds: float) -> float:
    """Seconds until a crash is told, NaN where none is; starting and replaying included."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="medfuzz-crash-") as out:
        words = ["run", str(bench), "--seed", str(seed), "--time", f"{seconds:g}s", "--stop-on", "crash"]
        with subprocess.Popen(
            [sys.executable, "-m", "harness.cli.main", *words, "--out", f"{out}/run"],
            cwd=bench.parent,
            env=environment(HERE),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            told = (time.monotonic() - began for line in process.stderr or () if _FOUND.search(line))
            found = next(told, math.nan)
            process.communicate(timeout=seconds + 120)
    return found


def by_boofuzz(bench: Bench, boofuzz: Boofuzz, seed: int, seconds: float) -> float:
    """Seconds until the process has ended, NaN where it has not."""
    (table,) = bench.interfaces.values()
    port = int(table.transport.rpartition(":")[2])
    process = OwnProcess(bench.process.command, bench.path(bench.process.cwd or "."), bench.process.env)
    try:
        wait_for(port, bench.target.name)
        return boofuzz.until_ended(table.protocol, port, process.pid, seconds, seed)
    finally:
        process.stop()


def main() -> int:
    """Print a line a seed, and the medians; a crash that was not found counts as later than any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--time", type=float, default=60.0, help="seconds for each")
    given = parser.parse_args()
    bench, found = load_bench(given.bench), dict[str, list[float]](medfuzz=[], boofuzz=[])
    with boofuzz_worker() as boofuzz:
        for seed in range(given.seeds):
            found["medfuzz"].append(by_medfuzz(given.bench.resolve(), seed, given.time))
            found["boofuzz"].append(by_boofuzz(bench, boofuzz, seed, given.time))
            print(f"seed {seed}: " + ", ".join(f"{who} {_told(all_[-1])}" for who, all_ in found.items()), flush=True)
    for who, all_ in found.items():
        print(f"{who}: median {_told(statistics.median(math.inf if math.isnan(one) else one for one in all_))}")
    return 0


def _told(seconds: float) -> str:
    return f"{seconds:.1f} s" if math.isfinite(seconds) else "not found"


if __name__ == "__main__":
    sys.exit(main())
