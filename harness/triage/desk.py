"""The desk on which findings wait to be made smaller: beside the campaign's cases, never in front of them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from harness.finding import Finding
from harness.interfaces import WireProtocol
from harness.runner import Runner
from harness.transcript import Way
from harness.triage.minimize import Minimization, counted
from harness.triage.replay import Replay, presumed_of, replay_once
from harness.triage.shrink import Shrinker, Window

_REPLAYS, _RESETS = 500, 20  # for one finding
_SHARE = 0.2  # of the run's time, while it has cases
_AT_A_TIME, _COSTLY_SECONDS = 5, 2.0
_HEAD_START, _HEAD_START_SHARE = 300.0, 0.3  # seconds at most, and of a run whose end is known
_LEAST_SECONDS = 30.0  # at the end of a short run
_TURN_SECONDS = 2.0


@dataclass(slots=True)
class _Task:
    """One finding on the desk. One that needs long makes room for the others now and then, where replays are quick.

    `hasty`: it is asked without what proves a fault: a reset behind what left the device serving, the session's end
    where the fault shows before it, patience with a device that never served again.
    """

    minimization: Minimization
    hasty: bool = True
    shows_before_the_end: bool = False
    resets: int = 0
    turns: int = 1

    @property
    def presumed(self) -> frozenset[Way]:
        """How the device comes back, or that it never does."""
        known = presumed_of(self.minimization.first)
        return known if self.hasty else known - {Way.NEVER}

    @property
    def costs_too_much(self) -> bool:
        return self.minimization.replays >= _REPLAYS or self.resets >= _RESETS

    @property
    def has_had_its_turn(self) -> bool:
        spent, played = self.minimization.seconds, self.minimization.replays
        if spent < _TURN_SECONDS * self.turns or spent > _COSTLY_SECONDS * played:
            return False
        self.turns += 1
        return True


@dataclass(frozen=True, slots=True)
class DeskState:
    """Buckets that wait, the one in hand first, and what was spent: wall seconds, and replays."""

    waiting: tuple[str, ...] = ()
    spent: float = 0.0
    played: int = 0


class Desk:
    """Takes confirmed findings in the order in which they came; `tell` is given each that became smaller.

    `seconds` is what it may take in all, besides `stop`, in a run that is `planned` for so many. A run that has cases
    left gives it a fifth of its time. One finding may cost five hundred replays, and twenty resets where these or the
    replays take long, or are limited.
    """

    def __init__(
        self,
        runner: Runner,
        protocols: Mapping[str, WireProtocol],
        *,
        tries: int,
        seconds: float,
        stop: Callable[[], bool],
        tell: Callable[[Finding], None],
        planned: float = math.inf,
    ) -> None:
        self._runner, self._shrinker, self._stop, self._tell = runner, Shrinker(protocols), stop, tell
        self._tries, self._limit, self._spent = tries, seconds, 0.0
        self._head_start = min(_HEAD_START, _HEAD_START_SHARE * planned)
        self._waiting: deque[_Task] = deque()
        self._played = 0
        self._serves = False  # it was clean to the end of the last replay, and nothing was played since
        self._dropped = set[str]()

    def drop(self, bucket: str) -> None:
        """Somebody else has made it as small as it can be; may be said from another thread."""
        self._dropped.add(bucket)

    def take(self, finding: Finding) -> None:
        """Put it at the end of the row."""
        self._waiting.append(_Task(Minimization(finding, self._shrinker, steady=self._runner.independent)))

    def advance(self, elapsed: float) -> bool:
        """Put questions while less than a share of the `elapsed` seconds was spent on them, some at a time.

        Between these and the cases a device may have to be brought back to its state. Where a replay takes seconds,
        the first minutes belong to the cases: they find the most then. True when it has played something: what the
        device met before is past.
        """
        before, self._serves = self._played, False
        unknown = 0.0 if self._runner.independent else _COSTLY_SECONDS
        each = self._spent / self._played if self._played else unknown
        share = _SHARE * (elapsed - self._head_start if each > _COSTLY_SECONDS else elapsed)
        if self._spent + _AT_A_TIME * each < share:
            while self._spent < share and self._work():
                pass
        return self._played > before

    def finish(self, elapsed: float) -> None:
        """Put those that are left, for as long as the run took, or half a minute."""
        until, self._serves = self._spent + max(_LEAST_SECONDS, elapsed), False
        while self._spent < until and self._work():
            pass
        self._clear_away()
        while self._waiting:
            self._conclude(self._waiting.popleft())

    def _work(self) -> bool:
        """One question about the first of the row; False where there is none, or no time for it."""
        self._clear_away()
        if self._stop() or self._spent >= self._limit or not self._waiting:
            return False
        task, began, resets = self._waiting[0], time.monotonic(), self._runner.resets.costly
        task.minimization.advance(partial(self._asked, task))
        slow = not self._runner.independent and time.monotonic() - began > _COSTLY_SECONDS
        task.resets += max(self._runner.resets.costly - resets, slow)
        if task.minimization.done or task.costs_too_much:
            self._waiting.popleft()
            self._conclude(task)
        elif task.has_had_its_turn:
            self._waiting.rotate(-1)
        self._spent += time.monotonic() - began
        return True

    def _clear_away(self) -> None:
        """What was dropped."""
        if self._dropped:
            left = [task for task in self._waiting if task.minimization.first.bucket not in self._dropped]
            self._waiting = deque(left)

    def _conclude(self, task: _Task) -> None:
        """What one came to; told where it comes back as often as the one that it was made of.

        Where it does not come back at all times, haste was to blame, and it is begun again without.
        """
        current = task.minimization
        finding, first = current.finding, current.first
        if finding.window != first.window:
            finding = self._repeated(finding)
        elif not current.done:
            return
        as_often = finding.reproduced * first.tries >= first.reproduced * finding.tries
        if as_often and finding.tries >= min(first.tries, self._tries):  # else there was no time to see it
            self._tell(finding)
        elif task.hasty and finding.reproduced < finding.tries:
            self._waiting.append(
                _Task(Minimization(first, self._shrinker, steady=self._runner.independent), hasty=False)
            )

    def _repeated(self, finding: Finding) -> Finding:
        played = (self._play(finding.window, finding) for _ in range(self._tries - 1) if not self._stop())
        return counted(finding, played, shown=1)

    def _asked(self, task: _Task, window: Window, finding: Finding) -> Replay:
        """A replay that is to be smaller: how the device comes back is not found out anew each time."""
        reset, ends = not (task.hasty and self._serves), not (task.hasty and task.shows_before_the_end)
        trusted = self._runner.interfaces[finding.case.interface].ladder.trusted if task.hasty else frozenset[Way]()
        self._played += 1
        again = replay_once(
            self._runner,
            window,
            finding,
            self._stop,
            task.presumed | trusted,  # a smaller one may show another fault, from which it is known to come back
            hasty=task.hasty,
            reset=reset,
            ends=ends,
        )
        task.shows_before_the_end = again.case is not None if again.reproduced else task.shows_before_the_end
        self._serves = again.clean
        return again

    def _play(self, window: Window, finding: Finding) -> Replay:
        self._played, self._serves = self._played + 1, False
        return replay_once(self._runner, window, finding, self._stop)

    def state(self) -> DeskState:
        """What there is to do, to be written down: the one in hand is begun again by whoever reads it."""
        waiting = tuple(task.minimization.first.bucket for task in self._waiting)
        return DeskState(waiting, self._spent, self._played)

    def restore(self, state: DeskState, findings: Mapping[str, Finding]) -> None:
        """Back to a `state()`; of the `findings` by bucket those that became small since are done."""
        self._spent, self._played = state.spent, state.played
        for bucket in state.waiting:
            if (finding := findings.get(bucket)) is None:
                continue
            if finding.minimized is None:
                self.take(finding)
            elif not finding.minimized.done:
                self.take(replace(finding, window=finding.minimized.original, minimized=None))
