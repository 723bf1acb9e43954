"""What the guard costs: the same cases with and without a forbidden message declared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.in_process import exchanges_per_second, only, spread
from benchmarks.links import our_rate, recorded_bytes
from benchmarks.measure import interleaved, ratio, table, wanted
from benchmarks.recording import Recorded, messages
from benchmarks.responder import responder
from harness.assembly.assemble import Assembly
from harness.case import TestCase
from harness.guard import Guard

_CASES = 400
_WITH, _WITHOUT = "guard with a forbidden message", "guard without"
_FORBIDDEN = ("bolus",)


def report(assembly: Assembly, recorded: Sequence[Recorded]) -> None:
    """Print both tables."""
    pattern = assembly.protocols["maintenance"].forbidden(_FORBIDDEN)
    cases = [case for case in only(messages(recorded), "maintenance") if not pattern.search(case.steps[0].data)]
    cases = spread(cases, _CASES)
    rates = interleaved(
        {
            _WITH: partial(_rate, assembly, Guard(pattern, _FORBIDDEN), cases),
            _WITHOUT: partial(_rate, assembly, Guard(None, ()), cases),
        },
        9,
    )
    print(table("\nguard, in process (maintenance link)", "exchanges/s", rates, rates[1]))
    print(wanted("cost in %", 100 * (1 / ratio(rates[0], rates[1]) - 1), 5, at_most=True))
    with responder() as port:
        data = recorded_bytes(recorded, _CASES)
        rates = interleaved(
            {
                _WITH: partial(our_rate, port, data, reuse=True),
                _WITHOUT: partial(our_rate, port, data, reuse=True, forbidden=()),
            },
            9,
        )
    print(table("\nguard, instant responder, one connection", "cases/s", rates, rates[1]))
    print(wanted("cost in %", 100 * (1 / ratio(rates[0], rates[1]) - 1), 5, at_most=True))


def _rate(assembly: Assembly, guard: Guard, cases: Sequence[TestCase]) -> float:
    executor = assembly.runner.interfaces["maintenance"].executor
    executor.close()
    executor._guard = guard
    return exchanges_per_second(assembly.runner, cases)
