"""Green means tested: what a run must have reached to be green, and why one that found nothing is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from harness.bench_tables import FloorsTable
from harness.case import Send
from harness.events import CaseFinished
from harness.transcript import Exchange

_ECHOED, _ENOUGH = 0.95, 5
BETWEEN = "\0"
UNHEARD = ": is its protocol another one, or is a session wanted first?"


def refuses_nothing(_reply: bytes) -> bool:
    """For a protocol of which nobody knows how it says no."""
    return False


@dataclass(slots=True)
class Tally:
    """What one interface was asked and answered. Probes are not counted: `probe` is their message's name.

    `echoes`: the device itself may answer with what it was sent, the bench says so. `messages` counts what was sent by
    message, state and outcome (`accepted`, `refused`, `unanswered`, or `sent`), with `BETWEEN` between these.

    `asked` are messages behind which a device that serves answers; of the `answered`, `echoed` are copies of them. Of
    the `valid` ones among them, which nobody mutated, `accepted` were answered.
    """

    probe: str = ""
    echoes: bool = False
    cases: int = 0
    asked: int = 0
    answered: int = 0
    valid: int = 0
    accepted: int = 0
    echoed: int = 0
    states: Counter[str] = field(default_factory=Counter[str])
    unreached: dict[str, str] = field(default_factory=dict[str, str])
    messages: Counter[str] = field(default_factory=Counter[str])

    def add(self, event: CaseFinished, refuses: Callable[[bytes], bool] = refuses_nothing) -> None:
        """Count one case; `refuses` knows an answer that says no."""
        self.cases += 1
        if event.transcript.state_reached:
            self.states[event.case.state] += 1
        else:
            self.unreached[event.case.state] = event.transcript.proof
        sends = [step for step in event.case.steps if isinstance(step, Send)]
        own = [exchange for exchange in event.transcript.exchanges if exchange.message]
        for step, exchange in zip(sends, own, strict=False):
            self.messages[BETWEEN.join((exchange.message, event.case.state, outcome_of(exchange, refuses)))] += 1
            if exchange.reply_expected and exchange.message != self.probe:
                self.asked += 1
                self.answered += exchange.answered
                self.valid += not step.mutated
                self.accepted += exchange.answered and not step.mutated
                self.echoed += exchange.replies[:1] == (exchange.sent,)


def outcome_of(exchange: Exchange, refuses: Callable[[bytes], bool]) -> str:
    """`accepted`, `refused`, `unanswered`, or `sent` where no answer was due and none came."""
    if exchange.answered:
        return "refused" if any(map(refuses, exchange.replies)) else "accepted"
    return "unanswered" if exchange.reply_expected else "sent"


@dataclass(frozen=True, slots=True)
class Tested:
    """Everything that the floors look at. `missing` are signals that never came, by requirement."""

    interfaces: Mapping[str, Tally]
    withheld: int = 0
    left_out: int = 0
    budget: int | None = None
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    watched: int = 0
    exercised: int = 0


def shortfalls(tested: Tested, floors: FloorsTable) -> tuple[str, ...]:
    """Why the run cannot be green, in words, the gravest first."""
    return tuple(_shortfalls(tested, floors))


def _shortfalls(tested: Tested, floors: FloorsTable) -> Iterator[str]:
    for name, tally in tested.interfaces.items():
        yield from _of_interface(name, tally, floors, tested)
    done = sum(tally.cases for tally in tested.interfaces.values())
    if tested.withheld > floors.withheld * max(1, done + tested.withheld):
        yield f"{tested.withheld} of {done + tested.withheld} cases were withheld by the guard or a limit"
    if tested.left_out > floors.left_out * max(1, done + tested.left_out):
        yield f"{tested.left_out} of {done + tested.left_out} cases were left out: their state or link was not there"
    if tested.missing:
        names = sorted({signal for signals in tested.missing.values() for signal in signals})
        yield f"{len(tested.missing)} requirements were not judged: no value of {', '.join(names)} ever came"
    elif tested.exercised < floors.exercised * tested.watched:
        yield f"only {tested.exercised} of {tested.watched} requirements were exercised"


def _of_interface(name: str, tally: Tally, floors: FloorsTable, tested: Tested) -> Iterator[str]:
    share = floors.cases if tested.budget is None else tested.budget // (2 * len(tested.interfaces))
    wanted = min(floors.cases, share)
    if tally.cases < wanted:
        yield f"'{name}': {tally.cases} cases, {wanted} are the least ([floors] cases): give it more time"
    if tally.valid >= _ENOUGH:
        if tally.accepted < floors.answered * tally.valid:
            yield f"'{name}': answered {tally.accepted} of {tally.valid} valid messages, besides the probe{UNHEARD}"
    elif tally.asked and tally.answered < floors.answered * tally.asked:
        yield f"'{name}': answered {tally.answered} of {tally.asked} messages, besides the probe{UNHEARD}"
    if not tally.echoes and tally.answered and tally.echoed >= _ECHOED * tally.answered:
        yield f"'{name}': {tally.echoed} of {tally.answered} answers are what was sent: is it an echo?"
    for state, proof in tally.unreached.items():
        if not tally.states[state] and floors.states:
            yield f"'{name}': state '{state}' was never reached" + (f" ({proof})" if proof else "")
