"""What cases cost in time, so that slow ones have fewer turns: one of 6 s takes the place of 600 of 10 ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from harness.case import FieldSpan, Procedure, Send, TestCase, Wait
from harness.transcript import Transcript

_SHARE, _WAITED, _AIMED = 0.5, 0.1, 0.25
_LEAST, _TIMES = 0.2, 10.0
_REMEMBERED, _KNOWN, _WEIGHT = 64, 8, 0.25
_ANY, _SOMETHING, _OTHER, _FEW = "", "something", "other", 4
Costs = tuple[tuple[str, str, str, float], ...]
Place = tuple[str, str, str]


class _Key(NamedTuple):
    """A message of a case, the field of it that is bent, if one is, and in which direction."""

    interface: str
    message: str
    field: str
    way: str

    @property
    def own(self) -> Place:
        return self.interface, self.message, f"{self.field} {self.way}" if self.field else ""

    @property
    def valid(self) -> Place:
        return self.interface, self.message, ""

    @property
    def alike(self) -> tuple[Place, ...]:
        """The same of the field in any message, and of any field; none for a message as it stands."""
        return ((self.interface, _ANY, self.own[2]), (self.interface, _ANY, f"… {self.way}")) if self.field else ()


class Clock:
    """Link seconds of a message until its answer, or until that is given up, learned as they come.

    They are learned by interface, message, bent field and whether that is more, less, longer or shorter than usual:
    what a device refuses after half a second is often one field of a message that it answers at once, on one side of
    its limit. What is new is expected to cost the most of what the same field did in other messages, what any did that
    was bent to the same side, and the message as it stands. What came behind the messages (a way back to service) is
    the bent one's, or that of the procedures in the case, which are known by name.
    A case is costly where its messages and pauses take ten times what each fourth of the last cases took less than, and
    a fifth of a second. Together with those that were not known to be, the costly ones get half of the time; those that
    waited for it get a tenth in any case, and a quarter if they are aimed: on a slow device, there is always something
    that was not known to be.
    """

    def __init__(self) -> None:
        self._costs: dict[Place, float] = {}
        self._usual: dict[tuple[str, str], Send] = {}
        self._last: deque[float] = deque(maxlen=_REMEMBERED)
        self._spent = self._spent_costly = self._spent_waited = 0.0

    def note(self, case: TestCase, transcript: Transcript, *, waited: bool = False) -> None:
        """A case was run, and took as long as its transcript says; `waited`: it is one of those that wait for time."""
        seconds = max(0.0, transcript.ended - transcript.started)
        self._spent += seconds
        self._spent_waited += seconds if waited else 0.0
        self._spent_costly += seconds if self._is_long(seconds) else 0.0
        self._last.append(seconds)
        self._see(case)
        keys = self._keys(case)
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
        keys, known = self._keys(case), self._costs.values()
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

    def place(self, case: TestCase) -> Place:
        """What in it is bent and how, else its last message: cases of one place are expected to take as long."""
        keys = self._keys(case) or _procedures(case)
        bent = next((key for key in keys if key.field), keys[-1] if keys else None)
        return bent.own if bent else (case.interface, _ANY, "")

    def _see(self, case: TestCase) -> None:
        for step in case.steps:
            if isinstance(step, Send) and not step.mutated:
                self._usual.setdefault((case.interface, step.message), step)

    def _keys(self, case: TestCase) -> list[_Key]:
        return [
            _Key(case.interface, step.message, *self._bent(case, step))
            if step.mutated
            else _Key(case.interface, step.message, "", "")
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
            return name, "longer" if len(bent.data) > len(usual.data) else "shorter"
        if first is None:
            return name, _OTHER
        return name, "more" if _part(first, bent) > _part(first, usual) else "less"

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


def _part(span: FieldSpan, send: Send) -> bytes:
    return send.data[span.offset : span.offset + span.length]
