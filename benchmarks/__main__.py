"""`make bench`: print every table. Takes about two minutes; talks to the loopback interface only."""

from __future__ import annotations

import platform
import time

from benchmarks import ble, guard_cost, in_process, links, startup, temporal
from benchmarks.measure import RUNS
from benchmarks.recording import record, started

_RECORDED = 1200


def main() -> None:
    """Record once, then measure."""
    began = time.perf_counter()
    print(
        f"medians of {RUNS} interleaved runs; a ratio is the median of side-by-side runs; "
        f"Python {platform.python_version()}"
    )
    assembly = started()
    recorded = record(assembly, _RECORDED)
    links.report(recorded)
    in_process.report(assembly, recorded)
    guard_cost.report(assembly, recorded)
    temporal.report(assembly)
    ble.report()
    startup.report()
    assembly.runner.stop()
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
