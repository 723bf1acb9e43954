"""Plays the reproducers of known findings before a campaign's cases, so that what is fixed is seen and not guessed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from harness.document import read_document
from harness.errors import BenchError, UsageError
from harness.finding import Finding, upgraded
from harness.known.baseline import FIXED, NOT_TESTED, STILL_THERE, Baseline, KnownFinding, Seen
from harness.runner import Runner
from harness.triage.confirm import Confirmation
from harness.triage.replay import replay_once

_SHARE = 0.1  # of the run's seconds, and of its resets


class Allowance:
    """What known findings may take of a run: a tenth of its `seconds`, and of the `resets` of a real device (0: any).

    `stop` ends it at once.
    """

    def __init__(
        self,
        runner: Runner,
        *,
        seconds: float | None,
        resets: int,
        stop: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner, self._stop, self._clock = runner, stop, clock
        self._until = clock() + (math.inf if seconds is None else _SHARE * seconds)
        self._lives = runner.lives + max(1, int(_SHARE * resets)) if resets and not runner.independent else math.inf

    def is_over(self) -> bool:
        """True where a replay ends where it stands."""
        return self._stop() or self._clock() >= self._until

    def why(self) -> str:
        """Why no other replay may begin; "" where one may."""
        if self._stop():
            return "the run was interrupted"
        if self.is_over():
            return "a tenth of the run's time was used up"
        return "a tenth of [limits] max_resets was used up" if self._runner.lives >= self._lives else ""


def replay_known(
    baseline: Baseline, runner: Runner, allowance: Allowance, tries: int
) -> Iterator[tuple[Seen, Finding | None]]:
    """What is seen of each entry; with the finding, where it is there again and its decision does not cover it.

    A device that can be reset starts the campaign fresh.
    """
    lives = runner.lives
    for entry in baseline.findings:
        seen, why, finding = _seen(baseline, entry, runner, allowance, tries)
        yield Seen(entry.bucket, entry.decision, seen, why), finding
    if runner.lives != lives:
        _begin_anew(runner)


def _seen(
    baseline: Baseline, entry: KnownFinding, runner: Runner, allowance: Allowance, tries: int
) -> tuple[str, str, Finding | None]:
    finding = reproducer_of(baseline, entry)
    if isinstance(finding, str):
        return NOT_TESTED, finding, None
    if why := _unplayable(finding, runner):
        return NOT_TESTED, why, None
    seen, why = _played(runner, finding, allowance, tries)
    if seen != STILL_THERE or not baseline.status_of(entry).fails:
        return seen, why, None
    return _confirmed(runner, finding, allowance, tries)


def reproducer_of(baseline: Baseline, entry: KnownFinding) -> Finding | str:
    """The finding as it was saved; else why there is none, in words."""
    if not entry.reproducer:
        return "it has no reproducer"
    path = Path(baseline.file).parent / entry.reproducer
    try:
        finding = read_document(path).finding
    except UsageError as error:
        return f"its reproducer: {error}"
    return finding if entry.fits(finding.bucket) else f"its reproducer {path} is that of {finding.id}"


def _unplayable(finding: Finding, runner: Runner) -> str:
    """Why its cases are not played on this bench, or ""."""
    missing = sorted({case.interface for case in finding.window} - set(runner.interfaces))
    if missing:
        return f"interface '{missing[0]}' is not fuzzed in this run"
    if not (runner.independent or runner.revives):
        return "nothing here brings the device back, which it may take: see reset_command"
    return ""


def _played(runner: Runner, finding: Finding, allowance: Allowance, tries: int) -> tuple[str, str]:
    """Fixed where every replay was played to its end on a device that served, and showed nothing."""
    seldom = finding.reproduced > 0 and not runner.independent
    enough = max(tries, finding.rate.telling) if seldom else tries
    for _ in range(enough):
        if why := allowance.why():
            return NOT_TESTED, why
        again = replay_once(runner, finding.window, finding, allowance.is_over)
        if again.reproduced:
            return STILL_THERE, ""
        if not again.votes:
            return NOT_TESTED, again.bench_error or again.untested
        if not again.clean:
            return NOT_TESTED, f"another fault came: {again.faults[0].summary}"
    return FIXED, f"it did not come back in {enough} replays"


def _confirmed(runner: Runner, finding: Finding, allowance: Allowance, tries: int) -> tuple[str, str, Finding | None]:
    """By the rule by which every finding is believed."""
    today = upgraded(finding, runner.interfaces[finding.case.interface].protocol.name)
    waiting = replace(today, reproduced=0, tries=0, doubt="", fault="", case_number=0, found_after=0.0)
    try:
        again = Confirmation(runner, tries, allowance.is_over).confirm(waiting, finding.window)
    except BenchError as error:
        return NOT_TESTED, f"it came back once, and could not be replayed: {error}", None
    if not again.confirmed:
        return NOT_TESTED, f"it came back once, and is not believed: {again.doubt or again.replays}", None
    return STILL_THERE, f"{again.reproduced} of {again.tries} replays", replace(again, bucket=finding.bucket)


def _begin_anew(runner: Runner) -> None:
    """No case of the campaign's meets what the replays have left; where that fails, its first case says so."""
    try:
        runner.fresh()
    except BenchError:
        runner.give_up()
    runner.watch.forget()
