"""How long a command takes before it does anything: helps, a campaign of one case, and the bare interpreter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.measure import as_installed, interleaved, wanted

_COMMANDS = {
    "python, nothing": ("-c", ""),
    "medfuzz --help": ("-m", "harness.cli.main", "--help"),
    "medfuzz report --help": ("-m", "harness.cli.main", "report", "--help"),
    "medfuzz run --help": ("-m", "harness.cli.main", "run", "--help"),
}
_RUN = ("-m", "harness.cli.main", "run", "pump-fixed", "--cases", "1", "--quiet", "--out")
_RUNS, _GOAL, _RUN_GOAL = 9, 0.4, 1.5


def report() -> None:
    """Print the table."""
    commands = {name: partial(_seconds, words) for name, words in _COMMANDS.items()}
    taken = interleaved({**commands, "a campaign of one case, reported": _campaign}, _RUNS)
    print(f"\nstarting\n  {'':<34}{'ms':>12}   min – max")
    for row in taken:
        low, high = 1000 * min(row.values), 1000 * max(row.values)
        print(f"  {row.name:<34}{1000 * row.median:>12,.0f}   {low:,.0f} – {high:,.0f}")
    shown = next(row for row in taken if row.name == "medfuzz --help")
    print(wanted("seconds until the help is shown", shown.median, _GOAL, at_most=True))
    print(wanted("seconds of a campaign of one case", taken[-1].median, _RUN_GOAL, at_most=True))


def _seconds(words: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True, env=as_installed())
    return time.perf_counter() - began


def _campaign() -> float:
    with tempfile.TemporaryDirectory() as folder:
        return _seconds((*_RUN, str(Path(folder) / "run")))
