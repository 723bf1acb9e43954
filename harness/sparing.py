"""A device is not killed by the same message all day, and not asked all day what it takes long to answer."""

from __future__ import annotations

import heapq
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.case import TestCase
from harness.costs import Clock, Costs
from harness.order import Planned
from harness.transcript import Transcript
from harness.verdict import Observation

_COSTLY_SECONDS = 2.0
_OFTEN = 2
_MOST_WAITING = 100_000


@dataclass(frozen=True, slots=True)
class SparingState:
    """How often a message has shown a known finding, what cases cost, and what waits."""

    shown: tuple[tuple[str, str, int], ...] = ()
    waiting: tuple[int, ...] = ()
    costs: Costs = ()


class CostlyCases:
    """Cases that wait with what they are expected to take, in seconds: whose fuzzer will have had least, comes next.

    In an order by cost alone one whose cases have a message more than those of another would never have a turn; were it
    the one that had the least so far, all would wait until there is time for its first. What is aimed at something that
    the device answered goes before what is not.
    """

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[bool, float, int, Planned]]] = {}
        self._had: defaultdict[str, float] = defaultdict(float)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Planned]:
        return (entry[-1] for heap in self._heaps.values() for entry in heap)

    def add(self, planned: Planned, seconds: float) -> None:
        """It waits behind cheaper ones of its fuzzer, and behind aimed ones."""
        origin = planned.case.origin
        heap = self._heaps.setdefault(origin.fuzzer, [])
        heapq.heappush(heap, (not origin.aimed, seconds, planned.place, planned))
        self._count += 1

    @property
    def next(self) -> tuple[float, bool]:
        """What the next one takes, and whether it is aimed; raises ValueError where there is none."""
        unaimed, seconds, _place, _planned = self._heaps[self._next][0]
        return seconds, not unaimed

    def take(self) -> Planned:
        """The next one; raises ValueError where there is none."""
        fuzzer = self._next
        _unaimed, seconds, _place, planned = heapq.heappop(self._heaps[fuzzer])
        self._had[fuzzer] += seconds
        self._count -= 1
        return planned

    @property
    def _next(self) -> str:
        def turn(fuzzer: str) -> tuple[bool, float]:
            unaimed, seconds, _place, _planned = self._heaps[fuzzer][0]
            return unaimed, self._had[fuzzer] + seconds

        return min((fuzzer for fuzzer, heap in self._heaps.items() if heap), key=turn)


class Sparing:
    """Puts off cases with a message that has shown a known finding n times, at seconds each: one in n of them runs.

    So what else the message may do is still looked for, and most of the time is left for the others. Which ones run
    is the case's own number, not chance. What was put off runs when there is nothing else.

    Cases with messages that a device takes long for have half of the time together, as much of it for one fuzzer as for
    another, the cheapest of each first, and a tenth where others that nobody knew to be so took the half. Where too
    many wait, each that comes sends one of them on.
    """

    def __init__(self) -> None:
        self._shown: Counter[tuple[str, str]] = Counter()
        self._waiting: deque[Planned] = deque(maxlen=_MOST_WAITING)
        self._clock = Clock()
        self._costly = CostlyCases()
        self._turn: Planned | None = None

    @property
    def waiting(self) -> int:
        """Cases that are put off at present."""
        return len(self._waiting) + len(self._costly)

    def took(self, case: TestCase, transcript: Transcript) -> None:
        """A case was run."""
        waited = self._turn is not None and self._turn.case is case
        self._clock.note(case, transcript, waited=waited)

    def note(self, case: TestCase, fault: Observation, transcript: Transcript) -> None:
        """A known finding was shown again; blamed is the message that it blames, else the last one."""
        if transcript.service is None or transcript.service.seconds < _COSTLY_SECONDS:
            return
        blamed = [message for message in case.messages if message == fault.blames] or case.messages[-1:]
        self._shown.update({(case.interface, message) for message in blamed})

    def ordered(self, cases: Iterable[Planned]) -> Iterator[Planned]:
        """The cases that are due, costly ones in between, then those that were put off."""
        for planned in cases:
            if not self._is_due(planned.case):
                self._waiting.append(planned)
            elif self._clock.is_costly(planned.case):
                if len(self._costly) >= _MOST_WAITING:
                    yield self._taken()
                self._costly.add(planned, self._clock.expected(planned.case))
            else:
                yield planned
            if self._has_time():
                yield self._taken()
        while self._costly:
            yield self._taken()
        while self._waiting:
            yield self._waiting.popleft()

    def _has_time(self) -> bool:
        """True where a costly case waits whose time has come."""
        if not self._costly:
            return False
        seconds, aimed = self._costly.next
        return self._clock.affords(seconds, aimed=aimed)

    def _taken(self) -> Planned:
        self._turn = self._costly.take()
        return self._turn

    def _is_due(self, case: TestCase) -> bool:
        often = max((self._shown[case.interface, message] for message in case.messages), default=0)
        return often < _OFTEN or zlib.crc32(case.id.encode()) % often == 0

    def state(self) -> SparingState:
        """What it knows, to be written down."""
        shown = tuple((*place, times) for place, times in self._shown.items())
        waiting = (*self._waiting, *self._costly)
        return SparingState(shown, tuple(planned.place for planned in waiting), self._clock.state())

    def restore(self, state: SparingState, planned: Mapping[int, Planned]) -> None:
        """Back to a `state()`, with the cases of its places."""
        self._shown.update({(interface, message): times for interface, message, times in state.shown})
        self._clock.restore(state.costs)
        self._waiting.extend(planned[place] for place in state.waiting)
