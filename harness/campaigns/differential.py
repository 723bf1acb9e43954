"""The same cases on two benches: where two devices, or versions of one, answer differently, and who answers what."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.assembly.assemble import Assembly
from harness.assembly.fuzzing import make_fuzzers
from harness.assembly.meeting import meet
from harness.case import Send, TestCase
from harness.errors import BenchError, GuardRefused, LinkError, UsageError
from harness.interfaces import Expects
from harness.judge import settle
from harness.order import round_robin
from harness.outcome import Outcome
from harness.transcript import Exchange, Way
from harness.triage.reduce import fewest
from harness.verdict import KINDS, Blame

TRIES = 2
_SHOWN = 16


class Said(NamedTuple):
    """What one device did behind one message of a case; `message` is "" for what it did behind all of them."""

    message: str
    field: str
    words: str


@dataclass(slots=True)
class Disagreement:
    """Cases in which one device said `one` and the other `other` about the same message; `again` of `tries` replays.

    `case` is the smallest that shows it.
    """

    case: TestCase
    one: Said
    other: Said
    cases: int = 1
    again: int = 0
    tries: int = 0
    fields: set[str] = field(default_factory=set[str])

    @property
    def confirmed(self) -> bool:
        """True when every replay showed it."""
        return self.again == self.tries > 0


@dataclass(slots=True)
class Differences:
    """What came of it. `asked` are messages that both answered or left unanswered, `answered` those both answered."""

    cases: int = 0
    asked: int = 0
    answered: int = 0
    disagreements: dict[tuple[str, str, str], Disagreement] = field(
        default_factory=dict[tuple[str, str, str], Disagreement]
    )

    @property
    def confirmed(self) -> list[Disagreement]:
        """Those that came back, the most frequent first."""
        return sorted((one for one in self.disagreements.values() if one.confirmed), key=lambda one: -one.cases)


def check_alike(one: Assembly, other: Assembly) -> None:
    """Raises UsageError where two benches cannot be given the same cases."""
    if one.bench.target == other.bench.target and one.path.samefile(other.path):
        raise UsageError(f"{one.path} and {other.path} are one bench: name two")
    for name, protocol in one.protocols.items():
        if name not in other.protocols:
            raise UsageError(f"{other.path} has no interface '{name}' as {one.path} has: give both the same names")
        if list(other.protocols[name].messages) != list(protocol.messages):
            raise UsageError(f"interface '{name}' speaks other messages in {other.path} than in {one.path}")


class Differential:
    """Plays the cases of `fuzzers` (none: those that the first bench has) on two benches in turn."""

    def __init__(self, one: Assembly, other: Assembly, seed: int, fuzzers: Sequence[str] = ()) -> None:
        check_alike(one, other)
        self._one, self._other = one, other
        self._fuzzers = make_fuzzers(one, seed, fuzzers)
        self.found = Differences()

    def start(self) -> None:
        """Bring both up; raises BenchError, UsageError."""
        for assembly in (self._one, self._other):
            assembly.runner.start()
            meet(assembly)

    def stop(self) -> None:
        """Let go of both."""
        self._one.runner.stop()
        self._other.runner.stop()

    def run(self, cases: int | None, seconds: float | None, tell: Callable[[Disagreement], None]) -> Differences:
        """Up to so many cases, or seconds; each new disagreement is made small, played again and told."""
        until = None if seconds is None else time.monotonic() + seconds
        for _fuzzer, case in round_robin(self._fuzzers, _raise):
            if (cases is not None and self.found.cases >= cases) or (until is not None and time.monotonic() >= until):
                break
            self._compare(case, tell)
        return self.found

    def _compare(self, case: TestCase, tell: Callable[[Disagreement], None]) -> None:
        pair = self._play(case)
        if pair is None:
            return
        self.found.cases += 1
        for one, other in zip(*pair, strict=True):
            self.found.asked += bool(one.message)
            self.found.answered += bool(one.message) and "no answer" not in (one.words, other.words)
            if one.words != other.words:
                self._note(case, one, other, tell)
                return

    def _note(self, case: TestCase, one: Said, other: Said, tell: Callable[[Disagreement], None]) -> None:
        key = (one.message, one.words, other.words)
        if (known := self.found.disagreements.get(key)) is not None:
            known.cases += 1
            known.fields.add(one.field)
            return
        made = Disagreement(case, one, other, fields={one.field})
        self.found.disagreements[key] = made
        self._confirm(made)
        if made.confirmed:
            self._shrink(made)
            tell(made)

    def _confirm(self, made: Disagreement) -> None:
        for _try in range(TRIES):
            made.tries += 1
            made.again += self._shows(made.case, made)

    def _shows(self, case: TestCase, made: Disagreement) -> bool:
        pair = self._play(case)
        wanted = (made.one.message, made.one.words, made.other.words)
        return pair is not None and any((a.message, a.words, b.words) == wanted for a, b in zip(*pair, strict=True))

    def _shrink(self, made: Disagreement) -> None:
        """The fewest steps that show it twice."""
        asks, held = fewest(made.case.steps, least=1), None
        with suppress(StopIteration):
            while True:
                steps = asks.send(held) if held is not None else next(asks)
                smaller = TestCase(made.case.interface, made.case.state, steps, made.case.origin)
                held = _stands(steps) and all(self._shows(smaller, made) for _try in range(TRIES))
                made.case = smaller if held else made.case

    def _play(self, case: TestCase) -> tuple[list[Said], list[Said]] | None:
        """What both said; None where the case could not be played on one of them."""
        said: list[list[Said]] = []
        for assembly in (self._one, self._other):
            try:
                outcome = assembly.runner.run(case, probe=True)
            except GuardRefused:
                return None
            except LinkError as error:
                raise BenchError(f"{assembly.path}: {error}") from error
            if not outcome.transcript.state_reached or outcome.transcript.refused:
                return None
            said.append(list(_said(case, outcome, assembly.protocols[case.interface])))
        return said[0], said[1]


def _raise(_fuzzer: object, error: Exception) -> None:
    raise error


def _stands(steps: Sequence[object]) -> bool:
    """False where a step repeats the bytes of another, whose place would be another one."""
    return any(isinstance(step, Send) for step in steps) and not any(
        isinstance(step, Send) and step.replay_of >= 0 for step in steps
    )


def _said(case: TestCase, outcome: Outcome, protocol: Expects) -> Iterator[Said]:
    steps = [step for step in case.steps if isinstance(step, Send)]
    own = [exchange for exchange in outcome.transcript.exchanges if exchange.message][: len(steps)]
    for place, step in enumerate(steps):
        exchange = own[place] if place < len(own) else None
        bent = (case.origin.field or "something") if step.mutated else ""
        yield Said(step.message, bent, _words(exchange, protocol))
    yield Said("", "", _end(outcome))


def _words(exchange: Exchange | None, protocol: Expects) -> str:
    """Accepted or refused, and by what where the protocol knows how to tell that apart from ids; or no answer."""
    if exchange is None or not exchange.answered:
        return "no answer"
    frames = protocol.split(exchange.replies[0])[0]
    if not protocol.refuses(exchange.replies[0]):
        return "accepted"
    content = protocol.content(frames[0]) if frames else b""
    return f"refused with {content[:_SHOWN].hex(' ')}" if frames and content != frames[0].data else "refused"


def _end(outcome: Outcome) -> str:
    """What became of the device: faults by their kind, else how it came to serve."""
    faults = [o for o in settle(outcome.observations) if KINDS[o.kind].blame is Blame.DEVICE]
    if faults:
        return f"{KINDS[faults[0].kind].one}: {faults[0].summary}"
    service = outcome.transcript.service
    if service is None or service.way is Way.AT_ONCE:
        return "closed the connection" if service is not None and service.closed else "serves"
    return f"serves {service.way.value}"
