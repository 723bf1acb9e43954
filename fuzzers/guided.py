"""Mutates the cases that showed something first, whichever fuzzer they are of, and aims at what is compared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from random import Random

from fuzzers.aiming import AIMED, Aimer, Probe
from fuzzers.bends import Bender
from fuzzers.corpus import EDGE_WORTH, Corpus, Entry, worth_of
from fuzzers.keeping import Keeping
from fuzzers.moves import Move, moves_of
from fuzzers.planned import ModelFuzzer, Part
from fuzzers.windows import field_of
from harness.case import Origin, Send, Step, TestCase
from harness.learned import Aim, Kept, Learned, Looked
from harness.outcome import Outcome

MOST = 1_000_000  # cases
_SEED_WORTH, _LEAST_WORTH = 1.0, 0.25
_CHILDREN = 4  # of an entry each time that it is chosen
_TRIES = 8
_UNDIRECTED = 4  # of so many choices one is for mutations, whatever there is to aim at
_TURNS = 3  # of so many one begins with an aim that tells less
_EARLY, _SELDOM, _USUALLY = 60, 4, 2
_ELSEWHERE = 0.05  # of the children begin in another state
_PARENTS = 4096  # remembered


class GuidedFuzzer(ModelFuzzer):
    """Begins with the valid messages and what was captured, and goes on with whatever showed something new.

    Where it can be seen what the program compares, most of its first cases are probes of that and what they aim at.
    Its cases depend on the seed, on what was kept when and on what came of probes: another run that is told these
    (`restore`, `recall`) deals the same ones.
    """

    name = "guided"
    asked_for = True

    @property
    def every(self) -> int:
        """Seldom at first, when every case shows something new; at each turn while there is something to aim at."""
        if self._dealt < _EARLY:
            return _SELDOM
        return 1 if self._compares and self._aimer.has_work else _USUALLY

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
    def _aimer(self) -> Aimer:
        return Aimer(self._protocol, self._states, self._max_len, self._stimuli)

    @cached_property
    def _looking(self) -> dict[str, int]:
        return {}

    @cached_property
    def _looked(self) -> list[Looked]:
        return []

    @cached_property
    def _keeping(self) -> Keeping:
        return Keeping()

    @cached_property
    def _parents(self) -> OrderedDict[str, Entry]:
        return OrderedDict()

    _dealt = _taken = 0

    def _first(self) -> Iterator[TestCase]:
        for move in self._moves:
            for state in self._states if move.message else ():
                if state in move.natural:
                    yield self._case(state, move.steps(0), move.name)
        for steps in self._protocol.recorded:
            yield self._case(self._states[0], steps, "recorded")

    def _case(self, state: str, steps: tuple[Step, ...], what: str, field: str = "") -> TestCase:
        path = tuple(step.message for step in steps if isinstance(step, Send))
        return TestCase(self.interface, state, steps, Origin(self.name, path, field, what, self._seed))

    @cached_property
    def _parts(self) -> list[Part]:
        return []

    def forecast(self) -> int:
        """There is no end but this."""
        return MOST

    def cases(self) -> Iterator[TestCase]:
        """Aims and probes as long as there are some; in between, and then, mutations of what was kept by then."""
        choice = 0
        self._catch_up()
        while self._dealt < MOST and self._corpus.entries:
            random = Random(f"{self._seed}/{self.interface}/guided/{choice}")
            choice += 1
            turn = choice % _TURNS
            directed = self._directed(random, turn) if self._compares and choice % _UNDIRECTED else iter(())
            if (first := next(directed, None)) is None:
                directed = self._children(random)
            else:
                yield from self._one(first)
            for made in directed:
                yield from self._one(made)

    def _one(self, case: TestCase) -> Iterator[TestCase]:
        """It, unless it is too long."""
        if _size(case.steps) <= self._max_case_bytes:
            self._dealt += 1
            yield case
            self._catch_up()

    def _directed(self, random: Random, turn: int) -> Iterator[TestCase]:
        """One case with an aim, or the runs of one probe; now and then, where nobody knows fields, what tells less."""
        late = turn == 0 and self._protocol.blind
        if aimed := self._aimer.aimed(late=late) or self._aimer.aimed(late=False):
            yield self._aimed(*aimed)
        elif found := self._aimer.probe(self._dealt):
            number, probe = found
            for steps in self._aimer.runs(probe, random):
                case = self._case(probe.state, steps, "probed")
                self._looking[case.id] = number
                yield case
        elif aimed := self._aimer.aimed(late=True):
            yield self._aimed(*aimed)

    def _aimed(self, probe: Probe, aim: Aim, steps: tuple[Step, ...]) -> TestCase:
        said = f"{AIMED} {aim.number}, compared with {aim.against}"
        return self._case(probe.state, steps, said, field=field_of(aim.field))

    def _children(self, random: Random) -> Iterator[TestCase]:
        """A few of the entry that is chosen."""
        entry, other = self._corpus.choose(random), self._corpus.choose(random)
        for _ in range(_CHILDREN):
            if made := self._mutated(entry.case, other.case, random):
                self._remember(made, entry)
                yield made

    def _remember(self, child: TestCase, parent: Entry) -> None:
        self._parents[child.id] = parent
        if len(self._parents) > _PARENTS:
            self._parents.popitem(last=False)

    def _mutated(self, case: TestCase, other: TestCase, random: Random) -> TestCase | None:
        """A child that says something and is not too long."""
        for _ in range(_TRIES):
            steps, said = self._bender.bent(case.steps, other.steps, random)
            steps = self._aimer.repaired(steps, random)
            if steps and said and _size(steps) <= self._max_case_bytes:
                state = random.choice(self._states) if random.random() < _ELSEWHERE else case.state
                return self._case(state, steps, said)
        return None

    # -- feedback -----------------------------------------------------------------------------------------------------

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Keep what shows something first; not what did not reach its state, nor what the device has faulted on."""
        news, compared = outcome.measures.news, outcome.measures.compared
        if compared and case.id in self._looking:
            looked = self._aimer.saw(self._looking.pop(case.id), compared, self._dealt)
            self._looked += [looked] if looked else []
        if news and outcome.transcript.state_reached and not outcome.observations:
            self._keeping.keep(case, Kept(case.id, self._dealt, max(worth_of(news), _LEAST_WORTH), news.nearer))

    def state(self) -> Learned:
        """What was kept, to be written down."""
        return Learned(self._keeping.state(), tuple(self._looked), self._aimer.begun())

    def restore(self, learned: Learned) -> None:
        """Before any case is dealt: what will be kept at which place."""
        self._keeping.restore(learned.kept)
        self._looked.extend(learned.looked)
        self._aimer.go_on(learned.begun)

    def recall(self, case: TestCase) -> None:
        """A case was dealt again: where it had been kept, it is kept again at its place."""
        self._keeping.recall(case)

    def looks(self, case: TestCase) -> bool:
        """True for the runs of a probe."""
        return case.id in self._looking

    def _catch_up(self) -> None:
        """Keep what had been kept when so many cases were dealt, and take what had come of probes."""
        while self._taken < len(self._looked) and self._looked[self._taken].dealt <= self._dealt:
            self._aimer.take(self._looked[self._taken])
            self._taken += 1
        for case, kept in self._keeping.due(self._dealt):
            self._corpus.add(case, kept.worth, kept.nearer)
            if self._compares and kept.worth >= EDGE_WORTH:
                self._aimer.offer(case)
            if parent := self._parents.get(case.id):
                parent.fruits += 1


def _size(steps: Sequence[Step]) -> int:
    return sum(len(step.data) for step in steps if isinstance(step, Send))
