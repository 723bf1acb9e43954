"""The cases that showed something first, and which of them is mutated next."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from harness.case import TestCase
from harness.outcome import News

_STEERED = 0.25  # of the choices are for requirements, where there is one to steer to
_ORDER, _REPLY, EDGE_WORTH = 0.25, 2.0, 4.0


@dataclass(slots=True)
class Entry:
    """A case, what it was worth when it came, and how often it was chosen and what came of that."""

    case: TestCase
    worth: float
    chosen: int = 0
    fruits: int = 0

    @property
    def energy(self) -> float:
        """Much for what bears fruit and for what is new; less the oftener it was chosen without."""
        return self.worth * (1 + self.fruits) / (1 + self.chosen)


class Corpus:
    """Chooses by energy, as AFL's seeds are by the power schedules of AFLFast (Böhme et al., CCS 2016).

    What a case is worth is settled when it comes, and the rest by the choices themselves: so the same cases that come
    at the same places are chosen in the same order.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._nearest: dict[str, Entry] = {}

    def add(self, case: TestCase, worth: float, nearer: Sequence[str] = ()) -> None:
        """Keep one; it is what `nearer` requirements are steered to from now on."""
        entry = Entry(case, worth)
        self.entries.append(entry)
        self._nearest.update(dict.fromkeys(nearer, entry))

    def choose(self, random: Random) -> Entry:
        """One to be mutated, of one or more."""
        if self._nearest and random.random() < _STEERED:
            chosen = random.choice(list(self._nearest.values()))
        else:
            weights = list(accumulate(entry.energy for entry in self.entries))
            chosen = self.entries[min(bisect(weights, random.random() * weights[-1]), len(weights) - 1)]
        chosen.chosen += 1
        return chosen


def worth_of(news: News) -> float:
    """What is new of a program or of its replies counts most, what only came in another order least."""
    return EDGE_WORTH * min(news.edges, 4) + _REPLY * min(news.replies, 4) + _ORDER * min(news.orders, 2)
