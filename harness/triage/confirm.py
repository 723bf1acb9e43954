"""Nothing found is believed until it is replayed: which cases it takes, how often it comes back, and the rule.

The rule. A fault is first looked for in windows of the 1, 2, 4, 8, 16 latest cases, then in all since the device was
last started, one replay each; the shortest window that shows it is then played until there are `tries` replays. A
kind that tells of itself (a crash, an exit, a violated requirement) counts from one replay on: a busy machine makes
none of it. Where such a replay takes longer than two seconds, because the device is that long gone, two that show the
fault are enough: a third could not change what the rule says. A kind that is only the lack of something in time
counts where every replay shows it, two at least, and none of as many in which time passes instead of the case: some
devices are dead by themselves. Where one of these shows it, or the device came back on another way or after another
time in each replay, ten of each decide: all with the case, and at most four without it, which a sound device shows
once in 700 at worst, held for two thirds of the time. A late answer or a closed connection may not show in any without
it: some devices are slow, refuse a connection that follows another, or close one that is idle for as long as the case
took. A control is as long as the replays were until the device was asked whether it serves, and goes to the session's
end where one of them had to; that a message is not answered no control can show that sends none. Where only service is
asked for, and the first sight found the way back with patience, replays are silent for two timeouts before they try it.
If a replay of a sound device looks silent by chance
with probability q, one first sight is confirmed wrongly with at most 6 q · q² = 6 q³, one in twenty thousand for
q = 2 %, and it takes the first sight besides. Each such sight that no replay confirmed makes the bench suspect: from
then on one replay more is asked for of either sort, three more at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.case import TestCase
from harness.errors import BenchError
from harness.finding import Finding, bucket_of, is_blamed
from harness.interfaces import Explains
from harness.runner import Runner
from harness.triage.control import Control
from harness.triage.replay import Replay, relied_on, replay_once, same_fault
from harness.verdict import KINDS, Kind, Observation

_WINDOWS = (1, 2, 4, 8, 16)
_COSTLY_SECONDS, _ENOUGH = 2.0, 2
_SUSPECT = 3
_ALONE = 8  # cases of a window that are tried one by one


def _nothing(_bucket: str) -> bool:
    return False


class Confirmation:
    """Confirms one finding on a runner. `stop` ends it where it stands: what was not replayed is not dismissed.

    `search` is for how many seconds windows of more than two cases are tried: a night is not eaten by one doubt.
    `known` says whether a bucket is a confirmed finding's: what turns out to be that one needs no proof of its own.
    """

    def __init__(
        self,
        runner: Runner,
        tries: int,
        stop: Callable[[], bool],
        *,
        search: float = math.inf,
        known: Callable[[str], bool] = _nothing,
    ) -> None:
        self._runner, self._tries, self._stop, self._search = runner, tries, stop, search
        self._known = known
        self._control = Control(self._again, self._without, stop)
        self.suspect = 0  # sights of timed kinds that no replay confirmed
        self._took: list[float] = []

    @property
    def replay_seconds(self) -> float:
        """Seconds of a replay that showed the last finding; 0 where none did."""
        return sum(self._took) / len(self._took) if self._took else 0.0

    def confirm(self, finding: Finding, history: Sequence[TestCase]) -> Finding:
        """The finding with its window, its k of n, and what a replay says of its cause and blame.

        `history` ends with the finding's case and begins where the device was last started. Raises BenchError when
        no window could be played to its end.
        """
        self._took = []
        confirmed = self._confirmed(finding, history)
        timed = finding.observation.timed and confirmed.tries > 0
        self.suspect += timed and (not confirmed.reproduced or bool(confirmed.doubt))
        return confirmed

    def _confirmed(self, finding: Finding, history: Sequence[TestCase]) -> Finding:
        shown = self._shown(finding, history)
        if isinstance(shown, int):
            return replace(finding, reproduced=0, tries=shown)
        first, window = self._narrowed(finding, *shown)
        told = _told(replace(finding, window=window, reproduced=1, tries=1), first)
        known = told.bucket != finding.bucket and self._known(told.bucket)
        if known and not finding.observation.timed:
            return told
        played = self._repeated(first, window, finding)
        confirmed = replace(told, reproduced=sum(again.reproduced for again in played), tries=len(played))
        if not known or confirmed.reproduced < needed_of(confirmed):
            confirmed = self._judged(confirmed, played)
        return explained(self._runner, confirmed) if finding.kind is Kind.CRASH else confirmed

    def _shown(self, finding: Finding, history: Sequence[TestCase]) -> tuple[Replay, tuple[TestCase, ...]] | int:
        """The shortest window that shows the fault and its replay, or how many were played in vain."""
        failed, played, began = "", 0, self._runner.effort()
        for window in _windows(finding, history):
            if self._stop() or (len(window) > 2 and self._runner.effort() - began > self._search):
                return played
            again = self._again(window, finding)
            if again.reproduced:
                return again, window
            failed = failed or again.bench_error
            played += again.votes
        if failed and not played:
            raise BenchError(failed)
        return played

    def _narrowed(
        self, finding: Finding, first: Replay, window: tuple[TestCase, ...]
    ) -> tuple[Replay, tuple[TestCase, ...]]:
        """The one case of a window that shows the fault alone; else the window, halved while a half still does."""
        if first.case is not None:
            window = window[: len(window) - window[::-1].index(first.case)]
        for case in reversed(window[-_ALONE:-1]) if len(window) > 1 else ():
            if not self._stop() and (alone := self._again((case,), finding)).reproduced:
                return alone, (case,)
        while len(window) > _WINDOWS[-1] and not self._stop():
            half = self._again(window[len(window) // 2 :], finding)
            if not half.reproduced:
                break
            first, window = half, window[len(window) // 2 :]
        return first, window

    def _repeated(self, first: Replay, window: tuple[TestCase, ...], finding: Finding) -> list[Replay]:
        """`tries` replays with the first one; where each takes long, no more than the rule asks for.

        One that tested nothing is no vote: as many again are tried for those.
        """
        played, began, asked = [first], self._runner.effort(), self._asked(finding)
        for number in range(1, 2 * asked):
            costly = self._runner.effort() - began > _COSTLY_SECONDS * (number - 1) and not finding.observation.timed
            if self._stop() or len(played) >= asked or (costly and sum(p.reproduced for p in played) >= _ENOUGH):
                break
            if (again := self._again(window, finding)).votes:
                played.append(again)
        return played

    def _asked(self, finding: Finding) -> int:
        """How many replays: more where sights of this sort came to nothing."""
        return self._tries + (min(self.suspect, _SUSPECT) if finding.observation.timed else 0)

    def _again(self, window: Sequence[TestCase], finding: Finding) -> Replay:
        began = self._runner.effort()
        again = replay_once(self._runner, window, finding, self._stop, relied_on(finding))
        self._took += [self._runner.effort() - began] if again.reproduced else []
        return again

    def _without(self, window: Sequence[TestCase], finding: Finding, ends: bool) -> Replay:
        return replay_once(self._runner, window, finding, self._stop, ends=ends)

    def _judged(self, finding: Finding, played: Sequence[Replay]) -> Finding:
        """With a doubt where the rule does not believe it."""
        if finding.reproduced < (needed_of(finding) if self._tries > 1 else 1):
            seen = f"it came back in {finding.reproduced} of {finding.tries} replays"
            return replace(finding, doubt=f"{seen}, which chance can do")
        return self._control.judged(finding, played, self._asked(finding)) if finding.observation.timed else finding


def needed_of(finding: Finding) -> int:
    """How many replays must show it: all, and two at least, of what is timed, else one."""
    return max(finding.tries, 2) if finding.observation.timed else 1


def _windows(finding: Finding, history: Sequence[TestCase]) -> list[tuple[TestCase, ...]]:
    """The case alone, then 2, 4, 8, 16 of the latest, then all."""
    windows = [finding.window]
    windows += [tuple(history[-size:]) for size in _WINDOWS[1:] if size < len(history)]
    return [*windows, tuple(history)] if len(history) > 1 else windows


def _told(finding: Finding, again: Replay) -> Finding:
    """With the blame of the replay: it knows which case it was, where the first sight may have come late.

    What explains it, where that was seen now, is the fault itself.
    """
    if (cause := _cause(again)) is not None:
        return replace(finding, observation=cause, bucket=bucket_of(cause))
    if again.again is None or again.case is None or not is_blamed(finding.observation) or not is_blamed(again.again):
        return finding
    return replace(finding, observation=again.again, bucket=bucket_of(again.again))


def _cause(again: Replay) -> Observation | None:
    """The first of what a replay showed that its kind is a symptom of."""
    of = KINDS[again.again.kind].symptom_of if again.again is not None else frozenset[Kind]()
    return next((seen for seen in again.faults if seen.kind in of), None)


def explained(runner: Runner, finding: Finding) -> Finding:
    """The finding with what one slow replay tells about its cause, where the target can."""
    if not isinstance(runner.target, Explains):
        return finding
    runner.target.explain_writes(on=True)
    try:
        again = replay_once(runner, finding.window, finding)
    finally:
        runner.target.explain_writes(on=False)
    for observation in again.observations:
        if "overwritten" in observation.detail and same_fault(observation, finding):
            detail = {**finding.observation.detail, "overwritten": observation.detail["overwritten"]}
            return replace(finding, observation=replace(finding.observation, detail=detail))
    return finding
