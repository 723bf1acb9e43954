"""One finding on its way to a smaller reproducer: questions put to the device one at a time, each with its price."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace

from harness.case import Send
from harness.finding import Condition, Finding, Minimized, bucket_of, is_blamed
from harness.triage.boundary import Reaches, reaches_in
from harness.triage.conditions import conditions_of
from harness.triage.reduce import Asks
from harness.triage.replay import Replay
from harness.triage.shrink import Shrinker, Window
from harness.verdict import Kind, Observation

Play = Callable[[Window, Finding], Replay]
_TRIES = 3  # for a question about one that does not come back always
_CRASHES = (Kind.CRASH, Kind.HANG)
_OF_REPLIES = (Kind.WRONG_REPLY, Kind.NO_REPLY)  # seen by valid messages, where a standard speaks of it
_NO_FAULTS = frozenset[str]()


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a window showed the fault, what was violated (`""` for other faults), and whether the device served."""

    same: bool
    faults: frozenset[str]
    served: bool


class Minimization:
    """Asks for one replay after another; `finding` is the smallest so far. Nothing is asked twice.

    Only what does not show around a boundary is asked as often as somebody wants to know it, where the device is not
    `steady`: it may answer another time in another way.

    Around a boundary whatever the device shows counts, and nothing that is asked there becomes the reproducer. But for
    requirements that the reproducer violates besides its own: these are violated on both sides. What shows a fault
    where it was asked before and showed none is a `contradiction`.
    """

    def __init__(self, finding: Finding, shrinker: Shrinker, *, steady: bool = True) -> None:
        self.first, self._shrinker, self._steady = finding, shrinker, steady
        self._best, self._tries = finding, 1 if finding.reproduced == finding.tries else _TRIES
        self._conditions: tuple[Condition, ...] = ()
        self._earlier = self._beside = self._doubtful = self._is_small = False
        self._met: dict[str, None] = {}
        self._besides = self._others(finding.symptoms)
        self._questions = self._all(finding.window)
        self._answers = {_key(finding.window): self._yes}
        self._renewed, self.contradiction = set[tuple[str, ...]](), False
        self._replays, self._seconds = 0, 0.0
        self._next = self._ask(None)

    @property
    def done(self) -> bool:
        """True when there is nothing more to ask."""
        return self._next is None

    @property
    def is_small(self) -> bool:
        """True when nothing more can be left out; from where to where it shows may be asked yet."""
        return self._is_small

    @property
    def window(self) -> Window:
        """The smallest so far."""
        return self._best.window

    @property
    def asks_again(self) -> bool:
        """True where the next question was asked once before, and did not show it."""
        return self._next is not None and (key := _key(self._next)) in self._answers and key not in self._renewed

    @property
    def replays(self) -> int:
        """How many were played."""
        return self._replays

    @property
    def finding(self) -> Finding:
        """What there is now, with what it took."""
        before, after = self._shrinker.size(self.first.window), self._shrinker.size(self._best.window)
        told = Minimized(
            before,
            after,
            self._replays,
            self._seconds,
            self._is_small,
            self.first.window,
            self._conditions,
            tuple(self._met),
            sought=self.done,
        )
        return replace(self._best, minimized=told)

    def _all(self, window: Window) -> Asks[Window]:
        window = yield from self._attributed(window)
        window = yield from self._shrinker.shrink(window)
        smallest = yield from self._shrinker.emptied(window)
        self._is_small = True
        valid = self.first.kind not in _OF_REPLIES
        self._conditions = conditions_of(self._shrinker, window, {}, valid=valid)
        self._beside = True
        reaches = yield from reaches_in(self._shrinker, window, valid=valid)
        self._beside = False
        told: Reaches = {} if self._doubtful else reaches
        served = valid and not self._besides
        self._conditions = conditions_of(self._shrinker, window, told, valid=valid, served=served)
        return smallest

    def _attributed(self, window: Window) -> Asks[Window]:
        """The shortest beginning that shows it: behind what was sent next it may only have been noticed."""
        if not self.first.observation.blames:
            return window
        self._earlier = True
        while (shorter := (yield from self._cut(window))) is not None:
            window = shorter
        self._earlier = False
        return window

    def _cut(self, window: Window) -> Generator[Window, bool, Window | None]:
        for shorter in _without_last(window):
            if (yield shorter):
                return shorter
        return None

    def advance(self, play: Play) -> None:
        """Put one question: one replay, or a few where the fault does not come back always."""
        if self._next is None:
            return
        began, window = time.monotonic(), self._next
        again, answer = self._shown(window, play)
        self._seconds += time.monotonic() - began
        if again is not None and not self._beside and self._is_smaller(window):
            self._best = _smaller(self._best, window, again)
            self._besides = self._others(again.observations)
            if self._earlier:  # from here on it is this one's fault
                self.first = replace(self.first, observation=self._best.observation)
        if self.asks_again:
            self._renewed.add(_key(window))
            self.contradiction |= self._is_fault(answer)
        self._answers[_key(window)] = answer
        self._next = self._ask(answer)

    @property
    def _yes(self) -> _Answer:
        return _Answer(True, frozenset({self.first.observation.requirement}), False)

    def _others(self, seen: Iterable[Observation]) -> frozenset[str]:
        """Requirements that are violated besides the finding's own."""
        return _violated(seen) - {"", self.first.observation.requirement}

    def _is_smaller(self, window: Window) -> bool:
        """A question may be about a larger one, of which more can be left out than of the smallest so far."""
        return self._shrinker.weight(window) <= self._shrinker.weight(self._best.window)

    def _shown(self, window: Window, play: Play) -> tuple[Replay | None, _Answer]:
        """The replay that shows the fault, and what all tries come to."""
        faults, served = _NO_FAULTS, True
        for _ in range(self._tries):
            self._replays += 1
            again = play(window, self.first)
            if self._earlier and (seen := _of_sort(again, self.first.observation)) is not None:
                return replace(again, again=seen, case=window[-1]), self._yes
            if not self._earlier and is_same(again, self.first):
                return again, self._yes
            self._note(again)
            faults |= _violated(again.faults) | (self._yes.faults if again.reproduced else _NO_FAULTS)
            served = served and _served(again)
        return None, _Answer(False, faults, served)

    def _note(self, again: Replay) -> None:
        """Another crash beside the boundary is what the same field does there."""
        if self._beside and self.first.kind in _CRASHES:
            self._met.update((bucket_of(seen), None) for seen in again.faults if seen.kind in _CRASHES)

    def _ask(self, answer: _Answer | None) -> Window | None:
        """The next question that was not answered before; None at the end."""
        try:
            window = next(self._questions) if answer is None else self._questions.send(self._taken(answer))
            while (known := self._known(window)) is not None:
                window = self._questions.send(self._taken(known))
        except StopIteration:
            return None
        return window

    def _known(self, window: Window) -> _Answer | None:
        known = self._answers.get(_key(window))
        asked_anew = self._beside and not self._steady and known is not None and not self._is_fault(known)
        return None if asked_anew else known

    def _is_fault(self, answer: _Answer) -> bool:
        """Beside a boundary."""
        return bool(answer.faults - self._besides)

    def _taken(self, answer: _Answer) -> bool:
        if not self._beside:
            return answer.same
        fault = self._is_fault(answer)
        self._doubtful |= not (fault or answer.served)
        return fault


def _violated(seen: Iterable[Observation]) -> frozenset[str]:
    """Requirements; `""` stands for every other fault."""
    return frozenset(one.requirement for one in seen)


def _served(again: Replay) -> bool:
    """Clean, or played to its end on a device that served while it violated a requirement."""
    return again.clean or (again.votes and again.transcript is not None and again.transcript.probe_served is True)


def is_same(again: Replay, finding: Finding) -> bool:
    """True for the same bucket; another crash, culprit or complaint would be another fault's reproducer.

    What shows only when the session ends blames no message: what it says of itself tells one from another.
    """
    if again.again is None:
        return again.reproduced
    if again.case is None:
        return again.reproduced and _says_the_same(again.again, finding.observation)
    if finding.kind is Kind.CONSOLE and again.again.summary != finding.observation.summary:
        return False
    if is_blamed(finding.observation):  # of a device that is gone, only the message blamed tells one fault from another
        return again.again.blames == finding.observation.blames and _says_the_same(again.again, finding.observation)
    own = bucket_of(finding.observation)  # an old file's may have been made in another way
    return bucket_of(again.again) == own


def _says_the_same(seen: Observation, first: Observation) -> bool:
    """Where no message is blamed, the last words of the device are the fault; its status may be another one."""
    return bool(first.blames) or seen.fingerprint[1:] == first.fingerprint[1:]


def counted(finding: Finding, replays: Iterable[Replay], shown: int = 0) -> Finding:
    """With k of n by the replays that say something of the device, and `shown` more that showed it."""
    votes = [is_same(again, finding) for again in replays if again.votes]
    return replace(finding, reproduced=shown + sum(votes), tries=shown + len(votes))


def _without_last(window: Window) -> tuple[Window, ...]:
    """Without the last message: and what is behind it, or that alone; none where there is but one message."""
    *before, last = window
    sends = [number for number, step in enumerate(last.steps) if isinstance(step, Send)]
    if len(sends) < 2:
        return ()
    ends = ((), last.steps[sends[-1] + 1 :])
    return tuple((*before, replace(last, steps=(*last.steps[: sends[-1]], *end))) for end in dict.fromkeys(ends))


def _of_sort(again: Replay, first: Observation) -> Observation | None:
    """What is the same but for whom it blames."""
    sort = (first.kind, first.requirement, first.fingerprint)
    return next((o for o in again.observations if (o.kind, o.requirement, o.fingerprint) == sort), None)


def _smaller(finding: Finding, window: Window, again: Replay) -> Finding:
    transcript, seen = again.transcript or finding.transcript, again.again or finding.observation
    return replace(finding, window=window, transcript=transcript, observation=seen)


def _key(window: Window) -> tuple[str, ...]:
    return tuple(case.id for case in window)
