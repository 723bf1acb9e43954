"""Kills workers, and now and then the run that they belong to, at random instants, and counts what was lost.

Each run has two workers on the emulated pump. A worker that is killed is started again by its run; a run that is killed
goes on with `--resume`. All have to end like one that was left alone, with every finding that was announced.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.ends import outcome
from benchmarks.kills import Tally, told
from harness.assembly.benches import find_bench
from harness.store import STORE_NAME, Store
from harness.tasks import tree_of

CASES, WORKERS, _THE_RUN, _EARLY = 120, 2, 0.1, 0.01
_ANNOUNCED = re.compile(r"^finding (F-[0-9a-f]{8}) ", re.MULTILINE)
_PATIENCE = 300.0


def bench_in(place: Path) -> Path:
    """The pump, with no time for making findings small: the same end each time."""
    bench = place / "pump.toml"
    bench.write_text(f'include = "{find_bench("pump")}"\n[limits]\ntriage = 0\n')
    return bench


def command(*words: str) -> list[str]:
    """This very program."""
    return [sys.executable, "-m", "harness.cli.main", "run", *words]


def begun(bench: Path, folder: Path) -> list[str]:
    """A run with workers."""
    words = ("--interface", "network", "--cases", str(CASES), "--seed", "1", "--workers", str(WORKERS))
    return command(str(bench), *words, "--out", str(folder))


def end_of(folder: Path) -> dict[str, Any]:
    """How it ended, but for deaths that are told, and figures that depend on who ran a case a second time."""
    came = outcome(folder)
    return {name: came[name] for name in ("rows", "findings", "cases", "verdicts", "exit_code", "reason")}


def killed(words: list[str], folder: Path, log: Path, randomly: random.Random, tally: Tally, most: int) -> int:
    """One process of a run, with kills in between; its exit code."""
    with log.open("ab") as errors:
        run = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors)
        ends, kills = time.monotonic() + _PATIENCE, 0
        while run.poll() is None and time.monotonic() < ends:
            try:
                return run.wait(randomly.uniform(0.2, 4.0))
            except subprocess.TimeoutExpired:
                pass
            workers = [pid for pid in tree_of(run.pid) if pid != run.pid]
            if kills >= most or (not workers and randomly.random() > _EARLY):
                continue
            victims = [run.pid] if randomly.random() < _THE_RUN or not workers else workers
            for victim in randomly.sample(victims, min(1, len(victims))):
                os.kill(victim, signal.SIGKILL)
                tally.counts["kills"] += 1
                tally.counts["kills of the run"] += victim == run.pid
                kills += 1
        if run.poll() is None:
            run.kill()
            tally.note("runs that did not end", folder)
        return run.wait()


def one(bench: Path, folder: Path, randomly: random.Random, tally: Tally, expected: dict[str, Any]) -> None:
    """One run to its end, killed on the way."""
    log, code, most = folder.with_suffix(".log"), -1, randomly.randint(1, 4)
    while code < 0:
        there = (folder / STORE_NAME).exists()
        words = command("--resume", str(folder)) if there else begun(bench, folder)
        code = killed(words, folder, log, randomly, tally, most)
        most = randomly.randint(0, 2)
        if code < 0:
            time.sleep(2.0)  # its workers end by themselves
    tally.counts["runs"] += 1
    with Store.open(folder) as store:
        stored = {finding.id for finding in store.findings()}
    for name in set(_ANNOUNCED.findall(log.read_text())) - stored:
        tally.note("lost findings", folder, name)
    came = end_of(folder)
    if other := [name for name in came if came[name] != expected[name]]:
        tally.note("other ends", folder, *other, *log.read_text().splitlines()[-3:])


def kills(number: int, seed: int, place: Path) -> Iterator[Tally]:
    """The tally after each run, until there were so many kills."""
    tally, randomly, bench = Tally(), random.Random(seed), bench_in(place)
    alone = place / "alone"
    subprocess.run(begun(bench, alone), check=False, capture_output=True)
    expected = end_of(alone)
    while tally.counts["kills"] < number:
        one(bench, place / f"run-{tally.counts['runs'] + 1}", randomly, tally, expected)
        yield tally


def main() -> None:
    """Kill, and print the figures; exit code 1 when something was lost or ended otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    place, tally = Path(tempfile.mkdtemp(prefix="medfuzz-kills-")), Tally()
    for tally in kills(arguments.kills, arguments.seed, place):
        print(told(tally), file=sys.stderr, flush=True)
    print(f"{tally.counts['kills of the run']} of the kills were of the run itself\n{told(tally)}")
    if tally.wrong:
        raise SystemExit(f"what is left of them: {place}")
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
