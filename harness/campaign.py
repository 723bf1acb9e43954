"""One campaign: cases from the fuzzers, through the runner, to verdicts, findings and events. Prints nothing."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.case import TestCase
from harness.errors import BenchError, GuardRefused
from harness.events import (
    BenchFault,
    CampaignEnded,
    CampaignStarted,
    CaseFinished,
    CaseRefused,
    Event,
    FindingConfirmed,
    FindingDismissed,
)
from harness.finding import Finding, bucket_of
from harness.interfaces import Fuzzer, Listener
from harness.monitors.safety import SafetyMonitor
from harness.runner import Runner
from harness.transcript import Transcript
from harness.triage.replay import confirm
from harness.verdict import BENCH_KINDS, INCONCLUSIVE_KINDS, Kind, Observation, Verdict, verdict_of

_CAUSES = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT, Kind.REBOOT})
_CONSEQUENCES = frozenset({Kind.REBOOT, Kind.SILENCE, Kind.LINK_LOST})
_HISTORY = 16
_SLOW_SHARE, _LOOK_SHARE = 50, 6
_STRETCH = 60
_MARGIN_SECONDS = 1.0
_STAGES, _LOOK_SECONDS = 3, 2.0
_NEAR_SECONDS = 200.0


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: after `cases` executed cases or `seconds` of wall time; None is no limit."""

    cases: int | None = None
    seconds: float | None = None


class Campaign:
    """Runs to its budget, to the end of the cases, to a bench fault, or to `interrupt()`."""

    def __init__(
        self,
        name: str,
        runner: Runner,
        fuzzers: Sequence[Fuzzer],
        safety: SafetyMonitor | None,
        *,
        manifest: Mapping[str, object],
        budget: Budget,
        listeners: Sequence[Listener],
        tries: int,
        horizon: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._runner, self._fuzzers, self._safety = name, runner, fuzzers, safety
        self._manifest, self._budget, self._listeners = manifest, budget, listeners
        self._tries, self._horizon, self._clock = tries, horizon, clock
        self._started = clock()
        self._number = 0
        self._slow_runs = 0
        self._interrupted = False
        self._followed: set[tuple[object, ...]] = set()
        self._baseline: dict[tuple[str, str], frozenset[str]] = {}
        self._history: deque[TestCase] = deque(maxlen=_HISTORY)
        self.findings: dict[str, Finding] = {}

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return self._clock() - self._started

    def interrupt(self) -> None:
        """End in good order after the current case."""
        self._interrupted = True

    def tell(self, event: Event) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener(event)

    def run(self) -> str:
        """Run the campaign on a started target; returns the reason of its end."""
        forecast = {f"{fuzzer.interface}/{fuzzer.name}": fuzzer.forecast() for fuzzer in self._fuzzers}
        self.tell(CampaignStarted(self.name, self._manifest, forecast))
        reason = "exhausted"
        try:
            cases = round_robin(self._fuzzers)
            for fuzzer, case in cases if self._runner.snapshots else by_state(cases):
                if ended := self._ended():
                    reason = ended
                    break
                self._case(fuzzer, case)
        except BenchError as error:
            self.tell(BenchFault(str(error), fatal=True))
            reason = "bench"
        except KeyboardInterrupt:
            reason = "interrupted"
        self.tell(CampaignEnded(reason, self.seconds, self._number))
        return reason

    def _ended(self) -> str:
        if self._interrupted:
            return "interrupted"
        full = self._budget.cases is not None and self._number >= self._budget.cases
        return "budget" if full or self._out_of_time() else ""

    def _out_of_time(self) -> bool:
        late = self._budget.seconds is not None and self.seconds >= self._budget.seconds
        return late or self._interrupted

    def _case(self, fuzzer: Fuzzer, case: TestCase) -> None:
        self._note_baseline(case)
        try:
            transcript, observations = self._runner.run(case)
        except GuardRefused as refusal:
            self.tell(CaseRefused(case, str(refusal)))
            return
        self._number += 1
        self._history.append(case)
        fuzzer.learn(case, transcript, observations)
        verdict = self._judge(case, transcript, observations)
        if verdict is Verdict.PASS:
            self._follow(case, transcript)
        coverage = self._runner.snapshots.coverage() if self._runner.snapshots else 0
        self.tell(CaseFinished(self._number, case, transcript, verdict, self.seconds, coverage))
        if any(observation.kind is Kind.LINK_LOST for observation in observations):
            raise BenchError(transcript.link_error)

    def _judge(self, case: TestCase, transcript: Transcript, observations: Sequence[Observation]) -> Verdict:
        """The verdict; new buckets are replayed first, and a case whose faults did not come back is inconclusive."""
        settled = settle(observations)
        verdict = verdict_of(settled)
        if verdict is not Verdict.FINDING:
            return verdict
        faults = [o for o in settled if o.kind not in BENCH_KINDS | INCONCLUSIVE_KINDS]
        alone = self._one_violation(case, faults)
        confirmed = [self._finding(case, transcript, fault, observations) for fault in alone]
        return Verdict.FINDING if any(confirmed) else Verdict.INCONCLUSIVE

    def _one_violation(self, case: TestCase, faults: Sequence[Observation]) -> Sequence[Observation]:
        """Of several requirements violated at once one counts, a known one first: two faults at once make no reproducer

        for either, and an independent one shows alone in another case. The others are symptoms.
        """
        unsafe = [fault for fault in faults if fault.kind is Kind.UNSAFE_STATE]
        known = [fault for fault in unsafe if self._is_known(bucket_of(fault, case))]
        return [fault for fault in faults if fault not in unsafe or fault is (known or unsafe)[0]]

    def _is_known(self, bucket: str) -> bool:
        return bucket in self.findings and self.findings[bucket].confirmed

    def _finding(
        self, case: TestCase, transcript: Transcript, fault: Observation, symptoms: Sequence[Observation]
    ) -> bool:
        """True when the fault is known or comes back when replayed."""
        bucket = bucket_of(fault, case)
        if self._is_known(bucket):
            return True
        others = tuple(o for o in symptoms if o is not fault)
        finding = Finding(fault, bucket, (case,), transcript, self._number, self.seconds, symptoms=others)
        history = (*list(self._history)[:-1], case)
        finding = confirm(self._runner, finding, history, self._tries, self._out_of_time)
        self.findings[bucket] = finding
        self.tell(FindingConfirmed(finding) if finding.confirmed else FindingDismissed(finding))
        return finding.confirmed

    def _follow(self, case: TestCase, transcript: Transcript) -> None:
        """The slow lane: let time pass after one case of each kind, on to where its new obligations are decided."""
        if self._safety is None or self._runner.snapshots is None or not self._worth_following(case):
            return
        elapsed, seconds = 0.0, _LOOK_SECONDS
        for _ in range(_STAGES):
            case, later, observations = self._runner.follow(case, seconds)
            transcript, elapsed = joined(transcript, later), elapsed + seconds
            if self._judge(case, transcript, observations) is not Verdict.PASS:
                return
            pending = self._new_obligations(case, self._horizon - elapsed)
            if not pending or self._slow_runs > self._number // _SLOW_SHARE + _SLOW_SHARE:
                return
            self._slow_runs += 1
            near = [due for due in pending.values() if due <= _NEAR_SECONDS]
            seconds = max(near or pending.values()) + _MARGIN_SECONDS

    def _worth_following(self, case: TestCase) -> bool:
        """A case that leaves a new obligation, once for each mutation; else one of each kind, a share of all at most.

        The kind is state, way, field and class of mutation. What shows only later needs the second sort.
        """
        origin = case.origin
        way = (case.interface, case.state, origin.path, origin.field)
        pending = self._new_obligations(case, self._horizon)
        if pending and self._slow_runs <= self._number // _SLOW_SHARE + _SLOW_SHARE:
            return self._first((*way, origin.mutation, *pending))
        if len(self._followed) > self._number // _LOOK_SHARE + _SLOW_SHARE:
            return False
        return self._first((*way, origin.mutation.split(" ")[0]))

    def _first(self, key: tuple[str | tuple[str, ...], ...]) -> bool:
        seen = key in self._followed
        self._followed.add(key)
        return not seen

    def _new_obligations(self, case: TestCase, within: float) -> Mapping[str, float]:
        """What is pending now, decided `within` seconds, and was not pending in the state by itself."""
        if self._safety is None:
            return {}
        known = self._baseline.get((case.interface, case.state), frozenset())
        return {name: due for name, due in self._safety.pending().items() if due <= within and name not in known}

    def _note_baseline(self, case: TestCase) -> None:
        """Obligations that are pending in a state by itself, learned before its first case."""
        key = (case.interface, case.state)
        if self._safety is None or self._runner.snapshots is None or key in self._baseline:
            return
        self._runner.enter(self._runner.interfaces[case.interface], case.state)
        self._baseline[key] = frozenset(self._safety.pending())


def joined(first: Transcript, then: Transcript) -> Transcript:
    """One transcript of a case and what followed it."""
    return replace(
        first,
        ended=then.ended,
        exchanges=first.exchanges + then.exchanges,
        samples=first.samples + then.samples,
        console=first.console + then.console,
        events=first.events + then.events,
    )


def settle(observations: Sequence[Observation]) -> list[Observation]:
    """Drop what only follows from something else in the same case: a reboot after a crash, silence after either,

    and a requirement that is violated later than another one. What is dropped stays with the finding as a symptom.
    """
    first = min((o.time for o in observations if o.kind is Kind.UNSAFE_STATE), default=0.0)
    kinds = {observation.kind for observation in observations}
    kept: list[Observation] = []
    for observation in observations:
        causes = kinds & (_CAUSES - {observation.kind})
        reboot_of_crash = observation.kind is Kind.REBOOT and bool(kinds & (_CAUSES - {Kind.REBOOT}))
        follows = observation.kind in _CONSEQUENCES - {Kind.REBOOT} and bool(causes)
        twice = observation.kind is Kind.REBOOT and any(o.kind is Kind.REBOOT for o in kept)
        later = observation.kind is Kind.UNSAFE_STATE and observation.time > first
        if not (reboot_of_crash or follows or twice or later):
            kept.append(observation)
    return kept


def by_state(cases: Iterable[tuple[Fuzzer, TestCase]]) -> Iterator[tuple[Fuzzer, TestCase]]:
    """The same cases, a stretch at a time, with those of one state together: reaching a state costs a device time."""
    source = iter(cases)
    while stretch := list(itertools.islice(source, _STRETCH)):
        yield from sorted(stretch, key=lambda pair: (pair[1].interface, pair[1].state))


def round_robin(fuzzers: Sequence[Fuzzer]) -> Iterator[tuple[Fuzzer, TestCase]]:
    """One case from each fuzzer in turn, until all are exhausted."""
    sources = [(fuzzer, fuzzer.cases()) for fuzzer in fuzzers]
    while sources:
        alive: list[tuple[Fuzzer, Iterator[TestCase]]] = []
        for fuzzer, cases in sources:
            case = next(cases, None)
            if case is not None:
                alive.append((fuzzer, cases))
                yield fuzzer, case
        sources = alive
