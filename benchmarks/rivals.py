"""Fuzzers to be compared with: boofuzz's cases in boofuzz's order, and bytes at random, where our monitors judge.

That is more than they have by themselves: boofuzz sees a lost connection and a dead process, and nothing of what a
device does; and each of its cases is in the state that its message is for, by an authentication that is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from boofuzz.mutation import Mutation

from fuzzers.planned import ModelFuzzer, Part
from harness.case import Origin, Send, Step, TestCase
from protocols.model import Message

_MOST_FLIPS = 8


class BoofuzzOrder(ModelFuzzer):
    """Each mutation of each message, one behind the other, as `Session.fuzz(max_depth=1)` has them.

    Its order is always the same, so that a seed shuffles the messages, as `benchmarks.crash` does.
    """

    name = "boofuzz"
    _parts: list[Part] = []  # noqa: RUF012 (a mutation is made when its turn comes: all of them take too much memory)

    def forecast(self) -> int:
        """How many mutations there are."""
        return sum(message.request.num_mutations(None) for message in self._protocol.messages.values())

    def cases(self) -> Iterator[TestCase]:
        """Message by message, field by field."""
        messages = list(self._protocol.messages.values())
        Random(self._seed).shuffle(messages)
        return (case for message in messages for case in self._of(message))

    def _of(self, message: Message) -> Iterator[TestCase]:
        for mutations in message.request.get_mutations():
            changes = message.layout.of_mutations(_cut(mutation, self._max_len) for mutation in mutations)
            sent = self._protocol.in_place(message.mutated(changes))
            words = ", ".join(f"{mutation.qualified_name}:{mutation.index}" for mutation in mutations)
            yield _case(self, message, sent, words)


class RandomBytes(ModelFuzzer):
    """A message with bytes flipped, put in and taken out at random, or nothing but such bytes: blind to every field."""

    name = "random"

    @property
    def _parts(self) -> list[Part]:
        return [Part(1 << 30, 1, self._at)]

    def _at(self, number: int) -> TestCase:
        chance = Random(f"{self._seed}/{number}")
        message = chance.choice(list(self._protocol.messages.values()))
        valid = message.send().data
        data = _bent(valid, chance) if chance.random() < 0.75 else chance.randbytes(chance.randint(1, self._max_len))
        return _case(self, message, Send(message.name, data, mutated=True), "bytes at random")


def _case(fuzzer: ModelFuzzer, message: Message, sent: Step, words: str) -> TestCase:
    protocol = fuzzer._protocol
    state = next(iter(message.accepted_in or protocol.states))
    steps = (*protocol.lead_in(message.name), sent)
    return TestCase(fuzzer.interface, state, steps, Origin(fuzzer.name, (message.name,), "", words, fuzzer._seed))


def _cut(mutation: Mutation, most: int) -> Mutation:
    """boofuzz's longest strings have 100 kB: a field ends at the bound that the definition gives."""
    value = mutation.value
    return Mutation(value[:most] if isinstance(value, str | bytes) else value, mutation.qualified_name, mutation.index)


def _bent(data: bytes, chance: Random) -> bytes:
    bent = bytearray(data)
    bends: tuple[Callable[[int], None], ...] = (
        lambda place: bent.__setitem__(slice(place, place + 1), bytes([chance.randrange(256)])),
        lambda place: bent.insert(place, chance.randrange(256)),
        lambda place: bent.__delitem__(slice(place, place + 1)),
    )
    for _ in range(chance.randint(1, _MOST_FLIPS)):
        chance.choice(bends)(chance.randint(0, len(bent)))
    return bytes(bent)
