"""How long a command takes before it does anything: `medfuzz --help`, and the bare interpreter beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial

from benchmarks.measure import interleaved, wanted

_COMMANDS = {
    "python, nothing": ("-c", ""),
    "medfuzz --help": ("-m", "harness.cli.main", "--help"),
    "medfuzz report --help": ("-m", "harness.cli.main", "report", "--help"),
    "medfuzz run --help": ("-m", "harness.cli.main", "run", "--help"),
}
_RUNS, _GOAL = 9, 0.4


def report() -> None:
    """Print the table."""
    taken = interleaved({name: partial(_seconds, words) for name, words in _COMMANDS.items()}, _RUNS)
    print(f"\nstarting\n  {'':<34}{'ms':>12}   min – max")
    for row in taken:
        low, high = 1000 * min(row.values), 1000 * max(row.values)
        print(f"  {row.name:<34}{1000 * row.median:>12,.0f}   {low:,.0f} – {high:,.0f}")
    shown = next(row for row in taken if row.name == "medfuzz --help")
    print(wanted("seconds until the help is shown", shown.median, _GOAL, at_most=True))


def _seconds(words: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
