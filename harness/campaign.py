"""One campaign: cases from the fuzzers, through the runner, to verdicts, findings and events. Prints nothing."""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.case import TestCase
from harness.errors import BenchError, GuardRefused, MedfuzzError
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
from harness.slow_lane import SlowLane
from harness.transcript import Transcript
from harness.triage.replay import LINK_GONE, confirm
from harness.verdict import BENCH_KINDS, INCONCLUSIVE_KINDS, Kind, Observation, Verdict, verdict_of

_ENDS = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT})
_EXPLAINED_BY = {
    Kind.REBOOT: _ENDS,
    Kind.SILENCE: _ENDS | {Kind.REBOOT},
    Kind.LINK_LOST: _ENDS | {Kind.REBOOT, Kind.SILENCE},
}
_HISTORY = 16
_IN_A_ROW = {"unreached": 20, "refused": 2000}
_SHOWN = 400
_STRETCH = 60
_WAYS = 3  # findings of one requirement: each further way to violate it costs replays and tells little
REMEDY = "Give [target] a channel or a reset_command that brings the device back, or correct states and forbidden"


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
        self.name, self._runner, self._fuzzers = name, runner, fuzzers
        self._manifest, self._budget, self._listeners = manifest, budget, listeners
        self._tries, self._clock = tries, clock
        self._slow_lane = SlowLane(runner, safety, horizon) if safety is not None and runner.snapshots else None
        self._started = clock()
        self._number = 0
        self._interrupted = False
        self._row, self._unreplayed = ("", 0), ""
        self._history: deque[TestCase] = deque(maxlen=_HISTORY)
        self.findings: dict[str, Finding] = {}
        self._ways = Counter[str]()

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
        except MedfuzzError as error:
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
        if self._slow_lane is not None:
            self._slow_lane.note_baseline(case)
        try:
            transcript, observations = self._runner.run(case)
        except GuardRefused as refusal:
            self.tell(CaseRefused(case, str(refusal)))
            self._in_a_row("refused", str(refusal))
            return
        if transcript.refused:
            self.tell(CaseRefused(case, transcript.refused))
        self._number += 1
        self._history.append(case)
        if transcript.state_reached:
            self._row = ("", 0)
        else:
            self._in_a_row("unreached", unreached(case.state, case.interface))
        fuzzer.learn(case, transcript, observations)
        verdict = self._judge(case, transcript, observations)
        if verdict is Verdict.PASS and self._slow_lane is not None:
            for longer, whole, seen in self._slow_lane.follow(case, transcript, self._number):
                if self._judge(longer, whole, seen) is not Verdict.PASS:
                    break
        lost = any(observation.kind is Kind.LINK_LOST for observation in settle(observations))
        self._conclude(case, transcript, verdict, lost=lost)

    def _conclude(self, case: TestCase, transcript: Transcript, verdict: Verdict, *, lost: bool) -> None:
        """Tell the case; raises BenchError where the link is gone by no fault of the device, or a replay failed."""
        failed = ""
        if lost and self._is_the_devices_fault(case, transcript):
            verdict = Verdict.FINDING
        elif lost and verdict is not Verdict.FINDING:
            failed = f"{transcript.link_error}; it broke in {self._suspect(case, transcript)}"
        failed = failed or self._unreplayed
        if failed and verdict is not Verdict.FINDING:
            verdict = Verdict.BENCH_FAULT
        coverage = self._runner.snapshots.coverage() if self._runner.snapshots else 0
        self.tell(CaseFinished(self._number, case, transcript, verdict, self.seconds, coverage))
        if failed:
            raise BenchError(failed)

    def _in_a_row(self, what: str, words: str) -> None:
        """A campaign that tests nothing any more ends as a bench fault instead of going on for a night."""
        self._row = (what, self._row[1] + 1 if self._row[0] == what else 1)
        if self._row[1] >= _IN_A_ROW[what]:
            raise BenchError(f"{self._row[1]} cases in a row were not tested: {words}. {REMEDY}")

    def _is_the_devices_fault(self, case: TestCase, transcript: Transcript) -> bool:
        """A link that broke and does not open again: the device's if it breaks again when replayed after a reset."""
        last = case.messages[-1] if case.messages else ""
        words = f"the link is lost for good after {last}: {transcript.link_error}"
        fault = Observation(Kind.SILENCE, "link", words, transcript.ended, (LINK_GONE, last))
        if not self._runner.target.can_reset() or not self._finding(case, transcript, fault, ()):
            return False
        self._runner.fresh()
        return True

    def _suspect(self, case: TestCase, transcript: Transcript) -> str:
        """The case in words, with the last bytes of its own that went out."""
        sent = [exchange.sent for exchange in transcript.exchanges if exchange.message in case.messages]
        origin = " ".join((*case.origin.path, case.origin.field, case.origin.mutation)).strip()
        return f"case {self._number}, {case.id}: {origin}, sent {b''.join(sent[-1:]).hex()[:_SHOWN]}"

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
        """Of several requirements violated at once one counts, a known one first; the others are symptoms.

        Two faults at once make no reproducer for either, and an independent one shows alone in another case.
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
        if self._is_known(bucket) or self._ways[fault.requirement] >= _WAYS:
            return True
        others = tuple(o for o in symptoms if o is not fault)
        finding = Finding(fault, bucket, (case,), transcript, self._number, self.seconds, symptoms=others)
        history = (*list(self._history)[:-1], case)
        try:
            finding = confirm(self._runner, finding, history, self._tries, self._out_of_time)
        except BenchError as error:
            self._unreplayed = f"{fault.summary}: cannot be replayed ({error}); {self._suspect(case, transcript)}"
            self.tell(FindingDismissed(finding))
            return False
        self.findings[bucket] = finding
        if finding.confirmed and fault.requirement:
            self._ways[fault.requirement] += 1
        self.tell(FindingConfirmed(finding) if finding.confirmed else FindingDismissed(finding))
        return finding.confirmed


def unreached(state: str, interface: str) -> str:
    """In words, for a campaign's bench fault and for `check` before it."""
    return f"state '{state}' of '{interface}' cannot be reached"


def settle(observations: Sequence[Observation]) -> list[Observation]:
    """What counts by itself; what only follows from something else in the same case stays with that as a symptom.

    Left out: a restart beside a crash, hang or exit; silence or a lost link beside any of these or a restart; a second
    sign of one restart; a requirement that is violated later than another.
    """
    kinds = {observation.kind for observation in observations}
    first = min((o.time for o in observations if o.kind is Kind.UNSAFE_STATE), default=0.0)
    kept: list[Observation] = []
    for observation in observations:
        explained = bool(kinds & _EXPLAINED_BY.get(observation.kind, frozenset()))
        again = observation.kind is Kind.REBOOT and any(o.kind is Kind.REBOOT for o in kept)
        later = observation.kind is Kind.UNSAFE_STATE and observation.time > first
        if not (explained or again or later):
            kept.append(observation)
    return kept


def by_state(cases: Iterable[tuple[Fuzzer, TestCase]]) -> Iterator[tuple[Fuzzer, TestCase]]:
    """The same cases, a stretch at a time, with those of one state together: reaching a state costs a device time."""
    source = iter(cases)
    while stretch := list(itertools.islice(source, _STRETCH)):
        yield from sorted(stretch, key=lambda pair: (pair[1].interface, pair[1].state))


def round_robin(fuzzers: Sequence[Fuzzer]) -> Iterator[tuple[Fuzzer, TestCase]]:
    """One case from each fuzzer in turn, of some not in every round, until all are exhausted."""
    sources = {fuzzer: fuzzer.cases() for fuzzer in fuzzers}
    for number in itertools.count():
        for fuzzer in [fuzzer for fuzzer in sources if number % fuzzer.every == 0]:
            case = next(sources[fuzzer], None)
            if case is None:
                del sources[fuzzer]
            else:
                yield fuzzer, case
        if not sources:
            return
