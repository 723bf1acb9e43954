"""Cases that showed what is not grave and takes long to prove: they are judged later, so that graver faults are met."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from harness.case import TestCase
from harness.finding import bucket_of
from harness.order import Planned
from harness.outcome import Outcome
from harness.transcript import Transcript
from harness.verdict import KINDS, Observation

_AT_ONCE, _SHARE = 2.0, 0.2  # seconds, and of the run's time, for proving what is not grave
_MOST, _COSTLY_SECONDS = 64, 2.0
_GUESS = 3.0  # seconds of a proof, before any was made


@dataclass(frozen=True, slots=True)
class Held:
    """A case that was run, and all that the device had met by then, itself at the end."""

    planned: Planned
    outcome: Outcome
    faults: tuple[Observation, ...]
    history: tuple[TestCase, ...]


class Unproven:
    """Holds cases while more than a share of the time was spent on proofs, in a run that is `planned` for some seconds.

    What is grave is never held, nor a device that is not back soon: what it takes to come back is known once that is
    proven. What is held has its time before the end of the run, or when there are no more cases.
    """

    def __init__(self, planned: float) -> None:
        self._planned, self._held = planned, deque[Held]()
        self._spent, self._proofs = 0.0, 0

    def __len__(self) -> int:
        return len(self._held)

    @property
    def places(self) -> tuple[int, ...]:
        """Of the cases that are held, in the order of the campaign's cases."""
        return tuple(held.planned.place for held in self._held)

    def spent(self, seconds: float, fault: Observation) -> None:
        """A proof took so many wall seconds."""
        if not KINDS[fault.kind].grave:
            self._spent, self._proofs = self._spent + seconds, self._proofs + 1

    def waits(self, faults: Sequence[Observation], transcript: Transcript, elapsed: float) -> bool:
        """True for what a case showed where that is to be held, so many seconds after the run began."""
        service = transcript.service
        if service is None or service.seconds >= _COSTLY_SECONDS or transcript.link_error or transcript.events:
            return False
        if not faults or any(KINDS[fault.kind].grave for fault in faults) or len(self._held) >= _MOST:
            return False
        return not self._affords(elapsed)

    def hold(self, held: Held) -> None:
        """Keep it for later."""
        self._held.append(held)

    def due(self, elapsed: float, *, over: bool = False) -> Held | None:
        """The next one whose time has come, or any where all is `over`; None where there is none."""
        is_due = bool(self._held) and (over or self._affords(elapsed))
        return self._held.popleft() if is_due else None

    def drop(self, buckets: frozenset[str]) -> None:
        """Forget those that show nothing else: they are told of already, and there is no time to look."""
        self._held = deque(h for h in self._held if not buckets.issuperset(map(bucket_of, h.faults)))

    def _affords(self, elapsed: float) -> bool:
        return self._spent <= _AT_ONCE + _SHARE * elapsed or self._planned - elapsed <= self._needed

    @property
    def _needed(self) -> float:
        """Seconds for all that are held, as proofs took so far: cases that show one thing need one."""
        each = self._spent / self._proofs if self._proofs else _GUESS
        return each * len({bucket_of(fault) for held in self._held for fault in held.faults})
