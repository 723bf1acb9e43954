"""One campaign: cases from the fuzzers, through the runner, to verdicts, findings and events. Prints nothing."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain

from harness.attribution import attributed, growth
from harness.budget import Budget
from harness.case import Send, TestCase
from harness.costs import Usual
from harness.deck import Deck
from harness.errors import BenchError, GuardRefused, LinkError, MedfuzzError, OwnError
from harness.events import (
    BenchFault,
    CampaignEnded,
    CampaignResumed,
    CampaignStarted,
    CaseFinished,
    CaseLeftOut,
    CaseRefused,
    CaseSettled,
    Event,
    FindingConfirmed,
    FindingDismissed,
    FindingMinimized,
    FindingSuspected,
)
from harness.finding import LINK_GONE, Finding, bucket_of
from harness.interfaces import Fuzzer, Listener, Looks
from harness.judge import faults_of, link_is_lost, settle
from harness.known.baseline import statuses_of
from harness.ledger import Ledger
from harness.monitors.safety import SafetyMonitor
from harness.novelty import Novelty
from harness.order import Planned
from harness.outcome import Measures, Outcome
from harness.owed import Owed, is_suspicion
from harness.own import own_error
from harness.position import CampaignState
from harness.runner import MEMORY, Runner
from harness.scope import Scope
from harness.slow_lane import SlowLane, SlowLaneState
from harness.sparing import Sparing
from harness.summary import failing
from harness.transcript import Transcript, Way
from harness.triage.confirm import Confirmation
from harness.triage.desk import Desk
from harness.triage.replay import ways_back
from harness.unproven import Held, Unproven
from harness.verdict import Kind, Observation, Verdict, verdict_of

_HISTORY = 16
_REFUSED_IN_A_ROW = 2000
_OWN_IN_A_ROW, _OWN_IN_ALL = 3, 20
_SEARCH_SECONDS = 20.0
_SHOWN = 400
_DEADLY = "it has ended the process that ran it more than once"


class _EverythingLostError(Exception):
    """No interface answers any more; why is told already."""


@dataclass(slots=True)
class _Counts:
    """Where a campaign stands: cases run, those since anything was new, rows and sums of what was not tested."""

    number: int = 0
    refused: int = 0
    quiet: int = 0
    own_row: int = 0
    own: int = 0
    told: set[str] = field(default_factory=set[str])


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
        triage: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._runner, self._fuzzers = name, runner, fuzzers
        self._manifest, self._budget, self._listeners = manifest, budget, listeners
        self._clock = clock
        self._slow_lane = SlowLane(runner, safety, horizon) if safety is not None and runner.independent else None
        search = math.inf if runner.independent else _SEARCH_SECONDS
        self._counts, self._scope, self._ledger = _Counts(), Scope(), Ledger()
        self._confirmation = Confirmation(runner, tries, self._cut_short, search=search, known=self._ledger.knows)
        self._desk = Desk(
            runner,
            {name: interface.protocol for name, interface in runner.interfaces.items()},
            tries=tries,
            seconds=triage,
            stop=self._out_of_time,
            tell=self._minimized,
            planned=budget.planned,
            left=lambda: budget.planned - self.seconds,
        )
        self._started, self._effort_before = clock(), -runner.effort()
        self._interrupted = self._cut = self._concluded = False
        self._sparing = Sparing() if runner.independent else Sparing(_usual(runner))
        self._unproven = Unproven(budget.planned)
        self._again = list[Planned]()
        self._deck = Deck(fuzzers, self._fuzzer_failed, saves=not runner.independent)
        self._owed = Owed()
        self._resumed: tuple[Finding, ...] | None = None
        self._history: deque[Planned] = deque(maxlen=_HISTORY if runner.independent else MEMORY)
        self._life = runner.lives
        self._unreplayed = ""
        self._shown: list[str] = []
        self._learning = list(fuzzers)
        self._at: Callable[[int | None], None] = _nowhere
        self._passed_over: Collection[int] = ()
        self._novelty = {name: Novelty(interface.protocol) for name, interface in runner.interfaces.items()}
        self._last: TestCase | None = None  # the one before, where the device served behind it

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return self._clock() - self._started

    @property
    def _effort(self) -> float:
        return self._runner.effort() + self._effort_before

    @property
    def findings(self) -> Mapping[str, Finding]:
        """Those that were replayed, by bucket."""
        return self._ledger.findings

    def interrupt(self) -> None:
        """End in good order after the current case."""
        self._interrupted = True

    def mark(self, at: Callable[[int | None], None], passed_over: Collection[int]) -> None:
        """`at` is told the place of each case before it runs, and None behind it; some places are `passed_over`."""
        self._at, self._passed_over = at, passed_over

    def conclude(self) -> None:
        """End after the current case as when enough is found: what was found is made smaller first."""
        self._concluded = True

    def spare(self, bucket: str) -> None:
        """Another worker has made this finding small."""
        self._desk.drop(bucket)

    def tell(self, event: Event) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener(event)

    def take(self, finding: Finding) -> None:
        """One that was confirmed before the first case: it is told, and counts like the campaign's own.

        It keeps the id that it is known by, also where today's would be another.
        """
        if told := self._ledger.enter(bucket_of(finding.observation), finding):
            self.tell(FindingConfirmed(told))

    # -- from the first case to the last --------------------------------------------------------------------------

    def run(self) -> str:
        """Run the campaign on a started target; returns the reason of its end."""
        try:
            forecast = {f"{fuzzer.interface}/{fuzzer.name}": fuzzer.forecast() for fuzzer in self._fuzzers}
            self.tell(CampaignStarted(self.name, self._manifest, forecast))
            if self._resumed is not None:
                self.tell(CampaignResumed(self._counts.number, self.seconds, self._resumed))
            reason = self._run_cases()
            self._end_session()
            if reason != "interrupted":
                self._settle_owed()
            self._prove(over=True)
            self._desk.finish(self._effort)
            self._scope.require_any()
        except _EverythingLostError:
            reason = "bench"
        except MedfuzzError as error:
            self.tell(BenchFault(str(error), fatal=True))
            reason = "bench"
        except KeyboardInterrupt:
            reason = "interrupted"
        self.tell_owed()
        self.tell(CampaignEnded(reason, self.seconds, self._counts.number, self._sparing.waiting))
        return reason

    def _run_cases(self) -> str:
        """Until there are no more, or no more are wanted: why."""
        cases = iter(self._cases())
        self._settled()
        while not self._interrupted:
            if self._has_found_enough():
                return "findings"
            if (planned := next(cases, None)) is None:
                return "exhausted"
            if self._is_spent():
                return "budget"
            if self._budget.is_quiet(self._counts.quiet):
                return "quiet"
            if self._owed.are_due(self._counts.number):
                self._settle_owed()
            self._try(planned)
            if self._desk.advance(self._effort):
                self._last = None  # the device has met replays since
            self._prove()
            self._settled()
        self._settled()
        return "interrupted"

    def _settled(self) -> None:
        """Another run can go on from here, unless a replay was cut short."""
        if not self._cut:
            self.tell(CaseSettled(last=self._interrupted))

    def _cases(self) -> Iterator[Planned]:
        return self._deck if self._runner.independent else chain(self._again, self._sparing.ordered(self._deck))

    def _fuzzer_failed(self, fuzzer: Fuzzer, error: Exception) -> None:
        """One that raises gives no more cases, or learns no more; the run has failed by it, and the others go on."""
        self.tell(BenchFault(str(own_error(error, f"fuzzer '{fuzzer.name}' of '{fuzzer.interface}'")), fatal=True))

    def _is_spent(self) -> bool:
        return self._budget.has_run(self._counts.number + len(self._unproven)) or self._is_late()

    def _has_found_enough(self) -> bool:
        if self._concluded or not self._budget.ends_by_findings:
            return self._concluded
        found = tuple(f for f in self.findings.values() if f.confirmed and not f.same_as)
        return self._budget.has_enough(failing(found, statuses_of(self._manifest, found)))

    def _is_late(self) -> bool:
        return self.seconds >= self._budget.planned

    def _out_of_time(self) -> bool:
        return self._is_late() or self._interrupted

    def _cut_short(self) -> bool:
        """True ends a replay where it stands: what it was to show is not known then."""
        self._cut |= self._interrupted
        return self._out_of_time()

    def _try(self, planned: Planned) -> None:
        """One case, whatever becomes of it; raises BenchError, UsageError for what ends the campaign."""
        case = planned.case
        if why := self._scope.left_out(case) or (_DEADLY if planned.place in self._passed_over else ""):
            self.tell(CaseLeftOut(case, why))
            return
        self._at(planned.place)
        self._survive(case, lambda: self._case(planned))
        self._at(None)

    def _survive(self, case: TestCase, act: Callable[[], None]) -> None:
        try:
            act()
        except LinkError as error:
            self._lost(case, error)
        except OwnError as error:
            self._own_trouble(case, error)
        except MedfuzzError:
            raise
        except Exception as error:  # noqa: BLE001  whoever raised it, it was not the device
            self._own_trouble(case, own_error(error, f"case {case.id}"))
        else:
            self._counts.own_row = 0

    def _end_session(self) -> None:
        """What kills a device only when its link is cut, or some time later, may have been in the last case."""
        case, self._last = self._last, None
        if case is not None and not self._interrupted:
            self._survive(case, lambda: self._finish(case))

    def _finish(self, case: TestCase) -> None:
        """Raises LinkError where the device is gone at the end by no fault that a replay shows again."""
        if (outcome := self._runner.finish(case)) is None:
            return
        verdict = self._judge(case, outcome)
        if verdict is not Verdict.FINDING and link_is_lost(settle(outcome.observations)):
            raise LinkError(f"{outcome.transcript.link_error}; it broke at the end of the session")

    def _case(self, planned: Planned) -> None:
        case = planned.case
        if self._slow_lane is not None:
            self._slow_lane.note_baseline(case)
        self._counts.number += 1
        self._forget_earlier_lives()
        try:
            outcome = self._run(planned)
        except GuardRefused as refusal:
            self._counts.number -= 1
            self._refused(case, str(refusal))
            return
        except LinkError:
            self._counts.number -= 1
            raise
        if outcome.transcript.refused:
            self.tell(CaseRefused(case, outcome.transcript.refused))
        self._counts.refused = 0
        self._remember(planned)
        if not self._runner.independent:
            self._sparing.took(case, outcome.transcript)
        outcome = self._learn(case, outcome)
        trouble = self._runner.watch.take_trouble()
        if trouble is None and (held := self._held(planned, outcome)) is not None:
            self._counts.number -= 1
            self._unproven.hold(held)
            self._last = None
            return
        verdict = self._judge(case, outcome)
        if trouble is not None and verdict is not Verdict.FINDING:
            raise trouble
        measures = outcome.measures
        if verdict is Verdict.PASS and self._slow_lane is not None:
            for longer, whole in self._slow_lane.follow(case, outcome, self._counts.number):
                measures = replace(whole.measures, news=measures.news)
                if self._judge(longer, whole) is not Verdict.PASS:
                    break
        self._last = case if verdict is Verdict.PASS else None
        self._conclude(case, outcome if measures is outcome.measures else replace(outcome, measures=measures), verdict)
        self._note_state(case, outcome.transcript)

    def _held(self, planned: Planned, outcome: Outcome) -> Held | None:
        """The case as it is to be kept, where it is not judged yet: it shows something new, and all of it can wait.

        Who ends at a finding, or goes on from a run that told some, does not wait.
        """
        hurried = self._budget.ends_by_findings or bool(self._owed)
        settled = settle(outcome.observations)
        if self._runner.independent or hurried or verdict_of(settled) is not Verdict.FINDING:
            return None
        faults = tuple(faults_of(settled, planned.case, self._ledger.knows))
        buckets = [self._bucket(fault, planned.case) for fault in faults]
        is_new = any(self._ledger.verdict(*one) is None for one in zip(buckets, faults, strict=True))
        if not is_new or not self._unproven.waits(faults, outcome.transcript, self.seconds):
            return None
        return Held(planned, outcome, faults, self._met(planned.case))

    def _prove(self, *, over: bool = False) -> None:
        """Judge what was held and has its time now; all of it where the run is `over`, as far as there is time."""
        while (held := self._unproven.due(self.seconds, over=over)) is not None:
            if self._out_of_time():
                self._unproven.drop(frozenset(map(bucket_of, held.faults)))
            self._last, case = None, held.planned.case
            self._at(held.planned.place)
            self._survive(case, partial(self._decide, held))
            self._at(None)

    def _decide(self, held: Held) -> None:
        self._counts.number += 1
        case, outcome = held.planned.case, held.outcome
        self._conclude(case, outcome, self._judge(case, outcome, held.history))
        self._note_state(case, outcome.transcript)

    def _met(self, case: TestCase) -> tuple[TestCase, ...]:
        """What the device has met since it was last started, replays among it, the case at the end."""
        own = (*(planned.case for planned in list(self._history)[:-1]), case)
        met = tuple(self._runner.met)
        return met if len(met) > len(own) and met[-1] is case else own

    def _run(self, planned: Planned) -> Outcome:
        fuzzer, case = planned.fuzzer, planned.case
        looks = isinstance(fuzzer, Looks) and fuzzer.looks(case)
        return self._runner.looked_into(case) if looks else self._runner.run(case)

    def _learn(self, case: TestCase, outcome: Outcome) -> Outcome:
        """The outcome with what is new in it, of which the fuzzers of the interface learn."""
        news = self._novelty[case.interface].of(case.state, outcome)
        self._counts.quiet = 0 if news else self._counts.quiet + 1
        seen = outcome.measures
        measures = Measures(seen.edges, seen.watched, news, seen.compared)
        told = Outcome(outcome.transcript, outcome.observations, measures)
        for fuzzer in self._learning:
            if fuzzer.interface == case.interface:
                self._teach(fuzzer, case, told)
        return told

    def _teach(self, fuzzer: Fuzzer, case: TestCase, outcome: Outcome) -> None:
        """One that raises learns nothing any more."""
        try:
            fuzzer.learn(case, outcome)
        except Exception as error:  # noqa: BLE001  a fuzzer may be a user's own
            self._learning = [other for other in self._learning if other is not fuzzer]
            self._fuzzer_failed(fuzzer, error)

    def _forget_earlier_lives(self, *, kept: int = 0) -> None:
        """The history is what the device has met since it was last started, and `kept` cases before."""
        if self._life != self._runner.lives and not self._runner.independent:
            while len(self._history) > kept:
                self._history.popleft()
        self._life = self._runner.lives

    def _remember(self, planned: Planned) -> None:
        """A device that was started on the way to this case may have died of the last one, when its link was closed."""
        self._forget_earlier_lives(kept=1)
        self._history.append(planned)

    def _note_state(self, case: TestCase, transcript: Transcript) -> None:
        if transcript.state_reached:
            self._scope.note_reached(case)
        elif words := self._scope.note_unreached(case, transcript.proof, ran=bool(transcript.exchanges)):
            self.tell(BenchFault(words, fatal=False))

    def _refused(self, case: TestCase, reason: str) -> None:
        """A campaign that tests nothing any more ends as a bench fault instead of going on for a night."""
        self.tell(CaseRefused(case, reason))
        self._counts.refused += 1
        if self._counts.refused >= _REFUSED_IN_A_ROW:
            raise BenchError(f"{self._counts.refused} cases in a row were not tested: {reason}. See `forbidden`")

    def _conclude(self, case: TestCase, outcome: Outcome, verdict: Verdict) -> None:
        """Tell the case; raises LinkError where the link is gone by no fault of the device, or a replay failed."""
        transcript, failed = outcome.transcript, self._unreplayed
        self._unreplayed = ""
        if link_is_lost(settle(outcome.observations)):
            if self._is_the_devices_fault(case, transcript):
                verdict = Verdict.FINDING
            elif verdict is not Verdict.FINDING:
                failed = f"{transcript.link_error}; it broke in {self._suspect(case, transcript)}{self._now(case)}"
        if failed and verdict is not Verdict.FINDING:
            verdict = Verdict.BENCH_FAULT
        self._finished(case, outcome, verdict)
        if not failed and verdict is not Verdict.FINDING and self._stays_dead(transcript):
            failed = f"no probe is served any more on '{case.interface}'; {self._suspect(case, transcript)}"
        if failed:
            raise LinkError(failed)

    def _stays_dead(self, transcript: Transcript) -> bool:
        """True for a device that serves no more, where neither the bench nor a person can bring it back."""
        dead = transcript.service is not None and transcript.service.way is Way.NEVER
        return dead and not self._runner.revives

    def _finished(self, case: TestCase, outcome: Outcome, verdict: Verdict) -> None:
        number, coverage, shown = self._counts.number, self._runner.coverage(), tuple(dict.fromkeys(self._shown))
        self._shown = []
        words = (number, case, outcome.transcript, verdict, self.seconds, coverage)
        self.tell(CaseFinished(*words, outcome.measures, shown))

    # -- trouble that is not the device's -------------------------------------------------------------------------

    def _own_trouble(self, case: TestCase, error: OwnError) -> None:
        """It ends the case. Raises BenchError when it comes again and again."""
        counts = self._counts
        counts.own_row, counts.own = counts.own_row + 1, counts.own + 1
        now = self._runner.target.now()
        self._finished(case, Outcome(Transcript(case.id, (), now, now)), Verdict.BENCH_FAULT)
        self._runner.give_up()
        words = f"{error} It ended case {counts.number}, {case.id}: {_bytes_of(case)}"
        if counts.own_row >= _OWN_IN_A_ROW or counts.own >= _OWN_IN_ALL:
            raise BenchError(words) from error
        place = str(error).partition(": ")[2]  # behind what names the case
        if place not in counts.told:
            counts.told.add(place)
            self.tell(BenchFault(words, fatal=False))

    def _lost(self, case: TestCase, error: LinkError) -> None:
        """The device is not back, and nothing at hand brings it back: a person may; else the other interfaces go on."""
        self._runner.give_up()
        if self._is_revived():
            return
        self.tell(BenchFault(str(error), fatal=True))
        self._scope.lose(case.interface, f"interface '{case.interface}' is lost: {error}")
        left = [name for name in self._runner.interfaces if not self._scope.is_lost(name)]
        if not any(self._answers(name) for name in left):
            raise _EverythingLostError from error

    def _is_revived(self) -> bool:
        """True when a person has brought the device back."""
        if self._runner.target.can_reset() or not self._runner.revives:
            return False
        try:
            self._runner.fresh()
        except LinkError:
            return False
        return True

    def _answers(self, name: str) -> bool:
        try:
            return self._runner.contact(name) is not None
        except LinkError:
            return False

    def _is_the_devices_fault(self, case: TestCase, transcript: Transcript) -> bool:
        """A link that broke and does not open again: the device's if it breaks again when replayed after a reset."""
        last = case.messages[-1] if case.messages else ""
        words = f"the link is lost for good after {last}: {transcript.link_error}"
        fault = Observation(Kind.SILENCE, "link", words, transcript.ended, (LINK_GONE,), blames=last)
        protocol = self._runner.interfaces[case.interface].protocol
        (fault,) = attributed((fault,), case, transcript, protocol)
        if not self._runner.revives or not self._finding(case, transcript, fault, ()):
            return False
        self._runner.fresh()
        return True

    def _now(self, case: TestCase) -> str:
        """Why no link opens since, where one does not."""
        refusal = self._runner.interfaces[case.interface].executor.connection.refusal
        return f"; since then {refusal}" if refusal else ""

    def _suspect(self, case: TestCase, transcript: Transcript) -> str:
        """The case in words, with the last bytes of its own that went out."""
        sent = [exchange.sent for exchange in transcript.exchanges if exchange.message in case.messages]
        origin = " ".join((*case.origin.path, case.origin.field, case.origin.mutation)).strip()
        return f"case {self._counts.number}, {case.id}: {origin}, sent {b''.join(sent[-1:]).hex()[:_SHOWN]}"

    # -- findings -------------------------------------------------------------------------------------------------

    def _judge(self, case: TestCase, outcome: Outcome, history: Sequence[TestCase] = ()) -> Verdict:
        """The verdict; new buckets are replayed first, and a case whose faults did not come back is inconclusive.

        `history` is what the device had met, where it has met more since.
        """
        settled = settle(outcome.observations)
        verdict = verdict_of(settled)
        if verdict is not Verdict.FINDING:
            return verdict
        faults = faults_of(settled, case, self._ledger.knows)
        try:
            found = [self._finding(case, outcome.transcript, fault, outcome.observations, history) for fault in faults]
        except KeyboardInterrupt:
            self._finished(case, outcome, Verdict.INCONCLUSIVE)
            raise
        return Verdict.FINDING if any(found) else Verdict.INCONCLUSIVE

    def _bucket(self, fault: Observation, case: TestCase) -> str:
        """Where it is filed: beside those known findings that take a longer field than any that the case has."""
        protocol = self._runner.interfaces[case.interface].protocol

        def is_longer(known: Finding) -> bool:
            return growth([case], protocol) < growth(known.window, protocol) < math.inf

        return self._ledger.beside(bucket_of(fault), is_longer)

    def _finding(
        self,
        case: TestCase,
        transcript: Transcript,
        fault: Observation,
        symptoms: Sequence[Observation],
        history: Sequence[TestCase] = (),
    ) -> bool:
        """True when the fault is known or comes back when replayed."""
        bucket = self._bucket(fault, case)
        if (known := self._ledger.verdict(bucket, fault)) is not None:
            if known:
                self._shown.append(self._ledger.filed(bucket))
                self._sparing.note(case, fault, transcript)
            return known
        others = tuple(o for o in symptoms if o is not fault)
        number, seconds = self._counts.number, self.seconds
        finding = Finding(fault, bucket, (case,), transcript, number, seconds, symptoms=others)
        self.tell(FindingSuspected(finding))
        try:
            finding = self._confirmation.confirm(finding, history or self._met(case))
        except BenchError as error:
            self._unreplayed = f"{fault.summary}: cannot be replayed ({error}); {self._suspect(case, transcript)}"
            self.tell(FindingDismissed(finding))
            return False
        except KeyboardInterrupt:
            self.tell(FindingDismissed(finding))
            raise
        finally:
            self._unproven.spent(self.seconds - seconds, fault)
        self._trust(finding)
        self._shown += [finding.bucket] if finding.confirmed else []
        self._file(bucket, finding)
        return finding.confirmed

    def _trust(self, finding: Finding) -> None:
        """How the device comes back, as replays have shown; not any more where they show nothing of the kind."""
        ladder = self._runner.interfaces[finding.case.interface].ladder
        if finding.observation.timed:
            ladder.trusted = ladder.trusted | ways_back(finding.transcript) if finding.confirmed else frozenset()

    def _file(self, bucket: str, finding: Finding) -> None:
        """Tell what is new; what an earlier run has announced is not taken back."""
        announced = self._owed.is_announced(finding.bucket)
        told = self._ledger.enter(bucket, finding)
        if told is not None and (told.confirmed or not announced):
            self.tell(FindingConfirmed(told) if told.confirmed else FindingDismissed(told))
            if told.confirmed and told.minimized is None:
                self._desk.take(told, self._confirmation.replay_seconds)

    def _minimized(self, finding: Finding) -> None:
        self.tell(FindingMinimized(self._ledger.renew(finding)))

    # -- from one run to the next ---------------------------------------------------------------------------------

    def state(self) -> CampaignState:
        """Where it stands, when `CaseSettled` was told."""
        return CampaignState(
            seconds=self.seconds,
            effort=self._effort,
            cases=self._counts.number,
            refused=self._counts.refused,
            quiet=self._counts.quiet,
            deck=self._deck.state(),
            history=tuple(planned.place for planned in self._history),
            sparing=self._sparing.state(),
            places=self._scope.places(),
            ledger=self._ledger.state(),
            desk=self._desk.state(),
            suspect=self._confirmation.suspect,
            slow_lane=self._slow_lane.state() if self._slow_lane is not None else SlowLaneState(),
            walked=tuple(sorted(self._runner.walked)),
            edges=self._runner.edges(),
            resets=self._runner.resets.used,
            novelty={name: one.state() for name, one in self._novelty.items()},
            held=self._unproven.places,
        )

    def restore(self, state: CampaignState, findings: Sequence[Finding]) -> None:
        """Go on where another campaign stood, before `run`. `findings` are all that it told.

        What it told behind that place, and what it had no time to replay, is looked at first. Raises UsageError where
        the fuzzers do not give the same cases.
        """
        planned = self._deck.skip(state.deck, {*state.history, *state.sparing.waiting, *state.held})
        self._again = [planned[place] for place in state.held]
        found = {finding.bucket: finding for finding in findings}
        self._started = self._clock() - state.seconds
        self._effort_before = state.effort - self._runner.effort()
        counts = self._counts
        counts.number, counts.refused, counts.quiet = state.cases, state.refused, state.quiet
        self._history.extend(planned[place] for place in state.history)
        self._sparing.restore(state.sparing, planned)
        self._scope.restore(state.places)
        self._ledger.restore(state.ledger, found)
        self._desk.restore(state.desk, found)
        self._confirmation.suspect = state.suspect
        if self._slow_lane is not None:
            self._slow_lane.restore(state.slow_lane)
        self._runner.know(state.edges)
        self._runner.walked.update(state.walked)
        self._runner.resets.used = state.resets
        for name, seen in state.novelty.items():
            self._novelty[name].restore(seen)
        self.owe(findings, after=state.cases)

    def owe(self, findings: Sequence[Finding], *, after: int = 0) -> None:
        """Findings that an earlier run told: those of cases `after` that place, and those it had no time to replay."""
        self._resumed = tuple(findings)
        self._owed.owe(findings, after=after)

    def _settle_owed(self) -> None:
        """What the cases have not shown again by themselves: suspicions are replayed, the others taken as told."""
        for finding in self._owed.settled():
            if not self._ledger.knows(finding.bucket):
                self._file(finding.bucket, self._replayed(finding) if is_suspicion(finding) else finding)

    def _replayed(self, finding: Finding) -> Finding:
        try:
            return self._confirmation.confirm(finding, finding.window)
        except BenchError:
            return finding

    def tell_owed(self) -> None:
        """What an earlier run announced is told by this one, too, where it has ended too early to look."""
        for finding in self._owed.settled():
            self.tell(FindingConfirmed(finding) if finding.confirmed else FindingDismissed(finding))


def _usual(runner: Runner) -> Usual:
    """The messages of all interfaces as they stand."""
    protocols = {name: interface.protocol for name, interface in runner.interfaces.items()}
    return {(name, message): send for name, of in protocols.items() for message, send in of.usual.items()}


def _nowhere(_place: int | None) -> None:
    pass


def _bytes_of(case: TestCase) -> str:
    """What the case would send, live fields as in the template."""
    return " ".join(step.data.hex() for step in case.steps if isinstance(step, Send))[:_SHOWN] or "it sends nothing"
