"""A boofuzz primitive for fields that share bytes: flags and numbers of a few bits each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import boofuzz

from protocols.checksums import Order

ALL_VALUES_UP_TO = 5


@dataclass(frozen=True, slots=True)
class Bits:
    """One member: `width` bits that hold `value`."""

    name: str
    width: int
    value: int


class BitGroup(boofuzz.Fuzzable):
    """Whole bytes made of bit members, the first member in the highest bits.

    Its value is the number that all members make. A mutation changes one member: every value of a narrow one, the
    boundaries of a wide one.
    """

    def __init__(self, name: str, members: Sequence[Bits], order: Order = "big", **kwargs: Any) -> None:
        self.members = tuple(members)
        self.order: Order = order
        self.width = sum(member.width for member in members)
        if self.width % 8:
            raise ValueError(f"the bits of '{name}' make {self.width}, not whole bytes")
        super().__init__(name, default_value=self._joined(), **kwargs)

    def mutations(self, default_value: int) -> Iterator[int]:
        """Numbers in which one member differs."""
        low = self.width
        for member in self.members:
            low -= member.width
            mask = ((1 << member.width) - 1) << low
            for value in member_values(member):
                yield (default_value & ~mask) | (value << low)

    def num_mutations(self, default_value: int) -> int:
        """How many, without making them."""
        return sum(len(member_values(member)) for member in self.members)

    def encode(self, value: Any, mutation_context: Any) -> bytes:
        """The number as bytes."""
        mask = (1 << self.width) - 1
        return (int(value) & mask).to_bytes(self.width // 8, self.order)

    def _joined(self) -> int:
        number = 0
        for member in self.members:
            number = (number << member.width) | (member.value & ((1 << member.width) - 1))
        return number


def member_values(member: Bits) -> tuple[int, ...]:
    """What a member is mutated to; never what it already holds."""
    top = (1 << member.width) - 1
    if member.width <= ALL_VALUES_UP_TO:
        values = set(range(top + 1))
    else:
        values = {
            0,
            1,
            top,
            top - 1,
            top // 2,
            top // 2 + 1,
            member.value ^ 1,
            *(1 << bit for bit in range(member.width)),
        }
    return tuple(sorted(values - {member.value}))
