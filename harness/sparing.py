"""A device that nothing resets, or that is long gone each time, is not killed by the same message all day."""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator

from harness.case import TestCase
from harness.interfaces import Fuzzer
from harness.transcript import Transcript
from harness.verdict import Observation

_COSTLY_SECONDS = 2.0
_OFTEN = 2
_MOST_WAITING = 100_000

Planned = tuple[Fuzzer, TestCase]


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
        for fuzzer, case in cases:
            if self._is_due(case):
                yield fuzzer, case
            else:
                self._waiting.append((fuzzer, case))
        while self._waiting:
            yield self._waiting.popleft()

    def _is_due(self, case: TestCase) -> bool:
        often = max((self._shown[case.interface, message] for message in case.messages), default=0)
        return often < _OFTEN or zlib.crc32(case.id.encode()) % often == 0
