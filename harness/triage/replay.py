"""One replay: a window of cases on a fresh target, ended as a session ends, and what it says of a finding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.case import TestCase
from harness.errors import BenchError, GuardRefused, MedfuzzError
from harness.finding import LINK_GONE, RESTART, Finding, upgraded
from harness.ladder import SHORTCUTS
from harness.latency import Haste
from harness.monitors.radio import RadioMonitor
from harness.outcome import Outcome
from harness.own import own_error
from harness.runner import Runner
from harness.transcript import Transcript, Way
from harness.verdict import KINDS, UNSERVING, Blame, Kind, Observation

OVER = "the time was over before the replay was"
_LEFT = "the device closed the connection behind an earlier answer, and may not have read what was sent then"


@dataclass(frozen=True, slots=True)
class Replay:
    """What one try showed. `bench_error` is set when the try itself failed, `untested` when it says nothing.

    `again` is the observation that is the finding's fault, `case` the one that showed it.
    """

    reproduced: bool
    transcript: Transcript | None = None
    observations: tuple[Observation, ...] = ()
    bench_error: str = ""
    untested: str = ""
    again: Observation | None = None
    case: TestCase | None = None

    @property
    def faults(self) -> tuple[Observation, ...]:
        """What the device showed, whether it is the finding's fault or another."""
        return tuple(o for o in self.observations if KINDS[o.kind].blame is Blame.DEVICE)

    @property
    def votes(self) -> bool:
        """True when it says whether the device shows the fault: it was played, and the bench held."""
        return not (self.bench_error or self.untested)

    @property
    def clean(self) -> bool:
        """True when the window was played to its end on a device that served, and nothing was seen."""
        return not (self.reproduced or self.bench_error or self.untested or self.faults)


def _never() -> bool:
    return False


def replay_once(
    runner: Runner,
    window: Sequence[TestCase],
    finding: Finding,
    stop: Callable[[], bool] = _never,
    presumed: frozenset[Way] = frozenset(),
    *,
    hasty: bool = False,
    reset: bool = True,
    ends: bool = True,
) -> Replay:
    """Play a window on a fresh target; reproduced when a case of it, or the session's end, shows the same fault.

    `presumed`: ways on which it comes back to service, or NEVER, as far as known. A `hasty` one proves nothing: it is
    soon over where these are known, and without a survey where that shows no such fault. Without `reset` the device is
    as the last replay left it; `ends`: the session's end is played, too.
    """
    service = finding.transcript.service
    filler = service.filler if service is not None and Way.FILLED in presumed else 0
    try:
        haste = _haste(finding, presumed, hasty=hasty)
        with runner.sequential(presumed, filler=filler, haste=haste, sure=_was_gone(finding.transcript)):
            runner.fresh(reset=reset)
            survey = None if not hasty or finding.observation.monitor == RadioMonitor.name else False
            again = _played(runner, window, finding, stop, ends=ends, survey=survey)
            if again.untested != _LEFT:
                return again
            runner.fresh()  # now it is given the time to hang up first
            return _played(runner, window, finding, stop, ends=ends, survey=survey)
    except BenchError as error:
        return Replay(False, bench_error=str(error))
    except MedfuzzError as error:
        return Replay(False, untested=str(error))
    except Exception as error:  # noqa: BLE001  what a decoder or a callback raises is no answer of the device's
        return Replay(False, bench_error=str(own_error(error, f"replay of {finding.id}")))


def _was_gone(transcript: Transcript) -> bool:
    """True where no link opened any more behind the case, for as long as one is waited for."""
    return transcript.service is None and bool(transcript.link_error) and not transcript.events


def _haste(finding: Finding, presumed: frozenset[Way], *, hasty: bool) -> Haste:
    if hasty and presumed:
        return Haste.MOST
    if finding.kind is Kind.NO_REPLY:
        return Haste.LITTLE
    return Haste.SOME if presumed and is_prompt(finding) else Haste.NONE


def is_prompt(finding: Finding) -> bool:
    """Where it is only asked whether the device serves, what a deaf one does not answer need not be waited for."""
    return finding.observation.timed and finding.observation.monitor == UNSERVING and bool(relied_on(finding))


def relied_on(finding: Finding) -> frozenset[Way]:
    """The way back that the first sight found with patience, where chance finds it no easier when it is tried first.

    A device that is held up at random comes back to another connection sooner or later, to filler in its second only.
    Where the device says itself why it fell silent, chance has no part in it.
    """
    ways = ways_back(finding.transcript)
    return ways if finding.kind is Kind.HANG else ways & {Way.FILLED}


def ways_back(transcript: Transcript) -> frozenset[Way]:
    """How the device came back to service without being waited for; none where it did otherwise."""
    service = transcript.service
    return frozenset(SHORTCUTS) & {service.way} if service is not None else frozenset()


def presumed_of(finding: Finding) -> frozenset[Way]:
    """What a hasty replay may presume: how the device came back, or that it never did, where that is the fault."""
    transcript = finding.transcript
    dead = transcript.service.way is Way.NEVER if transcript.service is not None else bool(transcript.link_error)
    never = frozenset({Way.NEVER}) if dead and finding.observation.timed else frozenset[Way]()
    return ways_back(transcript) | never


def _played(
    runner: Runner,
    window: Sequence[TestCase],
    finding: Finding,
    stop: Callable[[], bool],
    *,
    ends: bool,
    survey: bool | None,
) -> Replay:
    finding = upgraded(finding, runner.interfaces[finding.case.interface].protocol.name)
    seen: list[Observation] = []
    last: Outcome | None = None
    for case in window:
        if stop():
            return Replay(False, untested=OVER)
        last = _outcome(runner, case, survey)
        seen += last.observations
        if (again := _shown(last, finding)) is not None:
            return Replay(True, last.transcript, tuple(last.observations), again=again, case=case)
        why = _untested(case, last) or (_LEFT if runner.interfaces[case.interface].executor.left else "")
        if why and not _faults(seen):
            return Replay(False, last.transcript, untested=why)
    if ends and not _faults(seen) and (ended := runner.finish(window[-1])) is not None:
        seen += ended.observations
        if (again := _shown(ended, finding)) is not None:
            return Replay(True, ended.transcript, tuple(seen), again=again, case=window[-1])
        last = ended
    transcript = None if last is None else last.transcript
    untested = _unwatched(runner, finding) or _doubt(transcript, seen)
    return Replay(False, transcript, tuple(seen), untested=untested)


def _unwatched(runner: Runner, finding: Finding) -> str:
    """Why a requirement cannot be violated here: signals that it reads never came."""
    missing = runner.watch.never_told().get(finding.observation.requirement, ())
    return (
        f"requirement {finding.observation.requirement} was not judged: no value of {', '.join(missing)}"
        if missing
        else ""
    )


def _outcome(runner: Runner, case: TestCase, survey: bool | None) -> Outcome:
    try:
        return runner.run(case, probe=True, survey=survey)
    except GuardRefused as refusal:
        raise BenchError(f"the case is withheld on this bench: {refusal}") from refusal


def _faults(seen: Sequence[Observation]) -> bool:
    return any(KINDS[observation.kind].blame is Blame.DEVICE for observation in seen)


def _shown(outcome: Outcome, finding: Finding) -> Observation | None:
    return next((o for o in outcome.observations if same_fault(o, finding)), None)


def _untested(case: TestCase, outcome: Outcome) -> str:
    transcript = outcome.transcript
    if not transcript.state_reached:
        proof = f": {transcript.proof}" if transcript.proof else ""
        return f"state '{case.state}' could not be reached, so that the case was not run{proof}"
    return f"the case was withheld in part: {transcript.refused}" if transcript.refused else ""


def _doubt(transcript: Transcript | None, seen: Sequence[Observation]) -> str:
    """Why a window that was played says nothing of the device; "" where it served at the end, or showed a fault."""
    if transcript is None or _faults(seen):
        return ""
    if transcript.link_error:
        return f"the link was lost: {transcript.link_error}"
    if transcript.probe_served is not True:
        return "no probe was served at the end"
    doubts = [observation.summary for observation in seen]
    return doubts[0] if doubts else ""


def same_fault(observation: Observation, finding: Finding) -> bool:
    """The same bucket; or the same fault blamed on another message, seen at another place, or on its way out.

    The same requirement violated, another crash, the same exit status, the same way of falling silent: blame and
    place may differ between tries. Whether a connection is late, hungry or dead is a question of patience, whether a
    device is gone or dead of the moment.
    """
    theirs, ours = finding.observation, observation
    if _is_gone(theirs):
        return _is_gone(ours) or ours.kind is Kind.LINK_LOST
    if ours.kind is theirs.kind and ours.requirement == theirs.requirement:
        if ours.requirement or ours.kind is Kind.CRASH:
            return True
        if ours.kind is Kind.EXIT:
            return ours.fingerprint[:1] == theirs.fingerprint[:1]
        if ours.timed and ours.fingerprint == theirs.fingerprint:
            return True
        if _is_slow(theirs) and _is_slow(ours) and _may_blame_alike(theirs, ours):
            return True
    return (ours.kind, ours.requirement, _sign(ours)) == (theirs.kind, theirs.requirement, _sign(theirs))


def _sign(observation: Observation) -> tuple[str, ...]:
    """Which fields were unusual differs between a case and what is made of it."""
    return (*observation.fingerprint, observation.blames, observation.protocol)


def _is_slow(observation: Observation) -> bool:
    """True for a connection that was silent too long: late, hungry or dead is a question of how it was asked."""
    ways = (Way.LATE.value, Way.FILLED.value, Way.RECONNECTED.value)
    return observation.kind is Kind.SILENCE and observation.fingerprint[:1] in [(way,) for way in ways]


def _may_blame_alike(one: Observation, other: Observation) -> bool:
    """True where both name the same message, or one none: a framer that waits for bytes may do so behind any."""
    return one.blames == other.blames or "" in (one.blames, other.blames)


def _is_gone(observation: Observation) -> bool:
    """True where the link to the device was lost, for good or until it came back by itself."""
    if observation.kind is Kind.EXIT:
        return False
    return observation.fingerprint[:1] in ((LINK_GONE,), (RESTART,))
