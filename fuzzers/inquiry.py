"""What of a message matters, and which checksum it carries, where nobody knows its layout.

A message that led to new code is made shorter as long as it still leads there: what stands behind it and before it goes
first (the trimming of AFL, Zalewski). Then each checksum that stands in it, by whatever algorithm, is put to the test:
with another byte and the checksum worked out anew it has to lead there still, and with another byte and a wrong one no
more. So a checksum is found that the program compares with nothing that can be seen: what it worked out of the whole
message has to be nought, or is looked at bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Literal, NamedTuple

from fuzzers.repairs import LONGEST_TAIL, kept, orders_of
from harness.case import Step
from harness.learned import Compared, Looked, Repair
from protocols.checksums import ALGORITHMS

_LONG, _MOST_SUMS = 12, 10  # bytes of a message that is cut; checksums that are put to the test
_LATEST_START, _SHORTEST = 8, 2
_WRONG, _OTHER = 0x55, 0x01
Stage = Literal["alone", "tail", "head", "sums", "done"]


@dataclass(slots=True)
class Trial:
    """Sequences that are run one behind the other, the first as it stood; what was compared in each."""

    state: str
    variants: Sequence[tuple[Step, ...]]
    inquiry: Inquiry
    scales: tuple[()] = ()
    runs: list[tuple[Compared, ...]] = field(default_factory=list[tuple[Compared, ...]])

    def held(self, known: Collection[int]) -> tuple[tuple[bool, ...], tuple[int, ...]]:
        """Which of the others reached the places that matter, and those of the first run that were not `known`."""
        first, *others = ({one.place for one in run} for run in self.runs)
        fresh = tuple(sorted(first - set(known)))
        wanted = self.inquiry.wanted or frozenset(fresh) or frozenset(first)
        return tuple(wanted <= other for other in others), fresh


class Part(NamedTuple):
    """A field of bytes of a message in a sequence: `written` gives the sequence with other bytes in it."""

    message: str
    field: str
    data: bytes
    written: Callable[[bytes], tuple[Step, ...]]


class Inquiry:
    """Into one part of a sequence, or of one of those that each have one message `alone`.

    `knows` tells of a part with some bytes whether a checksum of theirs is known.
    """

    def __init__(self, state: str, part: Part, alone: Sequence[Part], *, knows: Callable[[Part, bytes], bool]) -> None:
        self.state, self.part, self.data, self.wanted = state, part, part.data, frozenset[int]()
        self._alone, self._knows = tuple(alone), knows
        self.alone = len(self.steps) == 1
        self._stage: Stage = "alone"
        self._low, self._high = 0, len(self.data)
        self._sums: list[Repair] | None = None
        self.found: Repair | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The sequence as far as it was made shorter."""
        return self.part.written(self.data)

    def trial(self) -> Trial | None:
        """The next; None where there is nothing left to ask."""
        if self._stage == "alone" and (self.alone or not self._alone):
            self._stage = self._after_alone()
        if self._stage == "alone":
            return Trial(self.state, [self.steps, *(one.written(one.data) for one in self._alone)], self)
        if self._stage in ("tail", "head"):
            return Trial(self.state, [self.steps, *(self.part.written(data) for data in self._cuts())], self)
        if self._sums is None:
            known = self._knows(self.part, self.data)
            self._sums = [] if known else list(islice(standing_in(self.data), _MOST_SUMS))
        if self._stage == "done" or not self._sums:
            return None
        datas = variants_of(self._sums[0], self.data)
        return Trial(self.state, [self.steps, *map(self.part.written, datas)], self)

    def _after_alone(self) -> Stage:
        return "tail" if len(self.data) > _LONG else "sums"

    def _thirds(self) -> list[int]:
        """Two sizes between what is too short and what is enough."""
        span = self._high - self._low
        return sorted({self._low + max(1, span // 3), self._low + max(1, 2 * span // 3)})

    def _cuts(self) -> list[bytes]:
        if self._stage == "tail":
            return [self.data[:size] for size in self._thirds()]
        return [self.data[len(self.data) - size :] for size in self._thirds()]

    def told(self, looked: Looked) -> None:
        """What came of the last trial."""
        self.wanted = self.wanted or frozenset(looked.places)
        if not self.wanted and self._stage != "sums":
            self._stage = "sums"  # nothing tells what it led to
            return
        if self._stage == "alone":
            self._told_of_alone(looked.held)
            return
        if self._stage == "sums":
            self._told_of_sum(looked.held)
            return
        for size, held in zip(self._thirds(), looked.held, strict=True):
            if held:
                self._high = min(self._high, size)
            elif size < self._high:
                self._low = max(self._low, size)
        if self._high - self._low <= 1:
            self._cut()

    def _cut(self) -> None:
        """The shortest that was enough; then from the other end."""
        self.data = self.data[: self._high] if self._stage == "tail" else self.data[len(self.data) - self._high :]
        self._stage = "head" if self._stage == "tail" and len(self.data) > 1 else "sums"
        self._low, self._high = 0, len(self.data)

    def _told_of_alone(self, held: Sequence[bool]) -> None:
        """Go on with the first message that is enough by itself."""
        if enough := [part for part, led_there in zip(self._alone, held, strict=True) if led_there]:
            self.part, self.data, self.alone = enough[0], enough[0].data, True
            self._low, self._high = 0, len(self.data)
        self._stage = self._after_alone()

    def _told_of_sum(self, held: Sequence[bool]) -> None:
        assert self._sums is not None
        repair = self._sums.pop(0)
        if any(right and not wrong for right, wrong in zip(held[::2], held[1::2], strict=True)):
            self.found, self._stage = replace(repair, message=self.part.message, field=self.part.field), "done"


def standing_in(data: bytes) -> Iterator[Repair]:
    """The checksums that stand at the end of some bytes, or shortly before it, the widest first."""
    widest_first = sorted(map(ALGORITHMS.get, ALGORITHMS), key=lambda algorithm: -algorithm.width)
    for algorithm, tail in product(widest_first, range(LONGEST_TAIL + 1)):
        at = len(data) - tail - algorithm.width
        for start in range(max(0, min(at - _SHORTEST + 1, _LATEST_START + 1))):
            if any(data[start:at]):
                number = algorithm.compute(data[start:at])
                for order in orders_of(algorithm):
                    if data[at : at + algorithm.width] == number.to_bytes(algorithm.width, order):
                        ending = data[at + algorithm.width :].hex()
                        yield Repair("", "", algorithm.name, start, order, tail, ending=ending)


def variants_of(repair: Repair, data: bytes) -> list[bytes]:
    """With one byte otherwise, the last and the one before it: the checksum right for that, and wrong."""
    width = ALGORITHMS.get(repair.algorithm).width
    at = len(data) - repair.tail - width
    found: list[bytes] = []
    for place in (at - 1, max(repair.start, at - 2)):
        other = bytearray(data)
        other[place] ^= _OTHER
        right = bytearray(kept(repair, at, bytes(other)))
        found.append(bytes(right))
        right[at + width - 1] ^= _WRONG
        found.append(bytes(right))
    return found
