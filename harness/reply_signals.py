"""Signals that a device tells of itself in what it answers, beside those that are measured: what a black box can show.

`[signals.NAME] reply = "FIELD"` names the field as the protocol's parser reads it. What a device says of itself may be
wrong: what is measured is better evidence, where there is something that measures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from harness.interfaces import WireProtocol
from harness.transcript import Sample, Transcript

_REMEMBERED = 1024  # replies: a device repeats itself
Told = Mapping[int, float | None]
Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class ReplyField:
    """The field of a reply that a signal is read from, and what one of its steps is worth; "" for a measured signal."""

    field: str = ""
    scale: float = 1.0


class ReplySignals:
    """Samples with the values of all signals, in the order of `fields`: each holds until it is told again.

    A target's own samples have those that no reply tells, in the same order.
    """

    def __init__(self, fields: Sequence[ReplyField], protocols: Mapping[str, WireProtocol]) -> None:
        self._measured = [place for place, one in enumerate(fields) if not one.field]
        self._told = [(place, one.field, one.scale) for place, one in enumerate(fields) if one.field]
        self._read = {name: lru_cache(_REMEMBERED)(self._reader(protocol)) for name, protocol in protocols.items()}
        self.values: Values = (None,) * len(fields)

    def samples(self, interface: str, transcript: Transcript) -> Sequence[Sample]:
        """Of a transcript, oldest first."""
        if not self._told:
            return transcript.samples
        measured = ((s.time, dict(zip(self._measured, s.values, strict=True))) for s in transcript.samples)
        return [self._sample(*one) for one in sorted((*measured, *self._replies(interface, transcript)), key=_TIME)]

    def _sample(self, time: float, told: Told) -> Sample:
        self.values = tuple(told.get(place, value) for place, value in enumerate(self.values))
        return Sample(time, self.values)

    def _replies(self, interface: str, transcript: Transcript) -> Iterator[tuple[float, Told]]:
        if (read := self._read.get(interface)) is None:
            return
        for exchange in transcript.exchanges:
            for data in (*exchange.replies, *exchange.unsolicited):
                if told := read(data):
                    yield exchange.ended_at, told

    def _reader(self, protocol: WireProtocol) -> Callable[[bytes], Told]:
        def read(data: bytes) -> Told:
            fields = [frame.fields for frame in protocol.split(data)[0]]
            named = ((place, of[name], scale) for of in fields for place, name, scale in self._told if name in of)
            return {place: number * scale for place, value, scale in named if (number := _number(value)) is not None}

        return read


_TIME = itemgetter(0)


def _number(value: object) -> float | None:
    """An integer, a truth, or a text of digits, as a number; None for anything else."""
    try:
        return float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
