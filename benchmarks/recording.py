"""Records the cases of a short campaign on the emulated pump, and the bytes that went out in them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench
from harness.assembly.fuzzing import make_fuzzers
from harness.case import Origin, Send, TestCase
from harness.interfaces import Fuzzer
from harness.order import round_robin
from harness.transcript import Exchange

BENCH = "pump-fixed"
SEED = 1


@dataclass(frozen=True, slots=True)
class Recorded:
    """One executed case and its exchanges."""

    case: TestCase
    exchanges: tuple[Exchange, ...]


def started() -> Assembly:
    """The pump without faults, on the board in this process, powered on."""
    assembly = assemble(find_bench(BENCH), seed=SEED)
    assembly.runner.start()
    return assembly


def record(assembly: Assembly, count: int) -> list[Recorded]:
    """The first `count` cases of all the bench's fuzzers in turn, run once."""
    cases = itertools.islice(cases_of(assembly), count)
    return [Recorded(case, assembly.runner.run(case).transcript.exchanges) for case in cases]


def cases_of(assembly: Assembly) -> Iterator[TestCase]:
    """The cases of all the bench's fuzzers in turn; one that raises ends the measurement."""

    def failed(_fuzzer: Fuzzer, error: Exception) -> None:
        raise error

    return (case for _fuzzer, case in round_robin(make_fuzzers(assembly, SEED), failed))


def frozen(case: TestCase, exchanges: Sequence[Exchange]) -> TestCase:
    """The same case with the bytes that really went out in place of templates."""
    sent = iter([exchange for exchange in exchanges if exchange.sent])
    steps = tuple(Send(step.message, next(sent).sent) if isinstance(step, Send) else step for step in case.steps)
    return TestCase(case.interface, case.state, steps, case.origin)


def whole(recorded: Sequence[Recorded]) -> list[TestCase]:
    """The recorded cases with their waits, stimuli and resets, bytes as they went out."""
    return [frozen(r.case, r.exchanges) for r in recorded if all(e.replies or e.message for e in r.exchanges)]


def conversations(cases: Sequence[TestCase], length: int) -> list[TestCase]:
    """Cases of one message each put together: up to `length` of one interface and state behind one another."""
    groups: dict[tuple[str, str], list[TestCase]] = {}
    for case in cases:
        groups.setdefault((case.interface, case.state), []).append(case)
    return [
        TestCase(*key, tuple(step for case in group[at : at + length] for step in case.steps), group[at].origin)
        for key, group in groups.items()
        for at in range(0, len(group), length)
    ]


def messages(recorded: Sequence[Recorded]) -> list[TestCase]:
    """Each answered message of the recorded cases as a case of its own, in the state it was recorded in."""
    origin = Origin("recorded")
    return [
        TestCase(r.case.interface, r.case.state, (Send(exchange.message, exchange.sent),), origin)
        for r in recorded
        for exchange in r.exchanges
        if exchange.sent and exchange.answered
    ]
