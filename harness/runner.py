"""Brings the target to a case's state, runs the case, and asks the monitors what they saw."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from harness.attribution import attributed
from harness.case import Origin, Send, TestCase, Wait
from harness.errors import GuardRefused, LinkClosed, LinkError, MedfuzzError, OwnError
from harness.executor import Executor
from harness.interfaces import Compares, Covers, Fences, Frame, Listens, Monitor, Restores, Target, Works
from harness.ladder import Served
from harness.latency import Haste
from harness.load import Load
from harness.outcome import Measures, Outcome
from harness.own import own_error
from harness.states import UNANSWERED, Interface, KeptStates, ReachedStates, Resets, Walker, carriers, record
from harness.transcript import Service, TargetEvent, Transcript, Way
from harness.verdict import Observation
from harness.watch import Watch

Ask = Callable[[str], bool]
SURVEY_EVERY = 64
MEMORY = 128  # cases
LINGER_SECONDS = 0.5
ENDED = "end of session"
_INSTRUCTIONS_A_SECOND, _RUN_SECONDS = 50e6, 0.002  # of a usual machine


@dataclass(slots=True)
class _Progress:
    """How far a case has come: why its link is lost, whether the device closed it, what the guard withheld.

    `since`: from when on the device was sought in vain, None where it was not.
    `trouble` is an exception of a callback. A device that is gone makes one fail, too, and then it is the device's.
    """

    broken: str = ""
    closed: bool = False
    since: float | None = None
    refused: str = ""
    trouble: OwnError | None = None


class Runner:
    """Runs cases on one target. One that `Restores` starts every case from a kept state; else states are reached anew.

    `settle` is how long the device needs after a restart before it serves, in target seconds. `max_resets` bounds
    the resets of a target that does not restore (0: no bound). `lives` counts how often the target was started or
    reset, `met` are the cases that it has met since, whoever ran them; none where every case starts anew. `load`
    measures while the target is up. `ask` puts a request to a person at the bench, and is true when it
    was done; None where nobody is there.
    """

    def __init__(
        self,
        target: Target,
        interfaces: Mapping[str, Interface],
        monitors: Sequence[Monitor],
        *,
        settle: float,
        max_resets: int = 0,
        load: Load | None = None,
        ask: Ask | None = None,
    ) -> None:
        self._load, self._ask = load, ask
        self._replaying: Haste | None = None
        self._sure = False
        self.target, self.interfaces, self._settle = target, interfaces, settle
        self.watch = Watch(monitors)
        self.independent = isinstance(target, Restores)
        self._covers = target if isinstance(target, Covers) else None
        self._works = target if isinstance(target, Works) else None
        self._runs = 0
        self._carriers = carriers(interfaces)
        self._walker = Walker(target, self.watch)
        self.resets = Resets(target, max_resets)
        self.lives = 0
        self.met: deque[TestCase] = deque(maxlen=MEMORY)
        self.states = (
            KeptStates(target, self.watch, self._walker)
            if isinstance(target, Restores)
            else ReachedStates(target, interfaces, self.watch, self._walker, self._restart, settle)
        )

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the target and forget every state; raises TargetError."""
        if self._load is not None:
            self._load.start()
        self.target.start()
        self._restarted()
        self._forget_links()
        self.states.start()
        self._drain()

    def fresh(self, *, reset: bool = True) -> None:
        """A cold start for a replay: as fresh as the bench can make it, or as it can without a reset.

        Raises TargetError.
        """
        if self.independent:
            self.start()
            return
        for carrier in self._carriers.values():
            carrier.restore()
        for interface in self.interfaces.values():
            interface.ladder.forget()
        if reset:
            self.target.calm()
            self._restart()
        self._forget_links()
        self.states.start()
        if not self.target.can_reset():
            self._revive()
        self.watch.teach(self.watch.initial)
        self._drain()

    @property
    def revives(self) -> bool:
        """True where a device that is gone can be brought back: by the bench, or by a person."""
        return self.target.can_reset() or self._ask is not None

    def _revive(self) -> None:
        """Have a person switch a device that does not serve off and on; raises LinkError where that is not done."""
        try:
            if self._ask is None or all(self.contact(name) is not None for name in self.interfaces):
                return
            error = LinkError("no probe is served")
        except LinkError as lost:
            error = lost
        if self._ask is None or not self._ask(f"{error}. Switch the device off and on"):
            raise error
        self._forget_links()

    def _restart(self) -> None:
        self.resets()
        self._restarted()

    def _restarted(self) -> None:
        self.lives += 1
        self.met.clear()
        for carrier in self._carriers.values():
            carrier.restarted()

    def _drain(self) -> None:
        self.target.take_events()
        self.target.take_console()
        self.target.take_samples()
        for carrier in self._carriers.values():
            carrier.take_events()
        self.watch.forget()

    def _forget_links(self) -> None:
        for interface in self.interfaces.values():
            interface.executor.close()

    def stop(self) -> None:
        """Close every link, listen for no device any more, and stop the target."""
        self._forget_links()
        for interface in self.interfaces.values():
            if isinstance(interface.carrier, Listens):
                interface.carrier.shut()
        self.target.stop()
        if self._load is not None:
            self._load.stop()

    def give_up(self) -> None:
        """A case was left where it stood: its links and the state that it was in are not to be used again."""
        self._forget_links()
        self.states.unsettle()

    @contextmanager
    def sequential(
        self,
        presumed: frozenset[Way] = frozenset(),
        *,
        filler: int = 0,
        haste: Haste = Haste.NONE,
        sure: bool = False,
    ) -> Generator[None]:
        """Without fences, and if no `haste` is said without: each answer is waited for, as it must be to count.

        A device that comes back on the `presumed` ways, or behind so many bytes of `filler`, is not waited for before
        these; one that is for `sure` gone behind the case, as no link opened, has less time to be there again.
        """
        self._replaying, self._sure = haste, sure and self.target.can_reset()
        for interface in self.interfaces.values():
            interface.ladder.presume(presumed, filler=filler, hasty=haste is Haste.MOST)
        if isinstance(self.states, KeptStates):
            self.states.replaying = True
        fenced = [i for i in self.interfaces.values() if isinstance(i.carrier, Fences) and i.carrier.fenced]
        self._fence(fenced, on=False)
        try:
            yield
        finally:
            self._replaying, self._sure = None, False
            if isinstance(self.states, KeptStates):
                self.states.replaying = False
            self._fence(fenced, on=True)
            for interface in self.interfaces.values():
                interface.ladder.presume(None)

    def _fence(self, interfaces: Sequence[Interface], *, on: bool) -> None:
        for interface in interfaces:
            if isinstance(interface.carrier, Fences):
                interface.carrier.fenced = on
                interface.executor.close()

    # -- asking ---------------------------------------------------------------------------------------------------

    @property
    def why(self) -> str:
        """Why the last state was not reached: what its proof wanted, and what came."""
        return self._walker.why

    def enter(self, interface: Interface, state: str) -> bool:
        """Bring the target to a state of an interface's protocol; False when its proof is not given.

        With `reconnect` that is on a connection of its own: the preamble is said there, or nothing that lives with it.
        The first state is where a device rests: it is the device's, not a connection's.
        """
        if self.independent or not interface.reconnect:
            return self.states.enter(interface, state)
        executor, states = interface.executor, interface.protocol.states
        executor.close()
        if states[state].preamble and state != next(iter(states)):
            self.states.unsettle()
        reached = self.states.enter(interface, state)
        if not states[state].preamble and (executor.over or executor.conversation.connected):
            executor.close()  # the probe that proved the state began or ended a session
        return reached

    @property
    def walked(self) -> set[tuple[str, str]]:
        """States, by interface and name, the way to which was measured, and is not again; none where each way is."""
        return self.states.walked if isinstance(self.states, KeptStates) else set()

    def contact(self, name: str) -> Frame | None:
        """The probe's answer on an interface, None when the device does not serve there.

        Raises LinkError, and OwnError for what a protocol makes of the answer.
        """
        interface = self.interfaces[name]
        interface.executor.begin()
        interface.executor.connection.open()
        patience = interface.executor.connection.open_timeout
        try:
            return interface.ladder.climb(closed=False, broken=False, patience=patience).answer
        except MedfuzzError:
            raise
        except Exception as error:
            raise own_error(error, f"the probe of '{name}'") from error

    def effort(self) -> float:
        """Seconds: of the wall, or, where the target counts its work, those that a usual machine takes for it.

        What has so much time has the same on every machine then, and one seed the same campaign.
        """
        if self._works is None:
            return time.monotonic()
        return self._works.work() / _INSTRUCTIONS_A_SECOND + self._runs * _RUN_SECONDS

    def coverage(self) -> int:
        """Distinct edges known, 0 where the target does not tell."""
        return 0 if self._covers is None else self._covers.coverage()

    def edges(self) -> tuple[int, ...]:
        """The edges themselves, none where the target does not tell."""
        return () if self._covers is None else tuple(self._covers.edges())

    def know(self, edges: Collection[int]) -> None:
        """Edges that an earlier run has seen are known from here on."""
        if self._covers is not None:
            self._covers.know(edges)

    # -- cases ----------------------------------------------------------------------------------------------------

    def run(self, case: TestCase, *, probe: bool = False, survey: bool | None = None) -> Outcome:
        """Run one case; the observations are those of all monitors. Raises GuardRefused, BenchError.

        With `probe` the device is asked whether it serves, and it is surveyed, where its link can; `survey` says so.

        A device that serves, but cannot be brought to the case's state by anything, gets the case where it stands: what
        it does then counts, that it did nothing says nothing.
        What the guard refuses after the first step ends the case there: it is watched like any other, and its
        transcript says `refused`.
        """
        self._runs += 1
        interface = self.interfaces[case.interface]
        size = sum(len(step.data) for step in case.steps if isinstance(step, Send))
        if size > interface.max_case_bytes:
            raise GuardRefused(
                f"the case has {size} bytes, [interfaces] max_case_bytes allows {interface.max_case_bytes}"
            )
        before = self.coverage()
        reached = self.enter(interface, case.state)
        if not reached and (self.target.can_reset() or self.why == UNANSWERED):
            now = self.target.now()
            return self._outcome(case, Transcript(case.id, (), now, now, state_reached=False, proof=self.why), before)
        if not self.independent:
            self.met.append(case)
        if survey is None:
            survey = probe or int(case.id[8:], 16) % SURVEY_EVERY == 0
        probe = probe or int(case.id[:8], 16) % interface.probe_every == 0
        why, transcript = self.why, self._perform(case, interface, probe=probe, survey=survey)
        if not reached:
            transcript = replace(transcript, state_reached=False, proof=why)
        return self._outcome(case, transcript, before)

    def looked_into(self, case: TestCase) -> Outcome:
        """Run one case, and tell what the program compares meanwhile, where the target can. Raises as `run`."""
        if not isinstance(self.target, Compares):
            return self.run(case)
        self.target.note_compared()
        try:
            outcome = self.run(case)
        finally:
            compared = self.target.take_compared()
        return replace(outcome, measures=replace(outcome.measures, compared=compared))

    def observed(self, case: TestCase, transcript: Transcript) -> list[Observation]:
        """What the monitors make of a transcript."""
        protocol = self.interfaces[case.interface].protocol
        return attributed(self.watch.observe(case, transcript), case, transcript, protocol)

    def _outcome(self, case: TestCase, transcript: Transcript, before: int) -> Outcome:
        observations = self.observed(case, transcript)
        return Outcome(transcript, observations, Measures(self.coverage() - before, self.watch.take()))

    def _perform(self, case: TestCase, interface: Interface, *, probe: bool, survey: bool) -> Transcript:
        executor = interface.executor
        if not self.independent:
            executor.begin()
        started, service = executor.now(), None
        with executor.connection.hurried(hurry=Way.NEVER in interface.ladder.known, sure=self._sure):
            done = self._steps(case, interface)
            events = self._settled(executor)
            restarting = bool(events) and not self.independent  # or gone: the next case begins with a reset
            asked = probe or events or done.broken or done.trouble or not self.independent or _unanswered(executor)
            if asked and not restarting:
                service = self._served(interface, done)
        done.broken = self._surveyed(interface, done.broken, survey=survey and _serves(service) and not events)
        served = None if service is None else service.way is not Way.NEVER
        transcript = record(
            self.target,
            case,
            executor,
            started,
            served=served,
            broken=done.broken,
            refused=done.refused,
            events=events,
            service=service,
            carrier=self._carriers.get(interface.name),
        )
        if transcript.events or served is False or done.broken:
            self.states.unsettle(reset=True)
        elif done.trouble is not None and service is not None and service.way is Way.AT_ONCE:
            raise done.trouble
        return transcript

    def _steps(self, case: TestCase, interface: Interface) -> _Progress:
        """Perform the case; raises GuardRefused when nothing went out."""
        executor, state = interface.executor, interface.protocol.states.get(case.state)
        try:
            reopens = interface.may_close and not (state and state.preamble)
            executor.run(case.steps, reopens=reopens, haste=self._haste(interface))
        except GuardRefused as refusal:
            if not executor.performed:
                raise
            return _Progress(refused=str(refusal))
        except LinkError as error:
            executor.close()
            return _Progress(broken=str(error), closed=isinstance(error, LinkClosed), since=error.since)
        except OwnError as error:
            return _Progress(trouble=error)
        return _Progress()

    def _haste(self, interface: Interface) -> Haste:
        if self.independent:
            return Haste.NONE
        if self._replaying is not None:
            return self._replaying
        return Haste.MORE if interface.ladder.known else Haste.SOME

    def _settled(self, executor: Executor) -> tuple[TargetEvent, ...]:
        """What the target reported; after a restart it gets its time to come up."""
        events = tuple(self.target.take_events())
        if events and self.independent:
            executor.listen(self._settle)
            events += tuple(self.target.take_events())
        return events

    def _served(self, interface: Interface, done: _Progress) -> Service | None:
        """How the device came to serve; `done.broken` is left as it is where no link opens any more."""
        try:
            patience = self._patience(interface)
            served = interface.ladder.climb(
                closed=done.closed, broken=bool(done.broken), patience=patience, since=done.since
            )
        except LinkError as error:
            self.states.unsettle()
            done.broken = done.broken or str(error)
            return None
        done.broken = ""
        if not self._holds(interface, served):
            self.states.unsettle()
        return served.service

    def _patience(self, interface: Interface) -> float:
        """What nothing can reset is given longer to come back by itself."""
        return interface.executor.connection.open_timeout if self.target.can_reset() else interface.patience

    def _holds(self, interface: Interface, served: Served) -> bool:
        if served.answer is None or served.service.way not in (Way.AT_ONCE, Way.LATE, Way.FILLED):
            return False
        return not isinstance(self.states, ReachedStates) or self.states.holds(interface, served.answer)

    def _surveyed(self, interface: Interface, broken: str, *, survey: bool) -> str:
        """Undo procedures, and look at the device if that is due; why the link is lost, or ""."""
        carrier = self._carriers.get(interface.name)
        if carrier is None:
            return broken
        if carrier.restore():
            self.states.unsettle()
        if survey:
            self.states.unsettle()
            try:
                carrier.survey()
            except LinkError as error:
                return str(error)
        return broken

    def finish(self, case: TestCase) -> Outcome | None:
        """End the session as it ends on a bench: linger, disconnect, connect, probe. None where cases are independent.

        What kills a device only when its link is cut, or some time later, shows here.
        """
        if self.independent:
            return None
        interface = self.interfaces[case.interface]
        executor, broken, service, started = interface.executor, "", None, self.target.now()
        executor.begin()
        ended = TestCase(case.interface, case.state, (Wait(LINGER_SECONDS),), Origin(ENDED, case.messages))
        with suppress(LinkError):  # a device that hangs up meanwhile is asked whether it serves like any other
            executor.listen(LINGER_SECONDS)
        try:
            executor.close()
            service = interface.ladder.climb(closed=False, broken=True, patience=self._patience(interface)).service
            service = replace(service, way=Way.AT_ONCE) if service.way is Way.RECONNECTED else service
        except LinkError as error:
            broken = str(error)
        self.states.unsettle()
        served = None if service is None else service.way is not Way.NEVER
        transcript = record(
            self.target,
            ended,
            executor,
            started,
            served=served,
            broken=broken,
            service=service,
            carrier=self._carriers.get(interface.name),
        )
        return self._outcome(replace(ended, steps=case.steps), transcript, self.coverage())

    def follow(self, case: TestCase, seconds: float) -> tuple[TestCase, Outcome]:
        """Run on from the end of the last case for `seconds` of target time: what a pending obligation comes to.

        The transcript is that of the added time only.
        """
        executor = self.interfaces[case.interface].executor
        executor.begin()
        started, before = executor.link.now(), self.coverage()
        executor.listen(seconds)
        longer = TestCase(case.interface, case.state, (*case.steps, Wait(seconds)), case.origin)
        events = tuple(self.target.take_events())
        transcript = record(self.target, longer, executor, started, served=None, events=events)
        return longer, self._outcome(longer, transcript, before)


def _serves(service: Service | None) -> bool:
    return service is not None and service.way is not Way.NEVER


def _unanswered(executor: Executor) -> bool:
    return any(exchange.reply_expected and not exchange.answered for exchange in executor.exchanges)
