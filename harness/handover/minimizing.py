"""Makes a finding's reproducer smaller on a bench of its own time: an emulator, or the device on a quiet afternoon."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.assembly.meeting import meet
from harness.document import Handover
from harness.errors import BenchError
from harness.finding import Finding, upgraded
from harness.handover.replaying import assembled
from harness.runner import Runner
from harness.triage.minimize import Minimization, counted
from harness.triage.replay import Replay, presumed_of, replay_once
from harness.triage.shrink import Shrinker, Window

_TRIES = 3


def _untold(_finding: Finding) -> None:
    pass


def minimize_on(
    handover: Handover,
    *,
    bench: str = "",
    elf: Path | None = None,
    seconds: float = 600.0,
    tell: Callable[[Finding], None] = _untold,
) -> Finding:
    """The finding with the smallest reproducer that `seconds` of wall time find; `tell` gets each that is smaller.

    `bench` and `elf` are as for `replay_on`. One that does not come back in three replays is not confirmed any more.
    Raises UsageError, BenchError where the bench cannot be used or a try says nothing of the device.
    """
    assembly = assembled(handover, bench, elf)
    try:
        assembly.runner.start()
        meet(assembly)
        protocol = assembly.protocols[handover.finding.case.interface].name
        finding = _as_shown(assembly.runner, _as_found(upgraded(handover.finding, protocol)))
        if not finding.reproduced:
            return finding
        minimization = Minimization(finding, Shrinker(assembly.protocols), steady=assembly.runner.independent)
        _advance(assembly.runner, minimization, time.monotonic() + seconds, tell)
        smaller = minimization.finding
        return counted(smaller, _votes(assembly.runner, smaller))
    finally:
        assembly.runner.stop()


def _as_found(finding: Finding) -> Finding:
    """With the window as it was found: what was left empty at last would be filled again, and emptied again."""
    window = finding.window if finding.minimized is None else finding.minimized.original
    return replace(finding, window=window, minimized=None, doubt="")


def _advance(runner: Runner, minimization: Minimization, until: float, tell: Callable[[Finding], None]) -> None:
    """Until nothing more can be left out, or the time is over; an interruption ends it with what there is."""
    try:
        while not minimization.done and time.monotonic() < until:
            before = minimization.window
            minimization.advance(partial(_asked, runner))
            if minimization.window != before:
                tell(minimization.finding)
    except KeyboardInterrupt:
        return


def _asked(runner: Runner, window: Window, finding: Finding) -> Replay:
    """A replay that is to be smaller: how the device comes back is not found out anew each time."""
    return replay_once(runner, window, finding, presumed=presumed_of(finding), hasty=True)


def _as_shown(runner: Runner, finding: Finding) -> Finding:
    """As it shows here, k of n: a file of another version, or of another build, may tell the same fault otherwise."""
    votes = _votes(runner, finding)
    shown = [again.again for again in votes if again.reproduced and again.again is not None]
    seen = shown[0] if shown else finding.observation
    return replace(finding, observation=seen, reproduced=len(shown), tries=len(votes))


def _votes(runner: Runner, finding: Finding) -> list[Replay]:
    """Raises BenchError where no try says anything of the device."""
    played = [replay_once(runner, finding.window, finding) for _ in range(_TRIES)]
    if not (votes := [again for again in played if again.votes]):
        raise BenchError(f"{finding.id} cannot be replayed: {played[0].bench_error or played[0].untested}")
    return votes
