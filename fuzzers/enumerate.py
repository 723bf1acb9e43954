"""Bends every field of every message in every state, breadth first over fields, classes of values and states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial

from fuzzers.chains import Variant
from fuzzers.planned import ModelFuzzer, Part
from fuzzers.streams import Stream, Streams
from fuzzers.values import Changes
from harness.case import Origin, Send, Step, TestCase
from protocols.model import Message

SHOWN = 12


class EnumerateFuzzer(ModelFuzzer):
    """Every boofuzz mutation, and lengths, limits, bit flips and wrong checksums besides, in every state.

    A round takes the next value of each stream; no field waits until another is done.
    """

    name = "enumerate"

    @cached_property
    def _parts(self) -> list[Part]:
        streams = Streams(self._protocol, self._states, self._seed, self._max_len, self._stimuli)
        return [Part(stream.count, stream.values.weight, partial(self.case, stream)) for stream in streams.all()]

    def case(self, stream: Stream, number: int) -> TestCase:
        """The case of that number in a stream."""
        variant, changes, k = stream.at(number)
        message = variant.message
        bent = self._protocol.in_place(message.mutated(changes) if changes else message.valid[k])
        steps = (*variant.before, bent, *variant.after)
        return TestCase(self.interface, variant.state, steps, self._origin(stream, variant, changes, steps))

    def _origin(self, stream: Stream, variant: Variant, changes: Changes, steps: Sequence[Step]) -> Origin:
        path = tuple(step.message for step in steps if isinstance(step, Send))
        fields = ", ".join(dict.fromkeys(change.name for change in changes)) or stream.field
        bent = f"{stream.values.kind} {described(changes)}".strip()
        return Origin(self.name, path, fields, bent, self._seed, seed_name(variant.message))


def seed_name(message: Message) -> str:
    """Which seed of the bench's file it is, if one."""
    return f"seed {message.seed}" if message.seed else ""


def described(changes: Changes) -> str:
    """The changes in words: the bytes when they are few, else how many."""
    return ", ".join(_described(change.data) for change in changes)


def _described(data: bytes) -> str:
    return data.hex() or "nothing" if len(data) <= SHOWN else f"{data[:4].hex()}… ({len(data)} bytes)"
