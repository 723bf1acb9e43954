"""What the fuzzers share: what they are made of, and how the parts of one take turns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import islice
from typing import TypeVar

from fuzzers.chains import can_take
from fuzzers.moves import Outline, Plan
from fuzzers.order import Order
from harness.case import Origin, Send, TestCase
from harness.errors import UsageError
from harness.learned import Words
from harness.outcome import Outcome
from harness.share import WHOLE, Share
from protocols.model import Protocol

T = TypeVar("T")
NO_WORDS = Words()

_BLINDLY = 4  # rounds


@dataclass(frozen=True, slots=True)
class Part:
    """`count` cases of one sort, of which `weight` are taken in a round; `at(k)` gives the k-th."""

    count: int
    weight: int
    at: Callable[[int], TestCase]


class ModelFuzzer(ABC):
    """A fuzzer of one protocol's messages in some of its states (none: all).

    `max_len` bounds what one field grows to (0: the protocol's own), `max_case_bytes` a case, both in bytes. `stimuli`
    names those that the bench has (None: all). `words` are of the device's program; `compares`: what that compares can
    be seen. `connects`: the device sees when its link is closed and opened again, and begins anew. `measures`: its
    cases are for where it is known what a program uses. `asked_for`: a bench that names no fuzzers does without. Of
    the cases it gives those of its `share`. Raises UsageError for an unknown state, and where it does not fit: `needs`
    says what it is for.
    """

    name: str
    turns = 1
    needs = ""
    measures = False
    asked_for = False

    def __init__(
        self,
        protocol: Protocol,
        interface: str,
        states: Sequence[str] = (),
        seed: int = 0,
        *,
        max_len: int = 0,
        stimuli: Collection[str] | None = None,
        max_case_bytes: int = 8192,
        connects: bool = True,
        words: Words = NO_WORDS,
        compares: bool = False,
        share: Share = WHOLE,
    ) -> None:
        if not self.fits(protocol):
            raise UsageError(f"[interfaces.{interface}] fuzzers: '{self.name}' is for {self.needs}")
        self.interface = interface
        self._protocol = protocol
        self._states = checked_states(protocol, states, stimuli)
        self._seed = seed
        self._max_len = max_len or protocol.max_len
        self._stimuli = stimuli
        self._max_case_bytes, self._connects = max_case_bytes, connects
        self._words, self._compares = words, compares
        self._share = share

    @classmethod
    def fits(cls, _protocol: Protocol) -> bool:
        """True where it has cases to give; a bench that names no fuzzers gets those that fit."""
        return True

    @cached_property
    @abstractmethod
    def _parts(self) -> list[Part]: ...

    @property
    def every(self) -> int:
        """Its turn comes in one of so many rounds: seldom where `guided` alone sees what becomes of the bytes."""
        return self.turns * (_BLINDLY if self._compares and self._protocol.blind else 1)

    def forecast(self) -> int:
        """How many cases there are in all."""
        return self._share.count(sum(part.count for part in self._parts))

    def cases(self) -> Iterator[TestCase]:
        """Breadth first: a few of each part in turn, until all are through; the same sequence for the same seed."""
        return (part.at(k) for part, k in islice(self._turns(), self._share.index, None, self._share.of))

    def _turns(self) -> Iterator[tuple[Part, int]]:
        places = [(part, 0) for part in self._parts]
        while places:
            left: list[tuple[Part, int]] = []
            for part, number in places:
                stop = min(number + part.weight, part.count)
                yield from ((part, k) for k in range(number, stop))
                if stop < part.count:
                    left.append((part, stop))
            places = left

    def learn(self, case: TestCase, outcome: Outcome) -> None:  # noqa: B027
        """Takes nothing: the same cases for the same seed, whatever the device does."""


class PlannedFuzzer(ModelFuzzer):
    """One whose parts are plans."""

    @cached_property
    @abstractmethod
    def _plans(self) -> list[Plan]: ...

    @cached_property
    def _parts(self) -> list[Part]:
        return [Part(plan.count, plan.weight, partial(self._case, plan)) for plan in self._plans]

    def _case(self, plan: Plan, k: int) -> TestCase:
        outline = plan.at(k)
        path = tuple(step.message for step in outline.steps if isinstance(step, Send))
        origin = Origin(self.name, path, outline.field, f"{plan.kind}: {outline.what}", self._seed, outline.parent)
        return TestCase(self.interface, outline.state, outline.steps, origin)

    def _listed(self, kind: str, items: Sequence[T], build: Callable[[T, int], Outline], weight: int) -> Plan:
        order = Order(len(items), f"{self._seed}/{kind}")
        return Plan(kind, len(items), lambda k: build(items[order.at(k)], k), weight)


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
