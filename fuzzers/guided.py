"""Mutates the cases that showed something first, whichever fuzzer they are of: feedback steers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from functools import cached_property
from random import Random

from fuzzers.bends import Bender
from fuzzers.corpus import Corpus, Entry, worth_of
from fuzzers.moves import Move, moves_of
from fuzzers.planned import ModelFuzzer, Part
from harness.case import Origin, Send, Step, TestCase
from harness.learned import Kept, Learned
from harness.outcome import Outcome

MOST = 1_000_000  # cases
_SEED_WORTH, _LEAST_WORTH = 1.0, 0.25
_CHILDREN = 4  # of an entry each time that it is chosen
_TRIES = 8
_ELSEWHERE = 0.05  # of the children begin in another state
_PARENTS = 4096  # remembered


class GuidedFuzzer(ModelFuzzer):
    """Begins with the valid messages and what was captured, and goes on with whatever showed something new.

    Its cases depend on the seed and on what was kept when: another run that is told both (`restore`, `recall`) deals
    the same ones.
    """

    name = "guided"
    asked_for = True

    @cached_property
    def _moves(self) -> list[Move]:
        return moves_of(self._protocol, self._states, self._stimuli)

    @cached_property
    def _bender(self) -> Bender:
        return Bender(self._protocol, self._moves, self._seed, self._max_len, self._words, self._stimuli)

    @cached_property
    def _corpus(self) -> Corpus:
        corpus = Corpus()
        for case in self._first():
            corpus.add(case, _SEED_WORTH)
        return corpus

    @cached_property
    def _kept(self) -> list[Kept]:
        return []

    @cached_property
    def _recalled(self) -> dict[str, TestCase]:
        return {}

    @cached_property
    def _parents(self) -> OrderedDict[str, Entry]:
        return OrderedDict()

    _dealt = _caught_up = 0

    def _first(self) -> Iterator[TestCase]:
        for move in self._moves:
            for state in self._states if move.message else ():
                if state in move.natural:
                    yield self._case(state, move.steps(0), move.name)
        for steps in self._protocol.recorded:
            yield self._case(self._states[0], steps, "recorded")

    def _case(self, state: str, steps: tuple[Step, ...], what: str, parent: str = "") -> TestCase:
        path = tuple(step.message for step in steps if isinstance(step, Send))
        return TestCase(self.interface, state, steps, Origin(self.name, path, "", what, self._seed, parent))

    @cached_property
    def _parts(self) -> list[Part]:
        return []

    def forecast(self) -> int:
        """There is no end but this."""
        return MOST

    def cases(self) -> Iterator[TestCase]:
        """A few children of each entry that is chosen, among all that was kept by then."""
        choice = 0
        self._catch_up()
        while self._dealt < MOST and self._corpus.entries:
            random = Random(f"{self._seed}/{self.interface}/guided/{choice}")
            entry, other = self._corpus.choose(random), self._corpus.choose(random)
            choice += 1
            for _ in range(_CHILDREN):
                if made := self._mutated(entry.case, other.case, random):
                    self._remember(made, entry)
                    yield made
                    self._catch_up()

    def _remember(self, child: TestCase, parent: Entry) -> None:
        self._dealt += 1
        self._parents[child.id] = parent
        if len(self._parents) > _PARENTS:
            self._parents.popitem(last=False)

    def _mutated(self, case: TestCase, other: TestCase, random: Random) -> TestCase | None:
        """A child that says something and is not too long."""
        for _ in range(_TRIES):
            steps, said = self._bender.bent(case.steps, other.steps, random)
            size = sum(len(step.data) for step in steps if isinstance(step, Send))
            if steps and said and size <= self._max_case_bytes:
                state = random.choice(self._states) if random.random() < _ELSEWHERE else case.state
                return self._case(state, steps, said)
        return None

    # -- feedback -----------------------------------------------------------------------------------------------------

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Keep what shows something first; not what did not reach its state, nor what the device has faulted on."""
        news = outcome.measures.news
        if news and outcome.transcript.state_reached and not outcome.observations:
            self._kept.append(Kept(case.id, self._dealt, max(worth_of(news), _LEAST_WORTH), news.nearer))
            self._recalled[case.id] = case
            self._catch_up()

    def state(self) -> Learned:
        """What was kept, to be written down."""
        return Learned(tuple(self._kept))

    def restore(self, learned: Learned) -> None:
        """Before any case is dealt: what will be kept at which place."""
        self._kept.extend(learned.kept)

    def recall(self, case: TestCase) -> None:
        """A case was dealt again: where it had been kept, it is kept again at its place."""
        if case.id in self._awaited:
            self._recalled[case.id] = case

    @cached_property
    def _awaited(self) -> frozenset[str]:
        return frozenset(kept.case for kept in self._kept)

    def _catch_up(self) -> None:
        """Keep what had been kept when so many cases were dealt."""
        while self._caught_up < len(self._kept) and self._kept[self._caught_up].dealt <= self._dealt:
            kept = self._kept[self._caught_up]
            if (case := self._recalled.get(kept.case)) is None:
                return
            self._caught_up += 1
            self._corpus.add(case, kept.worth, kept.nearer)
            if parent := self._parents.get(case.id):
                parent.fruits += 1
