"""Kills small campaigns at random instants, opens what is left, goes on with some, and counts what was lost.

Each campaign is a fork of this process, on the emulated pump. A finding is announced when its event has reached
the last listener: then it has to be in the store. A campaign that goes on, and is perhaps killed again, has to end like
one that was left alone.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.ends import outcome
from harness.assembly.benches import find_bench
from harness.campaigns.options import Options
from harness.campaigns.session import Audience, resume_campaign, run_campaign
from harness.errors import MedfuzzError
from harness.events import CampaignStarted, Event, FindingConfirmed
from harness.record import load_record
from harness.store import STORE_NAME, Store

CASES, _RESUMED, _KILLED_AGAIN, _EARLY, _MINIMIZING = 30, 0.5, 0.4, 0.2, 50
_SHOWN = 100


@dataclass(slots=True)
class Tally:
    """What became of all campaigns; `wrong` has a line for everything that should not be."""

    counts: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def note(self, what: str, *where: object) -> None:
        """One thing that should not be."""
        self.counts[what] += 1
        self.wrong.append(" ".join(map(str, (what, *where))))


@dataclass(slots=True)
class Kind:
    """A bench, and how a campaign on it ends that is left alone, after how many `seconds` at present."""

    bench: Path
    expected: dict[str, Any]
    seconds: float

    def options(self, folder: Path) -> Options:
        """One campaign in a folder."""
        return _options(self.bench, folder)


def _options(bench: Path, folder: Path) -> Options:
    return Options(bench, "pump", seed=1, cases=CASES, interfaces=("network",), out=folder)


def kind_of(place: Path, triage: float) -> Kind:
    """A bench with `triage` seconds for making findings small, and its campaign."""
    bench = place / f"pump-{triage:g}.toml"
    bench.write_text(f'include = "{find_bench("pump")}"\n[limits]\ntriage = {triage}\n')
    for folder in (place / f"first-{triage:g}", place / f"whole-{triage:g}"):
        told, code, seconds = _ended(_forked(lambda audience, to=folder: run_campaign(_options(bench, to), audience)))
        if code != 1 or not told:
            raise SystemExit(f"the campaign that is left alone found nothing: exit code {code}")
    return Kind(bench, outcome(folder), seconds)


def _forked(run: Callable[[Audience], object]) -> tuple[int, int]:
    """A child that runs a campaign: its id, and the end of a pipe on which it announces findings."""
    reader, writer = os.pipe()
    if pid := os.fork():
        os.close(writer)
        return pid, reader
    code = 70
    with contextlib.suppress(BaseException):
        os.close(reader)
        code = _code(run, writer)
    os._exit(code)


def _code(run: Callable[[Audience], object], writer: int) -> int:
    def announce(event: Event) -> None:
        if isinstance(event, CampaignStarted):
            os.write(writer, b"started\n")
        elif isinstance(event, FindingConfirmed):
            os.write(writer, f"{event.finding.id}\n".encode())

    try:
        run(Audience((announce,)))
    except MedfuzzError as error:
        os.write(writer, f"error: {error}\n".encode())
        return error.exit_code
    return 1


def _ended(child: tuple[int, int], after: float | None = None, *, early: bool = False) -> tuple[list[str], int, float]:
    """What it announced, its exit code, negative for the signal that ended it, and seconds since its first event.

    It is killed `after` so many seconds behind its first event, or, `early`, behind its birth.
    """
    pid, reader = child
    with open(reader, encoding="utf-8") as pipe:  # noqa: PTH123  a descriptor has no path
        first, began = "" if early else pipe.readline(), time.monotonic()
        if after is not None:
            time.sleep(after)
            os.kill(pid, signal.SIGKILL)
        told = (first + pipe.read()).splitlines()
    return told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), time.monotonic() - began


def kill(kind: Kind, folder: Path, randomly: random.Random, tally: Tally) -> None:
    """One campaign, killed once or more often; its folder is gone afterwards unless something is wrong."""
    before = len(tally.wrong)
    announced, goes_on, again = set[str](), randomly.random() < _RESUMED, False
    while True:
        run = _going_on(folder) if again and (folder / STORE_NAME).exists() else _starting(kind, folder)
        early = randomly.random() < _EARLY
        after = randomly.uniform(0.0, kind.seconds)
        told, code, _seconds = _ended(_forked(run), after, early=early)
        kind.seconds *= 1.02 if code < 0 else 0.95
        announced |= {line for line in told if line.startswith("F-")}
        for line in told:
            if line.startswith("error: ") and "has ended" not in line:
                tally.note("refused", folder, line)
        tally.counts["kills" if code < 0 else "ended before the kill"] += 1
        looked_at(folder, announced, tally)
        if not goes_on or randomly.random() >= _KILLED_AGAIN:
            break
        again = True
    if goes_on and (folder / STORE_NAME).exists():
        finish(kind, folder, announced, tally)
    if len(tally.wrong) == before:
        shutil.rmtree(folder, ignore_errors=True)


def _starting(kind: Kind, folder: Path) -> Callable[[Audience], object]:
    return lambda audience: run_campaign(kind.options(folder), audience)


def _going_on(folder: Path) -> Callable[[Audience], object]:
    return lambda audience: resume_campaign(folder, audience)


def looked_at(folder: Path, announced: set[str], tally: Tally) -> None:
    """Open what is left: every announced finding is there, and a record can be made."""
    if not (folder / STORE_NAME).exists():
        tally.counts["before there was a store"] += 1
        tally.counts["lost findings"] += len(announced)
        return
    try:
        with Store.open(folder) as store:
            stored = {finding.id for finding in store.findings()}
            load_record(store)
    except MedfuzzError as error:
        tally.note("unreadable stores", folder, error)
        return
    for name in announced - stored:
        tally.note("lost findings", folder, name)


def finish(kind: Kind, folder: Path, announced: set[str], tally: Tally) -> None:
    """Go on to the end, which is that of a campaign that is left alone."""
    with Store.open(folder) as store:
        over = bool(store.end())
    tally.counts["resumed"] += not over
    if not over:
        told, _code, _seconds = _ended(_forked(_going_on(folder)))
        if errors := [line for line in told if line.startswith("error: ")]:
            tally.note("refused", folder, *errors)
            return
        looked_at(folder, announced, tally)
    if not (folder / "summary.json").exists():
        return  # killed in its reports, behind its end
    came = outcome(folder)
    if not _is_small(came, kind):
        tally.counts["no time to make a finding small"] += 1
    elif other := [name for name in came if came[name] != kind.expected[name]]:
        tally.note("other ends", folder, *other)


def _is_small(came: dict[str, Any], kind: Kind) -> bool:
    """True where there was time for every finding, also on a machine that is busy."""
    sizes = [found[-1] for found in came["findings"].values()]
    return not any(found[-1] for found in kind.expected["findings"].values()) or all(
        size and size[-1] for size in sizes
    )


def kills(number: int, seed: int, place: Path) -> Iterator[Tally]:
    """The tally after each campaign, until there were so many kills."""
    tally, randomly = Tally(), random.Random(seed)
    kinds = {0.0: kind_of(place, 0.0)}
    for campaign in itertools.count(1):
        if tally.counts["kills"] >= number:
            return
        triage = 0.0 if campaign % _MINIMIZING else 60.0
        if triage not in kinds:
            kinds[triage] = kind_of(place, triage)
        kill(kinds[triage], place / f"run-{campaign}", randomly, tally)
        yield tally


def told(tally: Tally) -> str:
    """The figures in a line, what is wrong below."""
    names = ("kills", "resumed", "lost findings", "unreadable stores", "other ends", "refused")
    more = ("ended before the kill", "before there was a store", "no time to make a finding small")
    figures = ", ".join(f"{tally.counts[name]:,} {name}" for name in (*names, *more))
    return "\n".join([figures, *tally.wrong])


def main() -> None:
    """Kill, and print the figures; exit code 1 when something was lost or ended otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    shown = _SHOWN
    place, tally, began = Path(tempfile.mkdtemp(prefix="medfuzz-kills-")), Tally(), time.monotonic()
    for tally in kills(arguments.kills, arguments.seed, place):
        if tally.counts["kills"] >= shown:
            print(told(tally), file=sys.stderr, flush=True)
            shown += _SHOWN
    print(f"{told(tally)}\n{time.monotonic() - began:.0f} s")
    if tally.wrong:
        raise SystemExit(f"what is left of them: {place}")
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
