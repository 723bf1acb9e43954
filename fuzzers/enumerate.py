"""Bends every field of every message in every state, breadth first over fields, classes of values and states."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property

from fuzzers.chains import Variant, can_take
from fuzzers.streams import Stream, Streams
from fuzzers.values import Changes
from harness.case import Origin, Send, Step, TestCase
from harness.errors import UsageError
from harness.transcript import Transcript
from harness.verdict import Observation
from protocols.model import Message, Protocol

SHOWN = 12


class EnumerateFuzzer:
    """Every boofuzz mutation, and lengths, limits, bit flips and wrong checksums besides, in every state.

    A round takes the next value of each stream; no field waits until another is done. `max_len` bounds what a field
    grows to, in bytes. `stimuli` names those that the bench has (None: all). Raises UsageError for an unknown state.
    """

    name = "enumerate"
    every = 1

    def __init__(
        self,
        protocol: Protocol,
        interface: str,
        states: Sequence[str] = (),
        seed: int = 0,
        *,
        max_len: int = 0,
        stimuli: Collection[str] | None = None,
    ) -> None:
        self.interface = interface
        self._protocol = protocol
        self._states = checked_states(protocol, states, stimuli)
        self._seed = seed
        self._max_len = max_len or protocol.max_len
        self._stimuli = stimuli

    @cached_property
    def _streams(self) -> list[Stream]:
        return Streams(self._protocol, self._states, self._seed, self._max_len, self._stimuli).all()

    def forecast(self) -> int:
        """How many cases there are in all."""
        return sum(stream.count for stream in self._streams)

    def cases(self) -> Iterator[TestCase]:
        """Round after round over all streams."""
        places = [(stream, 0) for stream in self._streams]
        while places:
            left: list[tuple[Stream, int]] = []
            for stream, number in places:
                stop = min(number + stream.values.weight, stream.count)
                for n in range(number, stop):
                    yield self.case(stream, n)
                if stop < stream.count:
                    left.append((stream, stop))
            places = left

    def case(self, stream: Stream, number: int) -> TestCase:
        """The case of that number in a stream."""
        variant, changes, k = stream.at(number)
        message = variant.message
        bent = self._protocol.in_place(message.mutated(changes) if changes else message.valid[k])
        steps = (*variant.before, bent, *variant.after)
        return TestCase(self.interface, variant.state, steps, self._origin(stream, variant, changes, steps))

    def learn(self, case: TestCase, transcript: Transcript, observations: Sequence[Observation]) -> None:
        """Takes nothing: the same cases for the same seed, whatever the device does."""

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


def checked_states(protocol: Protocol, states: Sequence[str], stimuli: Collection[str] | None) -> tuple[str, ...]:
    """The named states, or all, without those whose preamble takes a stimulus that the bench does not have.

    Raises UsageError for one that the protocol does not have, and when none is left.
    """
    wanted = tuple(states) or tuple(protocol.states)
    found = tuple(name for name in wanted if can_take(protocol.state(name).preamble, stimuli))
    if not found:
        raise UsageError(
            f"no state of '{protocol.name}' can be reached without its stimuli; describe [stimuli] in the bench"
        )
    return found
