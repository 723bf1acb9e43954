"""Nothing found is believed until it is replayed: a window of cases on a fresh target, k of n times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.case import TestCase
from harness.errors import BenchError
from harness.finding import Finding, bucket_of
from harness.interfaces import Explains
from harness.runner import Runner
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

_WINDOWS = (1, 2, 4, 8, 16)
LINK_GONE = "link gone"


@dataclass(frozen=True, slots=True)
class Replay:
    """What one try showed. `bench_error` is set when the try itself failed."""

    reproduced: bool
    transcript: Transcript | None = None
    observations: tuple[Observation, ...] = ()
    bench_error: str = ""


def replay_once(runner: Runner, window: Sequence[TestCase], finding: Finding) -> Replay:
    """Play a window on a fresh target; reproduced when its last case shows the same fault again."""
    transcript: Transcript | None = None
    observations: list[Observation] = []
    try:
        with runner.sequential():
            runner.fresh()
            for case in window:
                transcript, observations = runner.run(case, probe=True)
    except BenchError as error:
        return Replay(False, bench_error=str(error))
    same = any(same_fault(observation, window[-1], finding) for observation in observations)
    return Replay(same, transcript, tuple(observations))


def same_fault(observation: Observation, case: TestCase, finding: Finding) -> bool:
    """The same bucket, the same requirement violated, or another crash: blame and place may differ between tries."""
    if finding.observation.fingerprint[:1] == (LINK_GONE,):
        return observation.kind in (Kind.LINK_LOST, Kind.EXIT)
    requirement = finding.observation.requirement
    alike = observation.kind is finding.kind and observation.requirement == requirement
    return (alike and (requirement != "" or finding.kind is Kind.CRASH)) or bucket_of(
        observation, case
    ) == finding.bucket


def replay(runner: Runner, window: Sequence[TestCase], finding: Finding, tries: int) -> list[Replay]:
    """`tries` independent tries."""
    return [replay_once(runner, window, finding) for _ in range(tries)]


def explained(runner: Runner, finding: Finding) -> Finding:
    """The finding with what one slow replay tells about its cause, where the target can."""
    if not isinstance(runner.target, Explains):
        return finding
    runner.target.explain_writes(on=True)
    try:
        again = replay_once(runner, finding.window, finding)
    finally:
        runner.target.explain_writes(on=False)
    for observation in again.observations:
        if "overwritten" in observation.detail and same_fault(observation, finding.window[-1], finding):
            detail = {**finding.observation.detail, "overwritten": observation.detail["overwritten"]}
            return replace(finding, observation=replace(finding.observation, detail=detail))
    return finding


def confirm(
    runner: Runner, finding: Finding, history: Sequence[TestCase], tries: int, stop: Callable[[], bool]
) -> Finding:
    """Find the shortest window of {1, 2, 4, 8, 16} latest cases that shows the fault again, and count k of n.

    `history` ends with the finding's case. A fault that no window shows again keeps k = 0. Raises BenchError when no
    window could be played to its end.
    """
    failed = ""
    for number, size in enumerate(_WINDOWS):
        window = tuple(history[-size:]) if size > 1 else finding.window
        first = replay_once(runner, window, finding)
        failed = first.bench_error if failed or not number else ""
        if first.reproduced:
            rest = [] if stop() else replay(runner, window, finding, tries - 1)
            hits = 1 + sum(again.reproduced for again in rest)
            confirmed = replace(finding, window=window, reproduced=hits, tries=1 + len(rest))
            return explained(runner, confirmed) if finding.kind is Kind.CRASH else confirmed
        if size >= len(history) or stop():
            break
    if failed:
        raise BenchError(failed)
    return replace(finding, reproduced=0, tries=1)
