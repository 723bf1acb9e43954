"""Brings the target to a case's state, runs the case, and asks the monitors what they saw."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from harness.case import PREAMBLE, Origin, Send, TestCase, Wait
from harness.errors import GuardRefused, LinkClosed, LinkError, TargetError
from harness.executor import Executor
from harness.interfaces import (
    Conversation,
    Fences,
    Frame,
    Monitor,
    Offers,
    Snapshots,
    State,
    Target,
    Transport,
    WireProtocol,
)
from harness.transcript import TargetEvent, Transcript
from harness.verdict import Kind, Observation

SURVEY_EVERY = 64
_SEEN_ON_THE_WAY = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT, Kind.UNSAFE_STATE})


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface under test: its name, its protocol, the executor that talks on it, and what carries the bytes."""

    name: str
    protocol: WireProtocol
    executor: Executor
    carrier: Transport
    probe_every: int = 1
    max_case_bytes: int = 8192
    reconnect: bool = False


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A reached state, kept: the target's snapshot, the conversation and what the monitors had learned."""

    target: object
    conversation: Conversation
    monitors: tuple[object, ...]


class Runner:
    """Runs cases on one target. With `snapshots` every case starts from a kept state; else states are reached anew.

    `settle` is how long the device needs after a restart before it serves, in target seconds. `max_resets` bounds
    the resets of a target without snapshots (0: no bound).
    """

    def __init__(
        self,
        target: Target,
        snapshots: Snapshots | None,
        interfaces: Mapping[str, Interface],
        monitors: Sequence[Monitor],
        *,
        settle: float,
        max_resets: int = 0,
    ) -> None:
        self._max_resets, self._resets = max_resets, 0
        self.target, self.snapshots, self.interfaces = target, snapshots, interfaces
        self._offering = {name: i.carrier for name, i in interfaces.items() if isinstance(i.carrier, Offers)}
        self.monitors, self._settle = tuple(monitors), settle
        self._prepared: dict[tuple[str, str], _Prepared] = {}
        self._cold: object = None
        self._current = ("", "")
        self._must_reset = False
        self._on_the_way: list[Observation] = []
        self._initial = self._learned()

    def _learned(self) -> tuple[object, ...]:
        return tuple(monitor.state() for monitor in self.monitors)

    def _teach(self, learned: tuple[object, ...]) -> None:
        for monitor, state in zip(self.monitors, learned, strict=True):
            monitor.restore(state)

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the target and forget every kept state; raises TargetError."""
        self.target.start()
        self._restarted()
        self._forget_links()
        self._prepared.clear()
        self._cold = self.snapshots.snapshot() if self.snapshots else None
        self._drain()

    def fresh(self) -> None:
        """A cold start for a replay: no kept state is used again."""
        if self.snapshots:
            self.start()
            return
        for carrier in self._carriers():
            carrier.restore()
        self.target.calm()
        self._reset()
        self._forget_links()
        self._current = ("", "")
        self._teach(self._initial)
        self._drain()

    @contextmanager
    def sequential(self) -> Generator[None]:
        """Without fences: each answer is waited for by itself, as it must be before a fault counts."""
        fenced = [i for i in self.interfaces.values() if isinstance(i.carrier, Fences) and i.carrier.fenced]
        self._fence(fenced, on=False)
        try:
            yield
        finally:
            self._fence(fenced, on=True)

    def _fence(self, interfaces: Sequence[Interface], *, on: bool) -> None:
        for interface in interfaces:
            if isinstance(interface.carrier, Fences):
                interface.carrier.fenced = on
                interface.executor.close()

    def _reset(self) -> None:
        """Reset a target without snapshots, within its budget; raises TargetError when that is used up."""
        self._resets += 1
        if self._max_resets and self._resets > self._max_resets:
            raise TargetError(
                f"the {self._max_resets} resets that [limits] max_resets allows are used up; look at the device, then "
                "start again or allow more"
            )
        self.target.reset()
        self._restarted()

    def _restarted(self) -> None:
        for carrier in self._carriers():
            carrier.restarted()

    def _carriers(self) -> list[Offers]:
        return list(self._offering.values())

    def _drain(self) -> None:
        self.target.take_events()
        self.target.take_console()
        self.target.take_samples()
        for carrier in self._carriers():
            carrier.take_events()

    def _forget_links(self) -> None:
        for interface in self.interfaces.values():
            interface.executor.close()

    def stop(self) -> None:
        """Close every link and stop the target."""
        self._forget_links()
        self.target.stop()

    # -- states ---------------------------------------------------------------------------------------------------

    def enter(self, interface: Interface, state: str) -> bool:
        """Bring the target to a state of an interface's protocol; False when its proof is not given."""
        wanted = interface.protocol.states[state]
        if self.snapshots:
            return self._restore(interface, wanted)
        return self._current == (interface.name, state) or self._reach(interface, wanted)

    def _restore(self, interface: Interface, state: State) -> bool:
        key = (interface.name, state.name)
        prepared = self._prepared.get(key) or self._prepare(interface, state)
        if prepared is None or self.snapshots is None:
            return False
        self.snapshots.restore(prepared.target)
        self._teach(prepared.monitors)
        interface.executor.begin(prepared.conversation)
        return True

    def _prepare(self, interface: Interface, state: State) -> _Prepared | None:
        """Reach a state from the cold start once, and keep it."""
        if self.snapshots is None:
            return None
        self.snapshots.restore(self._cold)
        self._teach(self._initial)
        interface.executor.begin(Conversation())
        if not self._walk(interface, state):
            return None
        prepared = _Prepared(self.snapshots.snapshot(), interface.executor.conversation.copy(), self._learned())
        self._prepared[interface.name, state.name] = prepared
        return prepared

    def _reach(self, interface: Interface, state: State) -> bool:
        """Without snapshots: the preamble from where the device is, then once more after a reset."""
        for attempt in range(2):
            if attempt or self._must_reset:
                self._must_reset = False
                self.target.calm()
                self._reset()
                interface.executor.close()
                self._teach(self._initial)
            interface.executor.begin(Conversation())
            if self._arrives(interface, state, last=attempt == 1):
                self._current = (interface.name, state.name)
                interface.executor.begin()
                return True
        return False

    def _arrives(self, interface: Interface, state: State, *, last: bool) -> bool:
        """Walk there. A link that cannot be opened is tried once more after a reset; then it raises LinkError."""
        try:
            return self._walk(interface, state)
        except LinkClosed:
            return False
        except LinkError:
            if last or not self.target.can_reset():
                raise
            return False

    def _walk(self, interface: Interface, state: State) -> bool:
        """Perform the preamble, let the monitors see it, and check the proof."""
        executor, answer = interface.executor, None
        started, broken = executor.link.now(), ""
        try:
            executor.run(state.preamble)
            answer = executor.probe()
        except LinkError as error:
            broken = str(error)
            executor.close()
            raise
        finally:
            self._look_at_the_way(interface, state, started, broken, served=answer is not None)
        return answer is not None and proves(answer, state)

    def _look_at_the_way(
        self, interface: Interface, state: State, started: float, broken: str, *, served: bool
    ) -> None:
        case = TestCase(interface.name, state.name, state.preamble, Origin(PREAMBLE))
        transcript = self._transcript(case, interface.executor, started, None if broken else served, broken)
        seen = [observation for monitor in self.monitors for observation in monitor.observe(case, transcript)]
        self._on_the_way += [observation for observation in seen if observation.kind in _SEEN_ON_THE_WAY]

    # -- cases ----------------------------------------------------------------------------------------------------

    def run(self, case: TestCase, *, probe: bool = False) -> tuple[Transcript, list[Observation]]:
        """Run one case; the observations are those of all monitors. Raises GuardRefused, BenchError.

        What the guard refuses after the first step ends the case there: it is watched like any other, and its
        transcript says `refused`.
        """
        interface = self.interfaces[case.interface]
        size = sum(len(step.data) for step in case.steps if isinstance(step, Send))
        if size > interface.max_case_bytes:
            raise GuardRefused(
                f"the case has {size} bytes, [interfaces] max_case_bytes allows {interface.max_case_bytes}"
            )
        if interface.reconnect and not self.snapshots:
            interface.executor.close()
        if not self.enter(interface, case.state):
            transcript = Transcript(case.id, (), self.target.now(), self.target.now(), state_reached=False)
            return transcript, self._observe(case, transcript)
        survey = probe or int(case.id[8:], 16) % SURVEY_EVERY == 0
        probe = probe or int(case.id[:8], 16) % interface.probe_every == 0
        transcript = self._perform(case, interface, probe=probe, survey=survey)
        return transcript, self._observe(case, transcript)

    def _perform(self, case: TestCase, interface: Interface, *, probe: bool, survey: bool) -> Transcript:
        executor, broken, refused = interface.executor, "", ""
        if not self.snapshots:
            executor.begin()
        started = executor.link.now()
        try:
            executor.run(case.steps)
        except GuardRefused as refusal:
            if not executor.performed:
                raise
            refused = str(refusal)
        except LinkError as error:
            broken = str(error)
            executor.close()
        events = self._settled(executor)
        served: bool | None = None
        restarting = bool(events) and not self.snapshots  # or gone: the next case begins with a reset
        if not restarting and (probe or events or broken or not self.snapshots or _unanswered(executor)):
            served, broken = self._probe(interface, broken)
        broken = self._surveyed(interface, broken, survey=survey and served is True and not events)
        transcript = self._transcript(case, executor, started, served, broken, events)
        if (carrier := self._offering.get(interface.name)) is not None:
            transcript = replace(transcript, link_events=tuple(carrier.take_events()))
        if transcript.events and not self.snapshots:
            self._must_reset, self._current = True, ("", "")
        return replace(transcript, refused=refused) if refused else transcript

    def _settled(self, executor: Executor) -> tuple[TargetEvent, ...]:
        """What the target reported; after a restart it gets its time to come up."""
        events = tuple(self.target.take_events())
        if events and self.snapshots:
            executor.listen(self._settle)
            events += tuple(self.target.take_events())
        return events

    def _probe(self, interface: Interface, broken: str) -> tuple[bool | None, str]:
        """(served, why the link is lost). A link that broke and serves again after reopening is no fault."""
        try:
            answer = interface.executor.probe()
        except LinkError as error:
            self._current = ("", "")
            return None, broken or str(error)
        state = interface.protocol.states.get(self._current[1])
        if answer is None or (state is not None and not proves(answer, state)):
            self._current = ("", "")
        return answer is not None, ""

    def _surveyed(self, interface: Interface, broken: str, *, survey: bool) -> str:
        """Undo procedures, and look at the device if that is due; why the link is lost, or ""."""
        carrier = self._offering.get(interface.name)
        if carrier is None:
            return broken
        if carrier.restore():
            self._current = ("", "")
        if survey:
            self._current = ("", "")
            try:
                carrier.survey()
            except LinkError as error:
                return str(error)
        return broken

    def _transcript(
        self,
        case: TestCase,
        executor: Executor,
        started: float,
        served: bool | None,
        broken: str,
        events: tuple[TargetEvent, ...] = (),
    ) -> Transcript:
        ended = executor.link.now() if not broken else started
        return Transcript(
            case_id=case.id,
            exchanges=tuple(executor.exchanges),
            started=started,
            ended=ended,
            samples=tuple(self.target.take_samples()),
            console=tuple(self.target.take_console()),
            events=(*events, *self.target.take_events()),
            probe_served=served,
            link_error=broken,
        )

    def _observe(self, case: TestCase, transcript: Transcript) -> list[Observation]:
        seen = [observation for monitor in self.monitors for observation in monitor.observe(case, transcript)]
        found, self._on_the_way = self._on_the_way + seen, []
        if transcript.link_error:
            found.append(Observation(Kind.LINK_LOST, "link", transcript.link_error, transcript.ended))
        return found

    def follow(self, case: TestCase, seconds: float) -> tuple[TestCase, Transcript, list[Observation]]:
        """Run on from the end of the last case for `seconds` of target time: what a pending obligation comes to.

        The transcript is that of the added time only.
        """
        executor = self.interfaces[case.interface].executor
        executor.begin()
        started = executor.link.now()
        executor.listen(seconds)
        longer = TestCase(case.interface, case.state, (*case.steps, Wait(seconds)), case.origin)
        transcript = self._transcript(longer, executor, started, None, "", tuple(self.target.take_events()))
        return longer, transcript, self._observe(longer, transcript)


def proves(answer: Frame, state: State) -> bool:
    """True when the probe's answer says that the device is in the state."""
    return all(answer.fields.get(name) == value for name, value in state.proof.items())


def _unanswered(executor: Executor) -> bool:
    return any(exchange.reply_expected and not exchange.answered for exchange in executor.exchanges)
