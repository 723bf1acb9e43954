"""Conversations as a capture has them: played in every state as they are, then bent like any walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

from fuzzers.moves import Outline
from fuzzers.walk import Walk, Walker
from harness.case import Send

LONGEST = 12
BENT = 400

Part = tuple[str, tuple[Send, ...]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded orders in different parts of at most `LONGEST` messages, each in every state, and `BENT` times bent."""

    walker: Walker
    conversations: Sequence[tuple[Send, ...]]
    _parts: tuple[Part, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        parts: dict[tuple[Send, ...], str] = {}
        for number, sends in enumerate(self.conversations, 1):
            for start in range(0, len(sends), LONGEST):
                parts.setdefault(sends[start : start + LONGEST], f"walk {number}")
        object.__setattr__(self, "_parts", tuple((walk, sends) for sends, walk in parts.items()))

    @property
    def count(self) -> int:
        """As they are, and bent."""
        return len(self._parts) * (len(self.walker.states) + BENT)

    def at(self, k: int) -> Outline:
        """The k-th: all parts in one state, then in the next, then bent."""
        turn, place = divmod(k, len(self._parts))
        parent, sends = self._parts[place]
        if turn < len(self.walker.states):
            return Outline(self.walker.states[turn], sends, ", ".join(send.message for send in sends), parent)
        random = Random(f"{self.walker.seed}/recorded/{k}")
        walk = Walk([send.message for send in sends], [(send,) for send in sends])
        return replace(self.walker.mutated(walk, random.choice(self.walker.states), random), parent=parent)
