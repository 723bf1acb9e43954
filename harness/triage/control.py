"""Controls: the same window with time that passes instead of the case. Silence by the case, or by the device itself?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.case import Origin, TestCase, Wait
from harness.finding import Finding
from harness.transcript import Transcript, Way, own_exchanges
from harness.triage.replay import Replay, is_prompt
from harness.verdict import Kind

Play = Callable[[Sequence[TestCase], Finding], Replay]
PlayTo = Callable[[Sequence[TestCase], Finding, bool], Replay]
_LONGEST = 30.0  # link seconds
_COMPARED, _ENOUGH, _FEW = 10, 6, 4
_ALIKE, _SLACK = 1.5, 0.3  # times, and seconds
_TRIES = 2  # for each that is wanted: one that tested nothing is no vote


class Control:
    """Plays windows by `again`, and without the case by `without`, which is told whether to the session's end.

    That ends with `stop()`: what was not played then speaks for the finding, not against it.
    """

    def __init__(self, again: Play, without: PlayTo, stop: Callable[[], bool]) -> None:
        self._again, self._without, self._stop = again, without, stop

    def judged(self, finding: Finding, replays: Sequence[Replay], asked: int) -> Finding:
        """The finding, which `replays` showed; with a doubt where controls show it, too, or none can be played.

        Where one of the controls that were `asked` for shows it, or the replays took another way or another time each,
        as where a device is held up at random, ten of each sort decide.
        """
        window, quiet = _window(finding, _longest(finding, replays)), _needs_quiet(finding)
        without = self._controlled(finding, replays)
        seen = self._votes(without, window, finding, asked)
        if not seen and not self._stop():
            return _doubted(finding, "and what comes without the case could not be played")
        if not any(seen) and _is_steady(finding, replays):
            return finding
        if asked == 1 or (quiet and any(seen)):
            return _doubted(finding, "and without the case, too")
        return self._compared(without, window, finding, seen, 0 if quiet else _FEW)

    def _controlled(self, finding: Finding, replays: Sequence[Replay]) -> Play:
        """To the session's end where a replay had to be; not at all where it shows nothing.

        No message of a case is unanswered where none is sent.
        """
        if finding.kind is Kind.NO_REPLY and len(finding.window) == 1:
            return lambda _window, _finding: Replay(False)
        ends = any(again.reproduced and again.case is None for again in replays)
        return lambda window, finding: self._without(window, finding, ends)

    def _compared(
        self, without: Play, window: Sequence[TestCase], finding: Finding, seen: list[bool], few: int
    ) -> Finding:
        """Believed where the case shows it in each of ten replays, and no more than `few` of ten controls do.

        Six are enough where none of ten does: whatever holds a device up so often that chance gives six of six does not
        spare ten of ten (2.5 in 100,000 at the likeliest rate).
        """
        seen += self._votes(without, window, finding, _COMPARED - len(seen), most=few - sum(seen))
        if sum(seen) > few:
            return _doubted(finding, "and without the case, too")
        enough = _COMPARED if any(seen) or len(seen) < _COMPARED else _ENOUGH
        hits = self._votes(self._again, finding.window, finding, enough - finding.tries, most=_COMPARED, fewest=True)
        finding = replace(finding, reproduced=finding.reproduced + sum(hits), tries=finding.tries + len(hits))
        words = f"and in {sum(seen)} of {len(seen)} without the case"
        if finding.reproduced < finding.tries:
            return _doubted(finding, words)
        if finding.tries < enough:
            return _doubted(finding, f"{words}; the time was up before {enough} replays had told one from the other")
        return finding

    def _votes(
        self,
        play: Play,
        window: Sequence[TestCase],
        finding: Finding,
        wanted: int,
        *,
        most: int = 0,
        fewest: bool = False,
    ) -> list[bool]:
        """Whether each of `wanted` replays shows it; ends where more than `most` do, or with `fewest` one does not."""
        votes = list[bool]()
        for _ in range(_TRIES * wanted):
            if self._stop() or len(votes) >= wanted or sum(votes) > most or (fewest and not all(votes)):
                break
            again = play(window, finding)
            votes += [again.reproduced] if again.votes else []
        return votes


def _doubted(finding: Finding, why: str) -> Finding:
    return replace(finding, doubt=f"it came back in {finding.reproduced} of {finding.tries} replays, {why}")


def _window(finding: Finding, seconds: float) -> tuple[TestCase, ...]:
    *before, case = finding.window
    return (*before, TestCase(case.interface, case.state, (Wait(seconds),), Origin("control")))


def _is_steady(finding: Finding, replays: Sequence[Replay]) -> bool:
    """True where the device came back on the same way after about the same time, or as many bytes, or never.

    How many bytes is of no matter where it says itself why it fell silent.
    """
    services = [again.transcript.service for again in replays if again.transcript is not None]
    found = [service for service in services if service is not None]
    ways, seconds = {service.way for service in found}, [service.seconds for service in found]
    if len(ways) > 1:
        return False
    if ways == {Way.FILLED}:
        return finding.kind is Kind.HANG or len({service.filler for service in found}) == 1
    return ways <= {Way.NEVER} or max(seconds) <= _ALIKE * min(seconds) + _SLACK


def _longest(finding: Finding, replays: Sequence[Replay]) -> float:
    """Link seconds that the case took until it was asked whether the device serves: one may close what is idle so long.

    What it took to be served again is left out: the control is asked as well. Where the device was asked behind the
    last message whether it serves, the replays say how long: they have not waited for what a deaf one does not answer.
    """
    played = [again.transcript for again in replays if again.reproduced and again.transcript is not None]
    if played and is_prompt(finding):
        return min(max(_until_asked(finding.case, transcript) for transcript in played), _LONGEST)
    return min(max(_taken(transcript) for transcript in (finding.transcript, *played)), _LONGEST)


def _until_asked(case: TestCase, transcript: Transcript) -> float:
    """Seconds until its last message was out."""
    sent = [exchange.sent_at for _step, exchange in own_exchanges(case, transcript)]
    return max(0.0, sent[-1] - transcript.started) if sent else _taken(transcript)


def _taken(transcript: Transcript) -> float:
    waited = 0.0 if transcript.service is None else transcript.service.seconds
    return max(0.0, transcript.ended - transcript.started - waited)


def _needs_quiet(finding: Finding) -> bool:
    """True for what a device that is only slow, or closes what is idle, may show now and then without the case."""
    late = finding.observation.fingerprint[:1] == (Way.LATE.value,)
    return late or finding.kind is Kind.DISCONNECT
