"""In which states a device was seen, and what led from one to another: a graph that grows with the cases.

Where a state's proof names fields of the probe's answer, that answer tells the state: one that the protocol declares,
or another, named by the values. Elsewhere what the last message came to stands for it: accepted, refused, unanswered
(AFLNet, Pham et al., ICST 2020, has a server's response codes in its place). A message that is marked as authentication
and was accepted makes a state of its own until a probe tells, where the state that a case began in has no session.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeVar

from harness.case import Procedure, Reconnect, Send, Step, Stimulate, TestCase, Wait
from harness.floors import outcome_of, refuses_nothing
from harness.interfaces import Expects, Mark, State, WireProtocol
from harness.transcript import Exchange, Transcript

MOST_STATES, MOST_PASSAGES = 48, 1500
ELSEWHERE = "another state"
RESTARTED, BY_ITSELF = "restarted", "by itself"
_SHOWN = 24  # characters of a value
_REMEMBERED = 256
Values = Mapping[str, "int | str | bytes"]
S = TypeVar("S", "SeenState", "Passage")


@dataclass(frozen=True, slots=True)
class SeenState:
    """A state, in which the device was seen so many `times`, first in case number `first`, `seconds` after the start.

    `declared`: the protocol has it. `stayed` is how often something was done there, and the state was the same then.
    """

    name: str
    declared: bool
    first: int
    seconds: float
    times: int = 0
    stayed: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """From one state to another, by a message or another doing (`by`), with its outcome, so many `times`.

    With `behind` something else was done before it, and what led there is not known better.
    """

    source: str
    by: str
    outcome: str
    target: str
    behind: bool
    first: int
    seconds: float
    times: int = 0

    @property
    def key(self) -> tuple[str, str, str, str, bool]:
        """What makes it another one than others."""
        return self.source, self.by, self.outcome, self.target, self.behind


@dataclass(frozen=True, slots=True)
class StateGraph:
    """What was seen of one interface, in the order in which it was first seen; `left_out` passages found no room."""

    states: tuple[SeenState, ...] = ()
    passages: tuple[Passage, ...] = ()
    left_out: int = 0


def joined(graphs: Iterable[StateGraph]) -> StateGraph:
    """What several saw of one interface, in the order in which the first of them did; all numbers are of the whole."""
    states: dict[str, SeenState] = {}
    passages: dict[tuple[str, str, str, str, bool], Passage] = {}
    left_out = 0
    for graph in graphs:
        left_out += graph.left_out
        for state in graph.states:
            seen = states.get(state.name)
            stayed = state.stayed + (seen.stayed if seen else 0)
            states[state.name] = replace(_earlier(state, seen), stayed=stayed)
        for passage in graph.passages:
            passages[passage.key] = _earlier(passage, passages.get(passage.key))
    return StateGraph(
        tuple(sorted(states.values(), key=_first)), tuple(sorted(passages.values(), key=_first)), left_out
    )


def _earlier(one: S, other: S | None) -> S:
    """The one that was seen first, with the times of both."""
    return one if other is None else replace(min(one, other, key=_first), times=one.times + other.times)


def _first(seen: SeenState | Passage) -> int:
    return seen.first


class StateWatcher:
    """Follows the cases of one interface through the states that the device tells of."""

    def __init__(self, protocol: WireProtocol) -> None:
        self._protocol = protocol
        self._refuses = protocol.refuses if isinstance(protocol, Expects) else refuses_nothing
        self._telling = tuple(dict.fromkeys(name for state in protocol.states.values() for name in state.proof))
        marks = protocol.marks
        self._opening = frozenset(name for name in marks if Mark.AUTHENTICATION in marks[name])
        self._told = lru_cache(_REMEMBERED)(self._told_by)
        self._states: dict[str, SeenState] = {}
        self._passages: dict[tuple[str, str, str, str, bool], Passage] = {}
        self._left_out = 0

    def graph(self) -> StateGraph:
        """What was seen so far."""
        return StateGraph(tuple(self._states.values()), tuple(self._passages.values()), self._left_out)

    def restore(self, graph: StateGraph) -> None:
        """Go on from what `graph` gave."""
        self._states = {state.name: state for state in graph.states}
        self._passages = {passage.key: passage for passage in graph.passages}
        self._left_out = graph.left_out

    def add(self, number: int, case: TestCase, transcript: Transcript, seconds: float) -> None:
        """Follow one case, the `number`-th, that ended `seconds` after the start; none that did not reach its state."""
        state = self._protocol.states.get(case.state)
        if state is None or not transcript.state_reached:
            return
        own = iter([exchange for exchange in transcript.exchanges if exchange.message])
        walk = _Walk(self, state, number, seconds)
        for step in case.steps:
            if not isinstance(step, Send):
                walk.did(_doing(step))
            elif (exchange := next(own, None)) is not None:
                self._follow(walk, exchange)
        walk.restarted = bool(transcript.events)
        for exchange in own:
            self._look(walk, exchange)
        walk.end()

    def _follow(self, walk: _Walk, exchange: Exchange) -> None:
        """A message of the case's own."""
        if self._look(walk, exchange):
            return
        outcome = outcome_of(exchange, self._refuses)
        opens = exchange.message in self._opening and outcome == "accepted"
        walk.did(exchange.message, outcome, opens=opens)
        if not self._telling:
            walk.told(f"{walk.start.name}: {outcome}")

    def _look(self, walk: _Walk, exchange: Exchange) -> bool:
        """True where the exchange tells the state."""
        told = self._told(exchange.replies) if exchange.message == self._protocol.probe.message else None
        if told is not None:
            walk.told(self._named(walk.start, walk.here, told))
        return told is not None

    def _told_by(self, replies: tuple[bytes, ...]) -> tuple[tuple[str, int | str | bytes], ...] | None:
        """The values of the proofs' fields in a probe's proper answer; None where there is no such answer."""
        frames = [frame for reply in replies for frame in self._protocol.split(reply)[0]]
        served = [frame.fields for frame in frames if self._protocol.served(frame)]
        told = {name: fields[name] for fields in served for name in self._telling if name in fields}
        return tuple(told.items()) if told else None

    def _named(self, start: State, here: str, told: tuple[tuple[str, int | str | bytes], ...]) -> str:
        """The state that values are told of; where several declare them, the one in which it was, else all of these."""
        values: Values = dict(told)
        fitting = [name for name, state in self._protocol.states.items() if state.proof and _fits(state.proof, values)]
        if not fitting:
            return ", ".join(f"{name} {_shown(value)}" for name, value in told) if start.proof else here
        return next((name for name in (here, start.name) if name in fitting), " or ".join(fitting))

    def opens(self, state: State) -> bool:
        """True where the way to a state has opened a session."""
        return any(isinstance(step, Send) and step.message in self._opening for step in state.preamble)

    # -- counting -----------------------------------------------------------------------------------------------------

    def visit(self, name: str, number: int, seconds: float) -> str:
        """Count a state once more; its name, or that of all for which there is no room."""
        if name not in self._states and len(self._states) >= MOST_STATES:
            name = ELSEWHERE
        declared = all(part in self._protocol.states for part in name.split(" or "))
        seen = self._states.get(name) or SeenState(name, declared, number, seconds)
        self._states[name] = replace(seen, times=seen.times + 1)
        return name

    def stay(self, name: str) -> None:
        """Something was done, and the state is the same."""
        seen = self._states[name]
        self._states[name] = replace(seen, stayed=seen.stayed + 1)

    def passed(self, passage: Passage) -> None:
        """Count a passage once more, where there is room."""
        key = passage.key
        if key not in self._passages and len(self._passages) >= MOST_PASSAGES:
            self._left_out += 1
            return
        seen = self._passages.get(key, passage)
        self._passages[key] = replace(seen, times=seen.times + 1)


class _Walk:
    """One case on its way: `here` is the state that is known, `_done` what was done since, `_next` where it may be."""

    def __init__(self, watcher: StateWatcher, start: State, number: int, seconds: float) -> None:
        self._watcher, self.start, self._when = watcher, start, (number, seconds)
        self._in_session = watcher.opens(start)
        self.here = watcher.visit(start.name, number, seconds)
        self._done: list[tuple[str, str]] = []
        self._next = ""
        self.restarted = False

    def did(self, what: str, outcome: str = "", *, opens: bool = False) -> None:
        """A message, or another doing; "" for nothing. One that `opens` a session leads on without being told."""
        if not what:
            return
        if self._next:
            self._arrive(self._next)
        if self._done[-1:] != [(what, outcome)]:
            self._done.append((what, outcome))
        resting = self.here == self.start.name or self.here.startswith(f"{self.start.name}, after ")
        self._next = f"{self.start.name}, after {what}" if opens and resting and not self._in_session else ""

    def told(self, name: str) -> None:
        """The device tells where it is; it knows nothing of what only a message's acceptance led to."""
        same = name == self.here or self.here.startswith(f"{name}, after ")
        self._arrive((self._next or self.here) if same else name)

    def end(self) -> None:
        """Where nothing was told behind the last message."""
        if self._next:
            self._arrive(self._next)

    def _arrive(self, name: str) -> None:
        done, self._done, self._next = self._done, [], ""
        if name == self.here:
            if done:
                self._watcher.stay(name)
            return
        source, self.here = self.here, self._watcher.visit(name, *self._when)
        by, outcome = done[-1] if done else (BY_ITSELF, "")
        outcome = RESTARTED if self.restarted else outcome
        self._watcher.passed(Passage(source, by, outcome, self.here, len({one for one, _ in done}) > 1, *self._when))


def _doing(step: Step) -> str:
    """What is done besides messages; "" for a pause."""
    match step:
        case Stimulate():
            return step.stimulus
        case Procedure():
            return step.name
        case Reconnect():
            return "another connection"
        case Wait() | Send():
            return ""
        case _:
            return "reset"


def _fits(proof: Values, told: Values) -> bool:
    return all(told.get(name) == value for name, value in proof.items())


def _shown(value: float | str | bytes) -> str:
    return (value.hex() if isinstance(value, bytes) else str(value))[:_SHOWN]
