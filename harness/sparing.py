"""A device is not killed by the same message all day, and not asked all day what it takes long to answer."""

from __future__ import annotations

import heapq
import zlib
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from harness.case import TestCase
from harness.costs import NOTHING_USUAL, Clock, Costs, Place, Usual
from harness.order import Planned
from harness.transcript import Transcript
from harness.verdict import Observation

_COSTLY_SECONDS = 2.0
_OFTEN = 2
_MOST_WAITING = 100_000
_LOOKED_AGAIN = 32  # cases until it is asked whether those that wait are still thought to take long


@dataclass(frozen=True, slots=True)
class SparingState:
    """How often a message has shown a known finding, what cases cost, what waits, and how many do not any more."""

    shown: tuple[tuple[str, str, int], ...] = ()
    waiting: tuple[int, ...] = ()
    costs: Costs = ()
    left_out: int = 0


class _Group(NamedTuple):
    """Cases of a fuzzer that are expected to take as long as one another; those that are aimed apart."""

    unaimed: bool
    fuzzer: str
    place: Place


class CostlyCases:
    """Cases that wait with what they are expected to take, in seconds: whose fuzzer will have had least, comes next.

    In an order by cost alone one whose cases have a message more than those of another would never have a turn; were it
    the one that had the least so far, all would wait until there is time for its first. Of a fuzzer's cases it is the
    same with the place in which they are bent: where nobody has looked yet comes before where many have. What is aimed
    at something that the device answered goes before what is not. Where too many wait, for each that comes one is
    `left_out` of a place of which most do.
    """

    def __init__(self) -> None:
        self._heaps: dict[_Group, list[tuple[float, int, Planned]]] = {}
        self._had: defaultdict[str | _Group, float] = defaultdict(float)
        self._firsts: dict[str, _Group] = {}
        self._count = self.left_out = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Planned]:
        return (entry[-1] for heap in self._heaps.values() for entry in heap)

    def add(self, planned: Planned, seconds: float, place: Place) -> None:
        """It waits behind cheaper ones of its fuzzer and place, and behind aimed ones."""
        if self._count >= _MOST_WAITING:
            self._leave_one_out()
        origin = planned.case.origin
        group = _Group(not origin.aimed, origin.fuzzer, place)
        heapq.heappush(self._heaps.setdefault(group, []), (seconds, planned.place, planned))
        self._firsts[group.fuzzer] = min(self._firsts.get(group.fuzzer, group), group, key=self._turn)
        self._count += 1

    def _leave_one_out(self) -> None:
        """It is of those of which most wait, and none that comes next."""
        most = max(self._heaps, key=lambda group: len(self._heaps[group]))
        self._heaps[most].pop()
        self.left_out += 1
        self._count -= 1
        if not self._heaps[most]:
            self._find_firsts()

    @property
    def next(self) -> tuple[float, bool]:
        """What the next one takes, and whether it is aimed; raises ValueError where there is none."""
        group = self._next
        return self._seconds(group), not group.unaimed

    def take(self) -> Planned:
        """The next one; raises ValueError where there is none."""
        group = self._next
        seconds, _place, planned = heapq.heappop(self._heaps[group])
        self._had[group.fuzzer] += seconds
        self._had[group] += seconds
        self._count -= 1
        self._find_firsts()
        return planned

    def release(self, is_costly: Callable[[TestCase], bool]) -> list[Planned]:
        """All of the places of which the next one is not costly any more, as was learned meanwhile."""
        groups = [group for group, heap in self._heaps.items() if not is_costly(heap[0][-1].case)]
        released = [entry[-1] for group in groups for entry in self._heaps.pop(group)]
        self._count -= len(released)
        self._find_firsts()
        return sorted(released, key=lambda planned: planned.place)

    @property
    def _next(self) -> _Group:
        return min(self._firsts.values(), key=lambda one: (one.unaimed, self._had[one.fuzzer] + self._seconds(one)))

    def _find_firsts(self) -> None:
        self._heaps = {group: heap for group, heap in self._heaps.items() if heap}
        self._firsts = {}
        for group in self._heaps:
            self._firsts[group.fuzzer] = min(self._firsts.get(group.fuzzer, group), group, key=self._turn)

    def _turn(self, group: _Group) -> tuple[bool, float]:
        return group.unaimed, self._had[group] + self._seconds(group)

    def _seconds(self, group: _Group) -> float:
        return self._heaps[group][0][0]


class Sparing:
    """Puts off cases with a message that has shown a known finding n times, at seconds each: one in n of them runs.

    So what else the message may do is still looked for, and most of the time is left for the others. Which ones run
    is the case's own number, not chance. What was put off runs when there is nothing else.

    Cases with messages that a device takes long for have half of the time together, as much of it for one fuzzer as for
    another and of that for one place as for another, and 15 % where others that nobody knew to be so took the half.
    What is not thought to take long any more waits no longer. `usual` are the messages as they stand, by interface and
    name.
    """

    def __init__(self, usual: Usual = NOTHING_USUAL) -> None:
        self._shown: Counter[tuple[str, str]] = Counter()
        self._waiting: deque[Planned] = deque(maxlen=_MOST_WAITING)
        self._clock = Clock(usual)
        self._costly = CostlyCases()
        self._released: deque[Planned] = deque()
        self._turn: Planned | None = None
        self._ran = 0

    @property
    def waiting(self) -> int:
        """Cases that are put off at present, and those that were left out because too many are."""
        return len(self._waiting) + len(self._costly) + len(self._released) + self._costly.left_out

    def took(self, case: TestCase, transcript: Transcript) -> None:
        """A case was run."""
        waited = self._turn is not None and self._turn.case is case
        self._clock.note(case, transcript, waited=waited)
        self._ran += 1
        if self._ran % _LOOKED_AGAIN == 0:
            self._released.extend(self._costly.release(self._clock.is_costly))

    def note(self, case: TestCase, fault: Observation, transcript: Transcript) -> None:
        """A known finding was shown again; blamed is the message that it blames, else the last one."""
        if transcript.service is None or transcript.service.seconds < _COSTLY_SECONDS:
            return
        blamed = [message for message in case.messages if message == fault.blames] or case.messages[-1:]
        self._shown.update({(case.interface, message) for message in blamed})

    def ordered(self, cases: Iterable[Planned]) -> Iterator[Planned]:
        """The cases that are due, costly ones in between, then those that were put off."""
        for planned in self._coming(cases):
            if not self._is_due(planned.case):
                self._waiting.append(planned)
            elif self._clock.is_costly(planned.case):
                self._costly.add(planned, self._clock.expected(planned.case), self._clock.place(planned.case))
            else:
                yield planned
            if self._has_time():
                yield self._taken()
        while self._costly or self._released:
            yield self._released.popleft() if self._released else self._taken()
        while self._waiting:
            yield self._waiting.popleft()

    def _coming(self, cases: Iterable[Planned]) -> Iterator[Planned]:
        """New ones, and those that are looked at again in between."""
        for planned in cases:
            yield planned
            if self._released:
                yield self._released.popleft()

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
        waiting = (*self._waiting, *self._costly, *self._released)
        places = tuple(planned.place for planned in waiting)
        return SparingState(shown, places, self._clock.state(), self._costly.left_out)

    def restore(self, state: SparingState, planned: Mapping[int, Planned]) -> None:
        """Back to a `state()`, with the cases of its places: each is looked at again."""
        self._shown.update({(interface, message): times for interface, message, times in state.shown})
        self._clock.restore(state.costs)
        self._released.extend(planned[place] for place in state.waiting)
        self._costly.left_out = state.left_out
