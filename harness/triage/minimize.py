"""One finding on its way to a smaller reproducer: questions put to the device one at a time, each with its price."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from harness.attribution import is_blamed
from harness.finding import Condition, Finding, Minimized, bucket_of
from harness.triage.conditions import conditions_of
from harness.triage.reduce import Asks
from harness.triage.replay import Replay
from harness.triage.shrink import Shrinker, Window
from harness.verdict import Kind

Play = Callable[[Window, Finding], Replay]
_TRIES = 3  # for a question about one that does not come back always


class Minimization:
    """Asks for one replay after another; `finding` is the smallest so far. Nothing is asked twice."""

    def __init__(self, finding: Finding, shrinker: Shrinker) -> None:
        self.first, self._shrinker = finding, shrinker
        self._best, self._tries = finding, 1 if finding.reproduced == finding.tries else _TRIES
        self._conditions: tuple[Condition, ...] = ()
        self._questions = self._all(finding.window)
        self._answers: dict[tuple[str, ...], bool] = {_key(finding.window): True}
        self._replays, self._seconds = 0, 0.0
        self._next = self._ask(None)

    @property
    def done(self) -> bool:
        """True when nothing more can be left out."""
        return self._next is None

    @property
    def window(self) -> Window:
        """The smallest so far."""
        return self._best.window

    @property
    def replays(self) -> int:
        """How many were played."""
        return self._replays

    @property
    def finding(self) -> Finding:
        """What there is now, with what it took."""
        before, after = self._shrinker.size(self.first.window), self._shrinker.size(self._best.window)
        cost = (self._replays, self._seconds)
        told = Minimized(before, after, *cost, self.done, self.first.window, self._conditions)
        return replace(self._best, minimized=told)

    def _all(self, window: Window) -> Asks[Window]:
        window = yield from self._shrinker.shrink(window)
        self._conditions = conditions_of(self._shrinker, window)
        return (yield from self._shrinker.emptied(window))

    def advance(self, play: Play) -> None:
        """Put one question: one replay, or a few where the fault does not come back always."""
        if self._next is None:
            return
        began, window = time.monotonic(), self._next
        again = self._shown(window, play)
        self._seconds += time.monotonic() - began
        if again is not None:
            self._best = _smaller(self._best, window, again)
        self._answers[_key(window)] = again is not None
        self._next = self._ask(again is not None)

    def _shown(self, window: Window, play: Play) -> Replay | None:
        for _ in range(self._tries):
            self._replays += 1
            if is_same(again := play(window, self.first), self.first):
                return again
        return None

    def _ask(self, answer: bool | None) -> Window | None:
        """The next question that was not answered before; None at the end."""
        try:
            window = next(self._questions) if answer is None else self._questions.send(answer)
            while (known := self._answers.get(_key(window))) is not None:
                window = self._questions.send(known)
        except StopIteration:
            return None
        return window


def is_same(again: Replay, finding: Finding) -> bool:
    """True for the same bucket; another crash, culprit or complaint would be another fault's reproducer."""
    if again.again is None or again.case is None:
        return again.reproduced
    if finding.kind is Kind.CONSOLE and again.again.summary != finding.observation.summary:
        return False
    if is_blamed(finding.observation):  # of a device that is gone, only the message blamed tells one fault from another
        return again.again.blames == finding.observation.blames
    own = bucket_of(finding.observation)  # an old file's may have been made in another way
    return bucket_of(again.again) == own


def _smaller(finding: Finding, window: Window, again: Replay) -> Finding:
    transcript, seen = again.transcript or finding.transcript, again.again or finding.observation
    return replace(finding, window=window, transcript=transcript, observation=seen)


def _key(window: Window) -> tuple[str, ...]:
    return tuple(case.id for case in window)
