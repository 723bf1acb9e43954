"""Transactions: messages that need others before them, played with steps left out, exchanged, doubled or bent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from fuzzers.moves import Move, Outline
from fuzzers.pools import drawn_changes
from harness.case import Send, Step
from protocols.model import Protocol

EACH = 400
DAMAGES = ("without", "bent", "bent", "swapped", "doubled")


@dataclass(frozen=True, slots=True)
class Transactions:
    """A whole transaction or none, then a damaged one, then the last step once more or not."""

    protocol: Protocol
    moves: Sequence[Move]
    states: Sequence[str]
    seed: int
    max_len: int

    @property
    def count(self) -> int:
        """So many for each message that needs others."""
        return EACH * len(self._whole())

    def at(self, k: int) -> Outline:
        """The k-th."""
        random = Random(f"{self.seed}/transaction/{k}")
        whole = self._whole()
        move = whole[k % len(whole)]
        state = random.choice(sorted(move.natural) or list(self.states))
        first = move.steps(0) if random.random() < 0.5 else ()
        damaged, said = self._damaged(list(move.steps(random.randrange(len(move.forms)))), random)
        again = (move.steps(0)[-1],) if random.random() < 0.25 else ()
        return Outline(state, (*first, *damaged, *again), f"{move.name}{', then again' if first else ''} {said}")

    def _whole(self) -> list[Move]:
        return [move for move in self.moves if move.message and move.message.needs]

    def _damaged(self, steps: list[Step], random: Random) -> tuple[list[Step], str]:
        kind, place = random.choice(DAMAGES), random.randrange(len(steps))
        name = self._name(steps[place])
        if kind == "without":
            del steps[place]
        elif kind == "doubled":
            steps.insert(place, steps[place])
        elif kind == "swapped":
            steps[place], steps[place - 1] = steps[place - 1], steps[place]
        elif name:
            message = self.protocol.message(name)
            changes = drawn_changes(message, self.seed, self.max_len, random, live=True)
            steps[place] = self.protocol.in_place(message.mutated(changes))
            return steps, f"with {name} bent: {', '.join(change.name for change in changes)}"
        return steps, f"with {name} {kind}" if kind != "without" else f"without {name}"

    def _name(self, step: Step) -> str:
        return step.message if isinstance(step, Send) else ""
