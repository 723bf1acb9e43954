"""What cases cost in time, so that slow ones have fewer turns: one of 6 s takes the place of 600 of 10 ms."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from harness.case import FieldSpan, Procedure, Send, TestCase, Wait
from harness.transcript import Transcript

_SHARE, _WAITED, _AIMED = 0.5, 0.15, 0.25
_LEAST, _TIMES = 0.2, 10.0
_REMEMBERED, _KNOWN, _WEIGHT = 64, 8, 0.25
_SOMETHING, _OTHER = "something", "other"
_LONGER, _SHORTER = _LENGTHS = ("longer", "shorter")
Costs = tuple[tuple[str, str, str, str, float], ...]
Usual = Mapping[tuple[str, str], Send]
NOTHING_USUAL: Usual = MappingProxyType({})


class Place(NamedTuple):
    """Where a message is bent: the field, and to which side; both are empty where it is as it stands."""

    interface: str
    message: str
    field: str = ""
    way: str = ""

    @property
    def valid(self) -> Place:
        """The same message as it stands."""
        return Place(self.interface, self.message)

    @property
    def pools(self) -> tuple[tuple[str, str, str], ...]:
        """It shares each with other places: any field on that side, the field on any side, the field on that side."""
        if not self.field:
            return ()
        sides = "of any length" if self.way in _LENGTHS else "of any value"
        return (
            (self.interface, "", self.way),
            (self.interface, self.field, sides),
            (self.interface, self.field, self.way),
        )


@dataclass(slots=True)
class _Pool:
    """What places cost that have something in common."""

    seconds: float = 0.0
    places: int = 0

    def mean(self, one: float) -> float:
        """With one more place that costs so much, so that few do not say much."""
        return (self.seconds + one) / (self.places + 1)


class Clock:
    """Link seconds of a message until its answer, or until that is given up, learned as they come.

    `usual` are the messages as they stand, by interface and name.

    They are learned by interface, message, bent field and whether that is more, less, longer or shorter than usual:
    what a device refuses after half a second is often one field of a message that it answers at once, on one side of
    its limit. What is new is expected to cost what the message as it stands does, or more if other places do: all that
    were bent to that side, and the same field in other messages; the more of these there are, the more they say. What
    came behind the messages (a way back to service) is the bent one's, as is what the next ones took longer than they
    do, or that of the procedures in the case, which are known by name.
    A case is costly where its messages and pauses take ten times what each fourth of the last cases took less than, and
    a fifth of a second. Together with those that were not known to be, the costly ones get half of the time; those that
    waited for it get 15 % in any case, and a quarter if they are aimed: on a slow device, there is always something
    that was not known to be.
    """

    def __init__(self, usual: Usual = NOTHING_USUAL) -> None:
        self._costs: dict[Place, float] = {}
        self._pools: defaultdict[tuple[str, str, str], _Pool] = defaultdict(_Pool)
        self._usual = usual
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._long = _LEAST  # seconds from which a case is costly
        self._spent = self._spent_costly = self._spent_waited = 0.0

    def note(self, case: TestCase, transcript: Transcript, *, waited: bool = False) -> None:
        """A case was run, and took as long as its transcript says; `waited`: it is one of those that wait for time."""
        seconds = max(0.0, transcript.ended - transcript.started)
        self._spent += seconds
        self._spent_waited += seconds if waited else 0.0
        self._spent_costly += seconds if seconds >= self._long else 0.0
        self._last.append(seconds)
        self._long = max(_LEAST, _TIMES * sorted(self._last)[len(self._last) // 4])
        places = self._places(case)
        own = [exchange for exchange in transcript.exchanges if exchange.message][: len(places)]
        took = [exchange.ended_at - exchange.sent_at for exchange in own]
        rest = seconds - sum(took) - _pauses(case)
        if procedures := _procedures(case):
            for place in procedures:
                self._learn(place, max(0.0, rest) / len(procedures))
        elif took:
            self._blame(places, took, rest)
        for place, one in zip(places, took, strict=False):
            self._learn(place, one)

    def _blame(self, places: Sequence[Place], took: list[float], rest: float) -> None:
        """Move to the bent message, else to the last, the rest and what those behind it took longer than they do."""
        blamed = next((k for k, place in enumerate(places[: len(took)]) if place.field), len(took) - 1)
        for k in range(blamed + 1, len(took)):
            late = max(0.0, took[k] - self._costs.get(places[k], took[k]))
            took[k] -= late
            rest += late
        took[blamed] += rest

    def _learn(self, place: Place, seconds: float) -> None:
        before = self._costs.get(place, seconds)
        self._set(place, before + _WEIGHT * (seconds - before))

    def _set(self, place: Place, seconds: float) -> None:
        before = self._costs.get(place)
        self._costs[place] = seconds
        for pool in map(self._pools.__getitem__, place.pools):
            pool.seconds += seconds - (before or 0.0)
            pool.places += before is None

    def expected(self, case: TestCase) -> float:
        """Seconds of its messages as they took lately, and of its pauses.

        One that nobody has seen yet costs nothing, to be tried; of several each costs as much as others.
        """
        places, known = self._places(case), self._costs.values()
        unseen = sum(place not in self._costs for place in places)
        new = sum(known) / len(known) if known and unseen > 1 else 0.0
        procedures = sum(self._of(place, 0.0) for place in _procedures(case))
        return procedures + sum(self._of(place, new) for place in places) + _pauses(case)

    def _of(self, place: Place, new: float) -> float:
        if (known := self._costs.get(place)) is not None:
            return known
        valid = self._costs.get(place.valid, new)
        pooled = 0.0
        for pool in place.pools:
            pooled = self._pools[pool].mean(pooled) if pool in self._pools else pooled
        return max(valid, pooled)

    def is_costly(self, case: TestCase) -> bool:
        """True where it takes much longer than others do, as far as is known."""
        return len(self._last) >= _KNOWN and self.expected(case) >= self._long

    def affords(self, seconds: float, *, aimed: bool = False) -> bool:
        """True where a costly case of so many seconds leaves all together, or those that waited, within their share."""
        then, least = self._spent + seconds, _AIMED if aimed else _WAITED
        return self._spent_costly + seconds <= _SHARE * then or self._spent_waited + seconds <= least * then

    def place(self, case: TestCase) -> Place:
        """What in it is bent and how, else its last message: cases of one place are expected to take as long."""
        places = self._places(case) or _procedures(case) or [Place(case.interface, "")]
        return next((place for place in places if place.field), places[-1])

    def _places(self, case: TestCase) -> list[Place]:
        return [
            Place(case.interface, step.message, *self._bent(case, step))
            if step.mutated
            else Place(case.interface, step.message)
            for step in case.steps
            if isinstance(step, Send)
        ]

    def _bent(self, case: TestCase, bent: Send) -> tuple[str, str]:
        """The field that is bent, and how the message differs from what it is as it stands."""
        usual = self._usual.get((case.interface, bent.message))
        if usual is None:
            return case.origin.field or _SOMETHING, _OTHER
        named = case.origin.field
        spans = [span for span in usual.spans if not named or span.name == named]
        first = next((span for span in spans if _part(span, bent) != _part(span, usual)), None)
        name = named or (first.name if first else _SOMETHING)
        if len(bent.data) != len(usual.data):
            return name, _LONGER if len(bent.data) > len(usual.data) else _SHORTER
        if first is None:
            return name, _OTHER
        return name, "more" if _part(first, bent) > _part(first, usual) else "less"

    def state(self) -> Costs:
        """What was learned, to be written down."""
        return tuple((one.interface, one.message, one.field, one.way, cost) for one, cost in self._costs.items())

    def restore(self, costs: Costs) -> None:
        """Back to a `state()`."""
        for interface, message, field, way, seconds in costs:
            self._set(Place(interface, message, field, way), seconds)


def _pauses(case: TestCase) -> float:
    return sum(step.seconds for step in case.steps if isinstance(step, Wait))


def _procedures(case: TestCase) -> list[Place]:
    return [Place(case.interface, step.name) for step in case.steps if isinstance(step, Procedure)]


def _part(span: FieldSpan, send: Send) -> bytes:
    return send.data[span.offset : span.offset + span.length]
