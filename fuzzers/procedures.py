"""What the carrier of a link can do besides carrying messages, before, between, right behind and instead of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product

from fuzzers.moves import Move, Outline, Plan, joined, moves_of
from fuzzers.planned import PlannedFuzzer
from harness.case import Procedure, Send, Step
from protocols.model import Protocol

Form = tuple[str, tuple[Step, ...]]


class ProceduresFuzzer(PlannedFuzzer):
    """Every procedure alone, between messages, right behind one, at every point of a walk, and with another at once.

    The procedures are the protocol's, as the link's carrier offers them.
    """

    name = "procedures"
    turns = 6
    needs = "a link that does more than carry messages: ble:"

    @classmethod
    def fits(cls, protocol: Protocol) -> bool:
        """Where the link's carrier has procedures to offer."""
        return bool(protocol.procedures)

    @cached_property
    def _plans(self) -> list[Plan]:
        moves = [move for move in moves_of(self._protocol, self._states, self._stimuli) if move.message]
        placed = [(move, state) for move in moves for state in self._states if state in move.natural]
        walks = [(walk, at, state) for walk, state in self._walks(moves) for at in range(len(walk) + 1)]
        forms, states = list(self._protocol.procedures.items()), self._states
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


def _alone(item: tuple[Form, str], _k: int) -> Outline:
    (name, steps), state = item
    return Outline(state, steps, name)


def _between(item: tuple[Form, Move, str], _k: int) -> Outline:
    (name, steps), move, state = item
    return Outline(state, (*move.steps(0), *steps, *move.steps(0)), f"{move.name}, {name}, {move.name}")


def _behind(item: tuple[Form, Move, str], _k: int) -> Outline:
    """The message's answer is not waited for."""
    (name, steps), move, state = item
    *needed, last = move.steps(0)
    sent = replace(last, wait=False) if isinstance(last, Send) else last
    return Outline(state, (*needed, sent, *steps, *move.steps(0)), f"{name} right behind {move.name}")


def _in_a_walk(item: tuple[Form, list[Move], int, str], _k: int) -> Outline:
    (name, steps), walk, at, state = item
    parts = [move.steps(0)[-1:] for move in walk]
    words = [*(move.name for move in walk[:at]), name, *(move.name for move in walk[at:])]
    return Outline(state, joined([*parts[:at], steps, *parts[at:]]), ", ".join(words))


def _collision(item: tuple[Form, Form, str], _k: int) -> Outline:
    """The second procedure begins while the first one runs, where the carrier can do that."""
    (first, steps), (second, further), state = item
    last = steps[-1]
    begun = replace(last, wait=False) if isinstance(last, Procedure) else last
    return Outline(state, (*steps[:-1], begun, *further), f"{first} and {second}")
