"""A device that nothing resets, or that is long gone each time, is not killed by the same message all day."""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.case import TestCase
from harness.order import Planned
from harness.transcript import Transcript
from harness.verdict import Observation

_COSTLY_SECONDS = 2.0
_OFTEN = 2
_MOST_WAITING = 100_000


@dataclass(frozen=True, slots=True)
class SparingState:
    """How often a message has shown a known finding, by interface and message, and the places of what waits."""

    shown: tuple[tuple[str, str, int], ...] = ()
    waiting: tuple[int, ...] = ()


class Sparing:
    """Puts off cases with a message that has shown a known finding n times, at seconds each: one in n of them runs.

    So what else the message may do is still looked for, and most of the time is left for the others. Which ones run
    is the case's own number, not chance. What was put off runs when there is nothing else.
    """

    def __init__(self) -> None:
        self._shown: Counter[tuple[str, str]] = Counter()
        self._waiting: deque[Planned] = deque(maxlen=_MOST_WAITING)

    @property
    def waiting(self) -> int:
        """Cases that are put off at present."""
        return len(self._waiting)

    def note(self, case: TestCase, fault: Observation, transcript: Transcript) -> None:
        """A known finding was shown again; blamed is the message that it blames, else the last one."""
        if transcript.service is None or transcript.service.seconds < _COSTLY_SECONDS:
            return
        blamed = [message for message in case.messages if message == fault.blames] or case.messages[-1:]
        self._shown.update({(case.interface, message) for message in blamed})

    def ordered(self, cases: Iterable[Planned]) -> Iterator[Planned]:
        """The cases that are due, then those that were put off."""
        for planned in cases:
            if self._is_due(planned.case):
                yield planned
            else:
                self._waiting.append(planned)
        while self._waiting:
            yield self._waiting.popleft()

    def _is_due(self, case: TestCase) -> bool:
        often = max((self._shown[case.interface, message] for message in case.messages), default=0)
        return often < _OFTEN or zlib.crc32(case.id.encode()) % often == 0

    def state(self) -> SparingState:
        """What it knows, to be written down."""
        shown = tuple((*place, times) for place, times in self._shown.items())
        return SparingState(shown, tuple(planned.place for planned in self._waiting))

    def restore(self, state: SparingState, planned: Mapping[int, Planned]) -> None:
        """Back to a `state()`, with the cases of its places."""
        self._shown.update({(interface, message): times for interface, message, times in state.shown})
        self._waiting.extend(planned[place] for place in state.waiting)
