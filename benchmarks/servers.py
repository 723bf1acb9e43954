"""Cases a second on servers that others wrote: a raw loop, boofuzz, medfuzz as it was and as it is.

`python -m benchmarks.servers`: some three minutes on two cores, loopback and ptys only. medfuzz's campaign is the
command line's, with all its probes and resets; its links are noted, and the raw loop sends the same bytes to a fresh
server and waits for the answers that came, so that what lies between the two is what medfuzz thinks and waits. Replays
of findings count for neither.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.boofuzz_worker import Boofuzz, boofuzz_worker
from benchmarks.measure import Rates, interleaved, ratio, table, wanted
from benchmarks.others import OTHERS, Other, environment, serving
from benchmarks.paired import HERE, earlier_tree
from benchmarks.traffic import REPLAYS, SENT, Event, play, read, spent

RAW, BOOFUZZ, NOW = "raw loop, the same bytes", "boofuzz, tuned", "medfuzz now"
_BEFORE = "82ab9ef"
_OF_RAW, _OF_BEFORE = 0.5, 20.0
_DEADLINE = 1.0
_BOOFUZZ_SHARE = 0.4
_MISSED = 0.05
_TOLD = re.compile(r"([\d,]+) cases in ([\d.]+) s")
_SEED = "1"


@dataclass(slots=True)
class Measured:
    """One server in one run, and what its campaigns said and did. `seconds` is what a campaign takes."""

    other: Other
    folder: Path
    seconds: float
    before: Path
    events: list[Event] = field(default_factory=list[Event])
    cases: int = 0
    missed: int = 0
    share: float = 1.0
    not_before: str = ""

    def bench(self, tree: Path) -> Path:
        """The example's bench, without the time for smaller findings, which is not fuzzing; written for `tree`."""
        now = tree == HERE
        lines = [f"include = {json.dumps(str(self.other.path))}", "[target]", "settle = 0.2"]
        lines += [f"command = {json.dumps(self.other.command(self.folder))}"]
        lines += ["[limits]", "tries = 1", *(["triage = 0.0"] if now else [])]
        path = self.folder / f"{'now' if now else 'before'}.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def now(self) -> float:
        """A campaign with this tree, noted; its replays of findings, which wait everything out, do not count."""
        noted = self.folder / "noted"
        cases, seconds = self._campaign(HERE, "benchmarks.traffic", str(noted))
        self.events, self.cases = read(noted), cases
        return cases / (seconds - spent(self.events)[REPLAYS])

    def earlier(self) -> float:
        """A campaign with the tree as it was; NaN where that does not get into conversation."""
        try:
            cases, seconds = self._campaign(self.before, "harness.cli.main")
        except RuntimeError as error:
            fault = str(error).partition("bench fault: ")[2]
            self.not_before = "no probe of its is answered" if "no probe" in fault else "its campaign fails"
            return math.nan
        return cases / seconds

    def _campaign(self, tree: Path, *words: str) -> tuple[int, float]:
        limits = ["--quiet", "--seed", _SEED, "--time", f"{self.seconds:g}s"]
        with tempfile.TemporaryDirectory(prefix="medfuzz-servers-") as out:
            ended = subprocess.run(
                [sys.executable, "-m", *words, "run", str(self.bench(tree)), *limits, "--out", f"{out}/run"],
                cwd=self.other.path.parent,
                env=environment(tree),
                capture_output=True,
                text=True,
                timeout=10 * self.seconds + 60,
                check=False,
            )
        if (told := _TOLD.search(ended.stdout)) is None or told[1] == "0":
            raise RuntimeError(f"{self.other.name}: {ended.stdout[-500:]} {ended.stderr[-500:]}")
        return int(told[1].replace(",", "")), float(told[2])

    def raw(self) -> float:
        """The raw loop with what the last campaign noted."""
        with serving(self.other, self.folder) as place:
            played = play(self.events, place.line, _DEADLINE)
        self.missed, self.share = max(self.missed, played.missed), min(self.share, played.share)
        return self.cases * played.share / played.seconds

    def boofuzz(self, boofuzz: Boofuzz) -> float:
        """boofuzz with the same definitions."""
        with serving(self.other, self.folder) as place:
            reuse = not self.other.closes
            seconds = _BOOFUZZ_SHARE * self.seconds
            return boofuzz.protocol_rate(self.other.protocol, place.port, place.device(), seconds, reuse=reuse)


def missing_before(other: Other, tree: Path) -> str:
    """Why the tree as it was has no figure, or ""."""
    if f'"{other.protocol}"' not in (tree / "protocols" / "load.py").read_text():
        return f"it had no {other.protocol}"
    return "" if other.port else "it gave no pty to a program"


def measure(measured: Measured, boofuzz: Boofuzz, commit: str, runs: int) -> list[tuple[float, float]]:
    """Print a server's table; what was reached of what is wanted."""
    contenders: dict[str, Callable[[], float]] = {
        NOW: measured.now,
        RAW: measured.raw,
        BOOFUZZ: lambda: measured.boofuzz(boofuzz),
    }
    before, measured.not_before = f"medfuzz at {commit}", missing_before(measured.other, measured.before)
    if not measured.not_before:
        contenders[before] = measured.earlier
    rates = {row.name: row for row in interleaved(contenders, runs) if not math.isnan(row.median)}
    raw = rates[RAW]
    sends = sum(event.what == SENT for event in measured.events) / max(1, measured.cases)
    title = f"\n{measured.other.name} ({measured.cases} cases in the last run, {sends:.1f} messages each)"
    print(table(title, "cases/s", [rates[name] for name in (RAW, BOOFUZZ, before, NOW) if name in rates], raw))
    if before not in rates:
        print(f"  {before:<34}{'–':>12}   {measured.not_before}")
    where = ", ".join(f"{seconds:.1f} {purpose}" for purpose, seconds in spent(measured.events).items())
    print(f"  seconds of its last campaign: {where}")
    return _judge(measured, rates, rates.get(before))


def _judge(measured: Measured, rates: dict[str, Rates], before: Rates | None) -> list[tuple[float, float]]:
    """Print what is wanted of a server of its kind; each with its goal."""
    held: list[tuple[float, float]] = []
    other, answers = measured.other, sum(event.what != SENT for event in measured.events)
    if measured.missed:
        print(
            f"  the raw loop waited {_DEADLINE:g} s each for {measured.missed} of {answers} answers, which did not come"
        )
    if measured.share < 1:
        print(f"  the server died of the raw loop, which is measured over the {measured.share:.0%} before")
    if measured.missed > _MISSED * answers:
        print("  so it is no measure here, and medfuzz is not held against it")
    elif not other.drops:
        held.append((ratio(rates[NOW], rates[RAW]), _OF_RAW))
        print(wanted("medfuzz now to the raw loop", *held[-1]), flush=True)
    if other.drops and before is not None:
        held.append((ratio(rates[NOW], before), _OF_BEFORE))
        print(wanted("medfuzz now to before", *held[-1]), flush=True)
    if not held:
        print("  nothing to hold it against here", flush=True)
    return held


def report(others: Sequence[Other], commit: str, seconds: float, runs: int) -> bool:
    """Print all tables; true when all that is wanted was reached on the servers that are there."""
    held: list[tuple[float, float]] = []
    skipped = 0
    with earlier_tree(commit) as before, boofuzz_worker() as boofuzz:
        for other in others:
            with tempfile.TemporaryDirectory(prefix="medfuzz-servers-") as folder:
                if lacks := other.missing(Path(folder)):
                    skipped += 1
                    print(f"\n{other.name}: skipped, {lacks}", flush=True)
                else:
                    measured = Measured(other, Path(folder), seconds, before)
                    held += measure(measured, boofuzz, commit, runs)
    reached = sum(value >= goal for value, goal in held)
    print(f"\n{reached} of {len(held)} goals reached, {skipped} of {len(others)} servers skipped")
    return reached == len(held)


def main() -> int:
    """Exit code 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", default=_BEFORE, metavar="COMMIT")
    parser.add_argument("--seconds", type=float, default=12.0, help="of a campaign")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--only", default="", metavar="NAME", help="servers whose name holds this")
    wish = parser.parse_args()
    others = [other for other in OTHERS if wish.only in other.name]
    return 0 if report(others, wish.before, wish.seconds, wish.runs) else 1


if __name__ == "__main__":
    sys.exit(main())
