"""The slow lane: lets time pass after a case, to where what it left pending is decided, while the fast lane waits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from harness.case import TestCase
from harness.monitors.safety import SafetyMonitor
from harness.outcome import Measures, Outcome
from harness.runner import Runner

_LOOK_SECONDS = 2.0
_NEAR_SECONDS = 200.0
_MARGIN_SECONDS = 1.0
_STAGES = 3
_RUN_SHARE, _LOOK_SHARE, _FREE = 50, 6, 50


@dataclass(frozen=True, slots=True)
class SlowLaneState:
    """How many cases were followed to a decision, and marks of all that were followed."""

    runs: int = 0
    followed: tuple[str, ...] = ()


class SlowLane:
    """Follows cases that leave an obligation of a requirement which their state has not by itself.

    A fiftieth of the cases is followed to a decision at most, within `horizon` seconds of target time; after a sixth
    it looks for two seconds whether something is to come.
    """

    def __init__(self, runner: Runner, safety: SafetyMonitor, horizon: float) -> None:
        self._runner, self._safety, self._horizon = runner, safety, horizon
        self._runs = 0
        self._followed: set[str] = set()
        self._baseline: dict[tuple[str, str], frozenset[str]] = {}

    def note_baseline(self, case: TestCase) -> None:
        """Learn, before a state's first case, which obligations are pending in the state by itself."""
        key = (case.interface, case.state)
        if key not in self._baseline:
            self._runner.enter(self._runner.interfaces[case.interface], case.state)
            self._baseline[key] = frozenset(self._safety.pending())

    def follow(self, case: TestCase, outcome: Outcome, number: int) -> Iterator[tuple[TestCase, Outcome]]:
        """After case `number`, stage by stage: the lengthened case, its whole outcome, the stage's observations."""
        if not self._worth_following(case, number):
            return
        elapsed, seconds = 0.0, _LOOK_SECONDS
        for _ in range(_STAGES):
            case, later = self._runner.follow(case, seconds)
            outcome, elapsed = joined(outcome, later), elapsed + seconds
            yield case, outcome
            pending = self._new_obligations(case, self._horizon - elapsed)
            if not pending or not self._may_run(number):
                return
            self._runs += 1
            near = [due for due in pending.values() if due <= _NEAR_SECONDS]
            seconds = max(near or pending.values()) + _MARGIN_SECONDS

    def _worth_following(self, case: TestCase, number: int) -> bool:
        """A case that leaves a new obligation, once for each mutation; else the first of each kind.

        The kind is state, way, field and class of mutation. What shows only later needs the second sort.
        """
        origin = case.origin
        way = (case.interface, case.state, origin.path, origin.field)
        if self._may_run(number) and (pending := self._new_obligations(case, self._horizon)):
            return self._first((*way, origin.mutation, *pending))
        if len(self._followed) > number // _LOOK_SHARE + _FREE:
            return False
        return self._first((*way, origin.mutation.split(" ")[0]))

    def _may_run(self, number: int) -> bool:
        return self._runs <= number // _RUN_SHARE + _FREE

    def _first(self, key: tuple[str | tuple[str, ...], ...]) -> bool:
        mark = hashlib.blake2b(repr(key).encode(errors="surrogatepass"), digest_size=8).hexdigest()
        seen = mark in self._followed
        self._followed.add(mark)
        return not seen

    def _new_obligations(self, case: TestCase, within: float) -> Mapping[str, float]:
        """What is pending now, decided `within` seconds, and was not pending in the state by itself."""
        known = self._baseline.get((case.interface, case.state), frozenset())
        return {name: due for name, due in self._safety.pending(known).items() if due <= within}

    def state(self) -> SlowLaneState:
        """What it knows, to be written down."""
        return SlowLaneState(self._runs, tuple(self._followed))

    def restore(self, state: SlowLaneState) -> None:
        """Back to a `state()`."""
        self._runs, self._followed = state.runs, set(state.followed)


def joined(first: Outcome, then: Outcome) -> Outcome:
    """One outcome of a case and what followed it; the observations are those of what followed."""
    before, after = first.transcript, then.transcript
    transcript = replace(
        before,
        ended=after.ended,
        exchanges=before.exchanges + after.exchanges,
        samples=before.samples + after.samples,
        console=before.console + after.console,
        events=before.events + after.events,
    )
    edges, watched = first.measures.edges + then.measures.edges, first.measures.watched.then(then.measures.watched)
    return Outcome(transcript, then.observations, Measures(edges, watched))
