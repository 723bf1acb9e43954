"""Signals that a device tells of itself in what it answers, beside those that are measured: what a black box can show.

`[signals.NAME] reply = "FIELD"` names the field as the protocol's parser reads it, of whatever comes; with
`"MESSAGE.FIELD"` it is that of the answer to a message, sent as it stands: another address would tell of another place.
What a device says of itself may be wrong: what is measured is better evidence, where there is something that measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from harness.case import Send, TestCase
from harness.interfaces import WireProtocol
from harness.transcript import Sample, Transcript

_REMEMBERED = 1024  # replies: a device repeats itself
Told = Mapping[int, float | None]
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ReplyField:
    """Of which reply a signal is which field, "" for a measured one; and what one of its steps is worth."""

    reply: str = ""
    scale: float = 1.0


class ReplySignals:
    """Samples with the values of all signals, in the order of `fields`: each holds until it is told again.

    A target's own samples have those that no reply tells, in the same order.
    """

    def __init__(self, fields: Sequence[ReplyField], protocols: Mapping[str, WireProtocol]) -> None:
        self._measured = [place for place, one in enumerate(fields) if not one.reply]
        self._told = [(place, one) for place, one in enumerate(fields) if one.reply]
        self.places = frozenset(place for place, _one in self._told)
        self._protocols = protocols
        self._read = lru_cache(_REMEMBERED)(self._fields)
        self.values: Values = (None,) * len(fields)

    def samples(self, case: TestCase, transcript: Transcript) -> Sequence[Sample]:
        """Of a case, oldest first."""
        if not self._told:
            return transcript.samples
        measured = ((s.time, dict(zip(self._measured, s.values, strict=True))) for s in transcript.samples)
        return [self._sample(*one) for one in sorted((*measured, *self._replies(case, transcript)), key=_TIME)]

    def _sample(self, time: float, told: Told) -> Sample:
        self.values = tuple(told.get(place, value) for place, value in enumerate(self.values))
        return Sample(time, self.values)

    def _replies(self, case: TestCase, transcript: Transcript) -> Iterator[tuple[float, Told]]:
        if (protocol := self._protocols.get(case.interface)) is None:
            return
        sent = [step for step in case.steps if isinstance(step, Send)]
        other = {step.message for step in sent if protocol.usual.get(step.message, step).data != step.data}
        for exchange in transcript.exchanges:
            name = "" if exchange.message in other else exchange.message
            said = [(name, data) for data in exchange.replies] + [("", data) for data in exchange.unsolicited]
            for told in (self._read(case.interface, *one) for one in said):
                if told:
                    yield exchange.ended_at, told

    def _fields(self, interface: str, message: str, data: bytes) -> Told:
        """The values that frames have, as the answer to a message that was sent as it stands, or to any ("")."""
        found: dict[int, float | None] = {}
        for fields in [frame.fields for frame in self._protocols[interface].split(data)[0]]:
            for place, one in self._told:
                own = one.reply.removeprefix(f"{message}.") if message else one.reply
                name = own if own in fields else one.reply
                if name in fields and (number := _number(fields[name])) is not None:
                    found[place] = number * one.scale
        return found


_TIME = itemgetter(0)


def _number(value: object) -> float | None:
    """An integer, a truth, or a text of digits, as a number; None for anything else."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
