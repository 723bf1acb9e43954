"""The desk on which findings wait to be made smaller: beside the campaign's cases, never in front of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from harness.finding import Finding
from harness.interfaces import WireProtocol
from harness.runner import Runner
from harness.transcript import Way
from harness.triage.minimize import Minimization, counted
from harness.triage.replay import Replay, presumed_of, relied_on, replay_once
from harness.triage.shrink import Shrinker, Window
from harness.verdict import KINDS, Kind

_REPLAYS, _RESETS = 500, 20  # for one finding
_SHARE = 0.2  # of the run's time, while it has cases
_GRAVE_SECONDS = 30.0  # of it in advance, and of one that is of the gravest, before it takes turns
_WORTHWHILE = 5  # replays: with fewer, little becomes small
_GRAVEST = frozenset({Kind.UNSAFE_STATE, Kind.CRASH, Kind.HANG})
_UNSHARED = (_GRAVE_SECONDS, 10.0, 0.0)  # seconds of the gravest, of others that are grave, and of the rest
_AT_A_TIME, _COSTLY_SECONDS = 5, 2.0
_HEAD_START, _HEAD_START_SHARE = 300.0, 0.3  # seconds at most, and of a run whose end is known
_LEAST_SECONDS = 30.0  # at the end of a short run
_TURN_SECONDS = 2.0
_PROOF = 3.0  # reply timeouts that a replay of what is silent takes


@dataclass(slots=True, eq=False)
class _Task:
    """One finding on the desk, the `place`th that came.

    What is grave comes first, then what is not small yet, and then what no like of is.

    One that has had its time makes room for those that had less.

    `advance`: seconds that it may have before the desk has its share of the run, and `spent` what it had. `seconds`:
    what a question takes, as far as is known before the first (0: it is not). `hasty`: it is asked without what proves
    a fault: a reset behind what left the device serving, the session's end where the fault shows before it, patience
    with a device that never served again. Where that contradicts itself, it is begun again without haste.
    `settled`: as small as it gets, with how often it came back.
    """

    minimization: Minimization
    place: int
    advance: float = 0.0
    hasty: bool = True
    seconds: float = 0.0
    spent: float = 0.0
    shows_before_the_end: bool = False
    resets: int = 0
    slowest: float = 0.0
    settled: Finding | None = None

    @property
    def presumed(self) -> frozenset[Way]:
        """How the device comes back, or that it never does."""
        known = presumed_of(self.minimization.first)
        return known if self.hasty else known - {Way.NEVER}

    @property
    def costs_too_much(self) -> bool:
        return self.minimization.replays >= _REPLAYS or self.resets >= _RESETS

    @property
    def is_urgent(self) -> bool:
        """True for one that has not had what it may have in advance."""
        return self.spent < self.advance

    @property
    def sort(self) -> tuple[str, ...]:
        """What the first that is small tells the most of."""
        seen = self.minimization.first.observation
        return seen.kind, seen.requirement, *seen.fingerprint[:1]

    @property
    def _rank(self) -> int:
        kind = self.minimization.first.kind
        return 0 if kind in _GRAVEST else 1 if KINDS[kind].grave else 2

    def turn(self, small: Mapping[tuple[str, ...], int]) -> tuple[int, int, bool, int, int]:
        """What is least has the next question, where so many of each sort are `small`."""
        shared = max(0.0, self.spent - _UNSHARED[self._rank])
        turns = int(shared / _TURN_SECONDS)
        return turns, self._rank, self.minimization.is_small, small[self.sort], self.place

    def takes_to_tell(self, tries: int, timeout: float) -> float:
        """Seconds until it is told as small as it is, as far as is known: its replays, one of them with patience."""
        first, timed = self.minimization.first, self.minimization.first.observation.timed
        if self.settled is not None or self.minimization.window == first.window:
            return 0.0
        took = first.transcript.ended - first.transcript.started
        patience = took if timed and first.kind is not Kind.HANG else 0.0
        return (tries - 1) * (self.slowest + (_PROOF * timeout if timed else took)) + patience


@dataclass(frozen=True, slots=True)
class DeskState:
    """Buckets that wait, the one in hand first, and what was spent: seconds of effort, and replays."""

    waiting: tuple[str, ...] = ()
    spent: float = 0.0
    played: int = 0


class Desk:
    """Takes confirmed findings, the gravest first; `tell` is given each that became smaller.

    `seconds` is what it may take in all, besides `stop`, in a run that is `planned` for so many and has so many `left`
    on the wall. All others are of the runner's effort: where that is counted, a seed is a seed. A run that has cases
    left gives it a fifth of its time. An unsafe state, a crash or a hang may have half a minute of that in advance, if
    that is enough for a few replays. One finding may cost five hundred replays, and twenty resets where these or the
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
        left: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._runner, self._shrinker, self._stop, self._tell = runner, Shrinker(protocols), stop, tell
        self._tries, self._limit, self._spent = tries, seconds, 0.0
        self._head_start = min(_HEAD_START, _HEAD_START_SHARE * planned)
        self._planned, self._left = planned, left
        self._waiting: list[_Task] = []
        self._came, self._small = 0, Counter[tuple[str, ...]]()
        self._played = 0
        self._serves = False  # it was clean to the end of the last replay, and nothing was played since
        self._dropped = set[str]()

    def drop(self, bucket: str) -> None:
        """Somebody else has made it as small as it can be; may be said from another thread."""
        self._dropped.add(bucket)

    def take(self, finding: Finding, replay_seconds: float = 0.0) -> None:
        """Put it on the desk; one of the replays that confirmed it took so many seconds, if that is known."""
        seconds = max(0.0, replay_seconds - _patience(finding))
        enough = self._in_advance(0.0) >= _WORTHWHILE * seconds
        self._put(finding, seconds=seconds, advance=_GRAVE_SECONDS if enough and finding.kind in _GRAVEST else 0.0)

    def _put(self, finding: Finding, *, seconds: float = 0.0, advance: float = 0.0, hasty: bool = True) -> None:
        self._came += 1
        minimization = Minimization(finding, self._shrinker, steady=self._runner.independent)
        self._waiting.append(_Task(minimization, self._came, advance, hasty, seconds))

    def advance(self, elapsed: float) -> bool:
        """Put questions while less than a share of the `elapsed` seconds was spent on them, some at a time.

        Between these and the cases a device may have to be brought back to its state. Where a replay takes seconds,
        the first minutes belong to the cases, which find the most then, but for what is urgent. True when it has played
        something: what the device met before is past.
        """
        before, self._serves = self._played, False
        while self._spent < self._in_advance(elapsed) and self._work(urgent=True):
            pass
        each = self._spent / self._played if self._played else self._foreseen()
        share = _SHARE * (elapsed - self._head_start if each > _COSTLY_SECONDS else elapsed)
        if self._spent + _AT_A_TIME * each < share:
            while self._spent < share and self._work():
                pass
        return self._played > before

    def _foreseen(self) -> float:
        """Seconds of the first question, where it may be a quick one; what is slow is known behind it."""
        known = (task.seconds for task in self._waiting if task.seconds)
        return 0.0 if self._runner.independent else min((_COSTLY_SECONDS, *known))

    def _in_advance(self, elapsed: float) -> float:
        """Seconds in all for what is urgent: half a minute more than the share, at most the whole run's."""
        return min(_SHARE * elapsed + _GRAVE_SECONDS, _SHARE * self._planned)

    def finish(self, elapsed: float) -> None:
        """Put those that are left, for as long as the run took, or half a minute."""
        until, self._serves = self._spent + max(_LEAST_SECONDS, elapsed), False
        while self._spent < until and self._work():
            pass
        self._clear_away()
        while self._waiting:
            self._conclude(self._waiting.pop(0))

    def _work(self, *, urgent: bool = False) -> bool:
        """One question about the one whose turn it is; False where there is none, or no time for it."""
        self._clear_away()
        waiting = [task for task in self._ordered() if task.is_urgent or not urgent]
        if self._stop() or self._spent >= self._limit or not waiting:
            return False
        task, began, resets = waiting[0], self._runner.effort(), self._runner.resets.costly
        if not self._must_end(task):
            task.minimization.advance(partial(self._asked, task))
        took = self._runner.effort() - began
        task.spent, task.slowest = task.spent + took, max(task.slowest, took)
        slow = not self._runner.independent and took > _COSTLY_SECONDS
        task.resets += max(self._runner.resets.costly - resets, slow)
        if task.hasty and task.minimization.contradiction:
            self._waiting.remove(task)
            self._put(task.minimization.first, advance=task.advance, hasty=False)
        elif task.minimization.done or task.costs_too_much or self._must_end(task):
            self._waiting.remove(task)
            self._conclude(task)
        elif task.minimization.is_small:
            self._settle(task)
        self._spent += self._runner.effort() - began
        return True

    def _ordered(self) -> list[_Task]:
        return sorted(self._waiting, key=lambda task: task.turn(self._small))

    def _must_end(self, task: _Task) -> bool:
        """True where what is left of the run is needed to see how often the smaller one comes back."""
        timeout = self._runner.interfaces[task.minimization.first.case.interface].executor.timeout
        return 0.0 < self._left() < task.takes_to_tell(self._tries, timeout)

    def _clear_away(self) -> None:
        """What was dropped."""
        if self._dropped:
            self._waiting = [task for task in self._waiting if task.minimization.first.bucket not in self._dropped]

    def _conclude(self, task: _Task) -> None:
        """What one came to; told where it comes back as often as the one that it was made of.

        Where it does not come back at all times, haste was to blame, and it is begun again without.
        """
        self._settle(task)
        finding, first = task.minimization.finding, task.minimization.first
        if task.settled is not None:
            finding = replace(finding, reproduced=task.settled.reproduced, tries=task.settled.tries)
        elif not task.minimization.is_small:
            return
        as_often = finding.reproduced * first.tries >= first.reproduced * finding.tries
        if as_often and finding.tries >= min(first.tries, self._tries):  # else there was no time to see it
            self._small[task.sort] += 1
            self._tell(finding)
        elif task.hasty and finding.reproduced < finding.tries:
            self._put(first, hasty=False)

    def _settle(self, task: _Task) -> None:
        """See how often it comes back, if it became smaller; it stays so while its limits are sought."""
        if task.settled is None and task.minimization.window != task.minimization.first.window:
            task.settled = self._repeated(task.minimization.finding)

    def _repeated(self, finding: Finding) -> Finding:
        """With its k of n: once with patience, where it does not say why it fell silent, then as it came back."""
        played: list[Replay] = []
        known = finding if finding.kind is Kind.HANG else None
        for _ in range(self._tries - 1):
            if not self._stop():
                ways = frozenset[Way]() if known is None else relied_on(known)
                played.append(again := self._play(finding.window, known or finding, ways))
                if known is None and again.reproduced and again.transcript is not None:
                    known = replace(finding, transcript=again.transcript)
        return counted(finding, played, shown=1)

    def _asked(self, task: _Task, window: Window, finding: Finding) -> Replay:
        """A replay that is to be smaller: how the device comes back is not found out anew each time.

        What is asked again is asked of a device that remembers nothing of the replays before.
        """
        hasty = task.hasty and not task.minimization.asks_again
        reset, ends = not (hasty and self._serves), not (task.hasty and task.shows_before_the_end)
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

    def _play(self, window: Window, finding: Finding, ways: frozenset[Way]) -> Replay:
        self._played, self._serves = self._played + 1, False
        return replay_once(self._runner, window, finding, self._stop, ways)

    def state(self) -> DeskState:
        """What there is to do, to be written down: the one in hand is begun again by whoever reads it."""
        waiting = tuple(task.minimization.first.bucket for task in self._ordered())
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


def _patience(finding: Finding) -> float:
    """Seconds that a replay waits for the device to come back, and a question, which presumes how it does, does not."""
    service = finding.transcript.service
    return service.seconds if service is not None and presumed_of(finding) else 0.0
