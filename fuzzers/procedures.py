"""What the carrier of a link can do besides carrying messages, before, between, right behind and instead of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import TypeVar

from fuzzers.enumerate import checked_states
from fuzzers.moves import Move, Outline, Plan, joined, moves_of
from fuzzers.order import Order
from harness.case import Origin, Procedure, Send, Step, TestCase
from harness.errors import UsageError
from harness.transcript import Transcript
from harness.verdict import Observation
from protocols.model import Protocol

T = TypeVar("T")
Form = tuple[str, tuple[Step, ...]]


class ProceduresFuzzer:
    """Every procedure alone, between messages, right behind one, at every point of a walk, and with another at once.

    The procedures are the protocol's, as the link's carrier offers them. Raises UsageError where there are none, and
    for an unknown state.
    """

    name = "procedures"
    every = 6

    def __init__(
        self,
        protocol: Protocol,
        interface: str,
        states: Sequence[str] = (),
        seed: int = 0,
        *,
        max_len: int = 0,
        stimuli: Collection[str] | None = None,
    ) -> None:
        if not protocol.procedures:
            raise UsageError(
                f"[interfaces.{interface}] fuzzers: 'procedures' is for a link that does more than carry messages: ble:"
            )
        self.interface = interface
        self._protocol = protocol
        self._states = checked_states(protocol, states, stimuli)
        self._seed, self._stimuli = seed, stimuli
        self._forms: list[Form] = list(protocol.procedures.items())

    def forecast(self) -> int:
        """How many cases there are in all."""
        return sum(plan.count for plan in self._plans)

    def cases(self) -> Iterator[TestCase]:
        """A few of each plan in turn, until all are through."""
        places = [(plan, 0) for plan in self._plans if plan.count]
        while places:
            left: list[tuple[Plan, int]] = []
            for plan, number in places:
                stop = min(number + plan.weight, plan.count)
                yield from (self._case(plan, k) for k in range(number, stop))
                if stop < plan.count:
                    left.append((plan, stop))
            places = left

    def learn(self, case: TestCase, transcript: Transcript, observations: Sequence[Observation]) -> None:
        """Takes nothing: the same cases for the same seed, whatever the device does."""

    def _case(self, plan: Plan, k: int) -> TestCase:
        outline = plan.at(k)
        path = tuple(step.message for step in outline.steps if isinstance(step, Send))
        origin = Origin(self.name, path, "", f"{plan.kind}: {outline.what}", self._seed)
        return TestCase(self.interface, outline.state, outline.steps, origin)

    @cached_property
    def _plans(self) -> list[Plan]:
        moves = [move for move in moves_of(self._protocol, self._states, self._stimuli) if move.message]
        placed = [(move, state) for move in moves for state in self._states if state in move.natural]
        walks = [(walk, at, state) for walk, state in self._walks(moves) for at in range(len(walk) + 1)]
        forms, states = self._forms, self._states
        return [
            self._listed("alone", list(product(forms, states)), _alone, 4),
            self._listed("between", [(form, *place) for form in forms for place in placed], _between, 2),
            self._listed("right behind", [(form, *place) for form in forms for place in placed], _behind, 2),
            self._listed("in a walk", [(form, *place) for form in forms for place in walks], _in_a_walk, 2),
            self._listed("collision", list(product(forms, forms, states)), _collision, 2),
        ]

    def _walks(self, moves: Sequence[Move]) -> Iterator[tuple[list[Move], str]]:
        """The ways along the graph to each message that lies behind others."""
        by_name = {move.name: move for move in moves}
        for move in moves:
            path = [by_name[edge.target] for edge in self._protocol.path_to(move.name)]
            if len(path) > 1:
                yield from ((path, state) for state in self._states if all(state in one.natural for one in path))

    def _listed(self, kind: str, items: Sequence[T], build: Callable[[T], Outline], weight: int) -> Plan:
        order = Order(len(items), f"{self._seed}/{kind}")
        return Plan(kind, len(items), lambda k: build(items[order.at(k)]), weight)


def _alone(item: tuple[Form, str]) -> Outline:
    (name, steps), state = item
    return Outline(state, steps, name)


def _between(item: tuple[Form, Move, str]) -> Outline:
    (name, steps), move, state = item
    return Outline(state, (*move.steps(0), *steps, *move.steps(0)), f"{move.name}, {name}, {move.name}")


def _behind(item: tuple[Form, Move, str]) -> Outline:
    """The message's answer is not waited for."""
    (name, steps), move, state = item
    *needed, last = move.steps(0)
    sent = replace(last, wait=False) if isinstance(last, Send) else last
    return Outline(state, (*needed, sent, *steps, *move.steps(0)), f"{name} right behind {move.name}")


def _in_a_walk(item: tuple[Form, list[Move], int, str]) -> Outline:
    (name, steps), walk, at, state = item
    parts = [move.steps(0)[-1:] for move in walk]
    words = [*(move.name for move in walk[:at]), name, *(move.name for move in walk[at:])]
    return Outline(state, joined([*parts[:at], steps, *parts[at:]]), ", ".join(words))


def _collision(item: tuple[Form, Form, str]) -> Outline:
    """The second procedure begins while the first one runs, where the carrier can do that."""
    (first, steps), (second, further), state = item
    last = steps[-1]
    begun = replace(last, wait=False) if isinstance(last, Procedure) else last
    return Outline(state, (*steps[:-1], begun, *further), f"{first} and {second}")
