"""What cases cost in time, so that slow ones have fewer turns: one of 6 s takes the place of 600 of 10 ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from harness.case import Procedure, Send, TestCase, Wait
from harness.transcript import Transcript

_SHARE, _WAITED, _AIMED = 0.5, 0.1, 0.25
_LEAST, _TIMES = 0.2, 10.0
_REMEMBERED, _KNOWN, _WEIGHT = 64, 8, 0.25
_ANY, _FEW = "", 4
Costs = tuple[tuple[str, str, str, float], ...]
_Place = tuple[str, str, str]


class _Key(NamedTuple):
    """A message of a case, the field of it that is bent, if one is, and in which manner."""

    interface: str
    message: str
    field: str
    manner: str

    @property
    def own(self) -> _Place:
        return self.interface, self.message, self.field

    @property
    def valid(self) -> _Place:
        return self.interface, self.message, ""

    @property
    def alike(self) -> tuple[_Place, ...]:
        """The same field of any message, the same manner in any field; none for a message as it stands."""
        return ((self.interface, _ANY, self.field), (self.interface, _ANY, f"{self.manner} …")) if self.field else ()


class Clock:
    """Link seconds of a message until its answer, or until that is given up, learned as they come.

    They are learned by interface, message and bent field: what a device refuses after half a second is often one field
    of a message that it answers at once. What is new is expected to cost the most of what the same field did in other
    messages, the same manner of bending in other fields, and the message as it stands. What came behind the messages (a
    way back to service) is the bent one's, or that of the procedures in the case, which are known by name.
    A case is costly where its messages and pauses take ten times what each fourth of the last cases took less than, and
    a fifth of a second. Together with those that were not known to be, the costly ones get half of the time; those that
    waited for it get a tenth in any case, and a quarter if they are aimed: on a slow device, there is always something
    that was not known to be.
    """

    def __init__(self) -> None:
        self._costs: dict[_Place, float] = {}
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._spent = self._spent_costly = self._spent_waited = 0.0

    def note(self, case: TestCase, transcript: Transcript, *, waited: bool = False) -> None:
        """A case was run, and took as long as its transcript says; `waited`: it is one of those that wait for time."""
        seconds = max(0.0, transcript.ended - transcript.started)
        self._spent += seconds
        self._spent_waited += seconds if waited else 0.0
        self._spent_costly += seconds if self._is_long(seconds) else 0.0
        self._last.append(seconds)
        keys = _keys(case)
        own = [exchange for exchange in transcript.exchanges if exchange.message][: len(keys)]
        took = [exchange.ended_at - exchange.sent_at for exchange in own]
        rest = seconds - sum(took) - _pauses(case)
        if procedures := _procedures(case):
            for key in procedures:
                self._learn(key, max(0.0, rest) / len(procedures))
        elif len(took) == len(keys) and keys:
            took[keys.index(next((key for key in keys if key.field), keys[-1]))] += rest
        for key, one in zip(keys, took, strict=False):
            self._learn(key, one)

    def _learn(self, key: _Key, seconds: float) -> None:
        for one in (key.own, *key.alike):
            before = self._costs.get(one, seconds)
            self._costs[one] = before + _WEIGHT * (seconds - before)

    def expected(self, case: TestCase) -> float:
        """Seconds of its messages as they took lately, and of its pauses.

        What nobody has seen yet costs nothing, to be tried, but as much as others where a case has many messages.
        """
        keys, known = _keys(case), self._costs.values()
        new = sum(known) / len(known) if known and len(keys) > _FEW else 0.0
        procedures = sum(self._of(key, 0.0) for key in _procedures(case))
        return procedures + sum(self._of(key, new) for key in keys) + _pauses(case)

    def _of(self, key: _Key, new: float) -> float:
        if (known := self._costs.get(key.own)) is not None:
            return known
        return max((self._costs[one] for one in (*key.alike, key.valid) if one in self._costs), default=new)

    def is_costly(self, case: TestCase) -> bool:
        """True where it takes much longer than others do, as far as is known."""
        return len(self._last) >= _KNOWN and self._is_long(self.expected(case))

    def _is_long(self, seconds: float) -> bool:
        usual = sorted(self._last)[len(self._last) // 4] if self._last else 0.0
        return seconds >= max(_LEAST, _TIMES * usual)

    def affords(self, seconds: float, *, aimed: bool = False) -> bool:
        """True where a costly case of so many seconds leaves all together, or those that waited, within their share."""
        then, least = self._spent + seconds, _AIMED if aimed else _WAITED
        return self._spent_costly + seconds <= _SHARE * then or self._spent_waited + seconds <= least * then

    def state(self) -> Costs:
        """What was learned, to be written down."""
        return tuple((*key, seconds) for key, seconds in self._costs.items())

    def restore(self, costs: Iterable[tuple[str, str, str, float]]) -> None:
        """Back to a `state()`."""
        self._costs.update({(interface, message, field): cost for interface, message, field, cost in costs})


def _pauses(case: TestCase) -> float:
    return sum(step.seconds for step in case.steps if isinstance(step, Wait))


def _procedures(case: TestCase) -> list[_Key]:
    return [_Key(case.interface, step.name, "", "") for step in case.steps if isinstance(step, Procedure)]


def _keys(case: TestCase) -> list[_Key]:
    origin = case.origin
    bent, manner = origin.field or "something", origin.mutation.partition(" ")[0]
    return [
        _Key(case.interface, step.message, bent if step.mutated else "", manner if step.mutated else "")
        for step in case.steps
        if isinstance(step, Send)
    ]
