"""The two ways to a state of the device: kept once and restored for each case, or reached from where the device is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.case import PREAMBLE, Origin, TestCase
from harness.errors import GuardRefused, LinkClosed, LinkError, TargetError
from harness.executor import Executor
from harness.interfaces import Conversation, Frame, Offers, Restores, State, Target, Transport, WireProtocol
from harness.ladder import Ladder
from harness.transcript import Service, TargetEvent, Transcript
from harness.watch import Learned, Watch

UNANSWERED = "no probe was answered"
_SHOWN = 40
_SLOW_SECONDS = 0.5
_FROM_HERE, _ANEW, _SETTLED = range(3)


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface under test: its name, its protocol, the executor that talks on it, and what carries the bytes.

    `patience` is how many seconds the device is given to come back by itself. With `may_close` it may refuse a message
    by closing the connection, or serve one message on each.
    """

    name: str
    protocol: WireProtocol
    executor: Executor
    carrier: Transport
    ladder: Ladder
    probe_every: int = 1
    max_case_bytes: int = 8192
    reconnect: bool = False
    patience: float = 5.0
    may_close: bool = False


class Walker:
    """Performs a state's preamble, lets the monitors see it, and checks the proof; `why` says what was missing."""

    def __init__(self, target: Target, watch: Watch) -> None:
        self._target, self._watch = target, watch
        self.why = ""

    def walk(self, interface: Interface, state: State, answer: Frame | None = None) -> bool:
        """True when the probe proves the state; raises LinkError, with the link closed.

        `answer` is the probe's where it was served just now and nothing is to be done in between.
        """
        executor, self.why = interface.executor, ""
        started, broken = self._target.now(), ""
        try:
            started = executor.link.now()
            executor.run(state.preamble)
            answer = answer or interface.ladder.climb(closed=False, broken=False, patience=0.0).answer
        except LinkError as error:
            broken = str(error)
            executor.close()
            raise
        finally:
            case = TestCase(interface.name, state.name, state.preamble, Origin(PREAMBLE))
            served = None if broken else answer is not None
            self._watch.look(case, record(self._target, case, executor, started, served=served, broken=broken))
        self.why = unproven(answer, state)
        return not self.why


class KeptStates:
    """Each state is reached from a cold start once; from then on a case starts from its snapshot.

    What was measured on the way counts once a campaign, with the first case, however often the target is started anew:
    `walked` are the states for which it did. While a fault is `replaying` nothing counts.
    """

    def __init__(self, snapshots: Restores, watch: Watch, walker: Walker) -> None:
        self._snapshots, self._watch, self._walker = snapshots, watch, walker
        self._prepared: dict[tuple[str, str], _Prepared] = {}
        self._cold: object = None
        self.walked: set[tuple[str, str]] = set()
        self.replaying = False

    def start(self) -> None:
        """The target was started: every kept state is forgotten."""
        self._prepared.clear()
        self._cold = self._snapshots.snapshot()

    def enter(self, interface: Interface, name: str) -> bool:
        """Go to a state; False when its proof is not given."""
        state = interface.protocol.states[name]
        key = (interface.name, name)
        counts = not self.replaying and key not in self.walked
        prepared = None if counts else self._prepared.get(key)
        if prepared is None:
            if (prepared := self._prepare(interface, state)) is None:
                return False
            if not counts:
                self._watch.take()
        if counts:
            self.walked.add(key)
        self._snapshots.restore(prepared.target)
        interface.executor.restored()
        self._watch.teach(prepared.monitors)
        interface.executor.begin(prepared.conversation)
        return True

    def _prepare(self, interface: Interface, state: State) -> _Prepared | None:
        self._snapshots.restore(self._cold)
        interface.executor.restored()
        self._watch.teach(self._watch.initial)
        interface.executor.begin(Conversation())
        if not self._walker.walk(interface, state):
            return None
        conversation = interface.executor.conversation.copy()
        prepared = _Prepared(self._snapshots.snapshot(), conversation, self._watch.learned())
        self._prepared[interface.name, state.name] = prepared
        return prepared

    def unsettle(self, *, reset: bool = False) -> None:
        """Nothing to do: no case sees what another one did."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A reached state, kept: the target's snapshot, the conversation and what the monitors had learned."""

    target: Any
    conversation: Conversation
    monitors: Learned


class ReachedStates:
    """States are reached from where the device is, and once more from a reset; where nothing resets it, by undoing."""

    def __init__(
        self,
        target: Target,
        interfaces: Mapping[str, Interface],
        watch: Watch,
        walker: Walker,
        reset: Callable[[], None],
        settle: float,
    ) -> None:
        self._settle = settle
        self._target, self._interfaces, self._watch, self._walker = target, interfaces, watch, walker
        self._reset = reset
        self._current = ("", "")
        self._must_reset = False
        self._waited_in_vain = False  # nothing has happened since

    def start(self) -> None:
        """The target was started or reset: it is in no state that we know, and needs no other reset."""
        self.unsettle()
        self._must_reset = False

    def unsettle(self, *, reset: bool = False) -> None:
        """The device may have left its state; with `reset` only a reset brings it back."""
        self._current = ("", "")
        self._must_reset |= reset
        self._waited_in_vain &= not reset

    def holds(self, interface: Interface, answer: Frame) -> bool:
        """True when a probe's answer says that the device is still in the state it was brought to."""
        state = interface.protocol.states.get(self._current[1])
        return state is None or not unproven(answer, state)

    def enter(self, interface: Interface, name: str) -> bool:
        """Go to a state; False when its proof is not given."""
        if self._current == (interface.name, name):
            return True
        self._current = ("", "")
        waits = not self._target.can_reset() and not self._waited_in_vain
        for attempt in (_FROM_HERE, _ANEW, _SETTLED) if waits else (_FROM_HERE, _ANEW):
            if self._arrives(interface, interface.protocol.states[name], attempt):
                self._current, self._waited_in_vain = (interface.name, name), False
                interface.executor.begin()
                return True
        self._waited_in_vain = True
        return False

    def _arrives(self, interface: Interface, state: State, attempt: int) -> bool:
        """Walk there. A link that cannot be opened is tried once more after a reset; then it raises LinkError."""
        resets, answer = self._target.can_reset(), None
        try:
            if attempt > _FROM_HERE or self._must_reset:
                answer = self._start_over(interface)
            if attempt == _SETTLED:
                self._target.advance(self._settle)  # it may have restarted by itself, and not be up yet
            if attempt > _FROM_HERE and not resets:
                self._undo()
            if answer is None or state.preamble or not resets:
                answer = None
                interface.executor.begin(Conversation())
            return self._walker.walk(interface, state, answer)
        except LinkClosed as error:
            self._walker.why = str(error)
            return False
        except LinkError:
            if attempt > _FROM_HERE or not resets:
                raise
            return False

    def _undo(self) -> None:
        """What messages can undo, on every interface: what one of them left behind may be another's to take back."""
        for interface in self._interfaces.values():
            try:
                interface.executor.begin(Conversation())
                interface.executor.run(interface.protocol.undo)
            except (LinkError, GuardRefused):
                interface.executor.close()

    def _start_over(self, interface: Interface) -> Frame | None:
        """From a reset, as far as the bench can, and a connection on which the device serves: its probe's answer."""
        self._must_reset = False
        self._target.calm()
        self._reset()
        interface.executor.close()
        self._watch.teach(self._watch.initial)
        interface.executor.begin(Conversation())
        return interface.ladder.climb(closed=False, broken=True, patience=interface.patience).answer


def unproven(answer: Frame | None, state: State) -> str:
    """ "" when the probe's answer says that the device is in the state; else what was wanted, and what came."""
    if answer is None:
        return UNANSWERED
    missing = {name: value for name, value in state.proof.items() if answer.fields.get(name) != value}
    if not missing:
        return ""
    wanted = ", ".join(f"{name} = {_shown(value)}" for name, value in missing.items())
    got = ", ".join(f"{name} = {_shown(answer.fields.get(name, 'nothing'))}" for name in missing)
    return f"wanted {wanted}; got {got}"


def _shown(value: float | str | bytes) -> str:
    return (value.hex() if isinstance(value, bytes) else str(value))[:_SHOWN]


def record(
    target: Target,
    case: TestCase,
    executor: Executor,
    started: float,
    *,
    served: bool | None,
    broken: str = "",
    refused: str = "",
    events: tuple[TargetEvent, ...] = (),
    service: Service | None = None,
    carrier: Offers | None = None,
) -> Transcript:
    """The transcript of what an executor has just done, with what target and carrier told meanwhile."""
    return Transcript(
        case_id=case.id,
        exchanges=tuple(executor.exchanges),
        started=started,
        ended=started if broken else executor.now(),
        samples=tuple(target.take_samples()),
        console=tuple(target.take_console()),
        events=(*events, *target.take_events()),
        probe_served=served,
        link_error=broken,
        refused=refused,
        link_events=() if carrier is None else tuple(carrier.take_events()),
        service=service,
        only_copies=executor.connection.only_copies,
    )


def carriers(interfaces: Mapping[str, Interface]) -> dict[str, Offers]:
    """The carriers that can do more than carry messages, by interface."""
    return {name: i.carrier for name, i in interfaces.items() if isinstance(i.carrier, Offers)}


class Resets:
    """Resets a target within `limit` (0: no bound); `used` is how often so far.

    `costly` are those of them that somebody counts, or that took long: not a program's that begins anew.
    """

    def __init__(self, target: Target, limit: int) -> None:
        self._target, self._limit = target, limit
        self.used = self.costly = 0

    def __call__(self) -> None:
        """Reset it; raises TargetError when the limit is used up."""
        began = time.monotonic()
        self.used += 1
        if self._limit and self.used > self._limit:
            raise TargetError(
                f"the {self._limit} resets that [limits] max_resets allows are used up; look at the device, then start "
                "again or allow more"
            )
        self._target.reset()
        self.costly += bool(self._limit) or time.monotonic() - began > _SLOW_SECONDS
