"""Message exchanges a second on the board in this process: recorded bytes, generation, and the costs behind them."""

from __future__ import annotations

import cProfile
import itertools
import pstats
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.measure import interleaved, table, wanted
from benchmarks.recording import SEED, Recorded, conversations, messages, whole
from fuzzers.enumerate import EnumerateFuzzer
from harness.assembly.assemble import Assembly
from harness.case import TestCase, Wait
from harness.runner import Runner

_TOP = 10
_GENERATED = 400
_REPLAYED = 600
_TOGETHER = 8


def exchanges_per_second(runner: Runner, cases: Iterable[TestCase]) -> float:
    """Run cases with every monitor; sent messages (preambles and probes included) a second of wall time."""
    sent = 0
    started = time.perf_counter()
    for case in cases:
        sent += sum(1 for exchange in runner.run(case).transcript.exchanges if exchange.sent)
    return sent / (time.perf_counter() - started)


def generated(assembly: Assembly, interface: str) -> list[TestCase]:
    """Cases of the enumerating fuzzer; generation is what is measured, so nothing is kept between calls."""
    table_of = assembly.bench.interfaces[interface]
    fuzzer = EnumerateFuzzer(assembly.protocols[interface], interface, table_of.states, SEED, max_len=table_of.max_len)
    return itertools.islice(fuzzer.cases(), _GENERATED)


def report(assembly: Assembly, recorded: Sequence[Recorded]) -> None:
    """Print the table, the goals and the profile."""
    runner = assembly.runner
    single = spread(messages(recorded), _REPLAYED)
    recorded_cases = spread(whole(recorded), _REPLAYED)
    mixes = {
        "recorded messages, one a case": partial(exchanges_per_second, runner, single),
        "recorded messages, eight a case": partial(exchanges_per_second, runner, conversations(single, _TOGETHER)),
        "recorded cases, waits and all": partial(exchanges_per_second, runner, recorded_cases),
        **{
            f"recorded messages, {name}": partial(exchanges_per_second, runner, only(single, name))
            for name in runner.interfaces
        },
        **{f"generated (enumerate), {name}": _generating(assembly, name) for name in runner.interfaces},
    }
    rates = interleaved(mixes)
    print(table("\nin process, one core, all monitors on", "exchanges/s", rates, rates[0]))
    print(_mix(single, recorded_cases))
    for row in rates[:2]:
        print(wanted(f"{row.name}, exchanges/s", row.median, 5000))
    for row in rates[-len(runner.interfaces) :]:
        print(wanted(f"{row.name}, exchanges/s", row.median, 2000))
    print(profile(runner, single))


def _generating(assembly: Assembly, interface: str):
    return lambda: exchanges_per_second(assembly.runner, generated(assembly, interface))


def only(cases: Sequence[TestCase], interface: str) -> list[TestCase]:
    """The cases of one interface."""
    return [case for case in cases if case.interface == interface]


def spread(cases: Sequence[TestCase], count: int) -> list[TestCase]:
    """`count` of the cases, evenly taken from all of them."""
    stride = max(1, len(cases) // count)
    return list(cases[::stride][:count])


def _mix(single: Sequence[TestCase], recorded_cases: Sequence[TestCase]) -> str:
    share = len(only(single, "maintenance")) / len(single)
    size = sum(len(case.steps[0].data) for case in single) / len(single)
    waits = sum(step.seconds for case in recorded_cases for step in case.steps if isinstance(step, Wait))
    return (
        f"  mix: {len(single)} answered messages, {share:.0%} maintenance link, mean {size:.0f} bytes, each from its "
        f"state's snapshot; {len(recorded_cases)} cases with {waits / len(recorded_cases):.2f} s of declared waits each"
    )


def profile(runner: Runner, cases: Sequence[TestCase]) -> str:
    """The functions that take the most time of their own."""
    profiler = cProfile.Profile()
    profiler.runcall(exchanges_per_second, runner, cases)
    stats = pstats.Stats(profiler)
    total = stats.total_tt
    own = sorted(stats.stats.items(), key=lambda entry: -entry[1][2])[:_TOP]
    lines = ["  top costs under the profiler (share of own time; cpu.run holds the emulated instructions):"]
    for (path, line, name), (_calls, calls, seconds, _cumulative, _callers) in own:
        place = f"{'/'.join(Path(path).parts[-2:])}:{line} " if line else ""
        lines.append(f"    {seconds / total:>6.1%} {calls:>8,}×  {place}{name}")
    return "\n".join(lines)
