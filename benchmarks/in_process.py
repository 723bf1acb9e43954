"""Messages a second on the board in this process, as shares of what Unicorn alone does, and the costs behind them."""

from __future__ import annotations

import cProfile
import itertools
import json
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bare import Bare, Message, on_machine
from benchmarks.measure import as_installed, interleaved, ratio, table, wanted
from benchmarks.recording import BENCH, SEED, Recorded, conversations, messages, record, started, whole
from fuzzers.enumerate import EnumerateFuzzer
from harness.assembly.assemble import Assembly
from harness.case import TestCase, Wait
from harness.runner import Runner
from targets.board.native.library import core_name

_TOP = 10
_GENERATED = 400
_REPLAYED = 600
_TOGETHER = 8
_CAMPAIGNS = (2000, 10_000)
_RECORDED = 1200
_GOALS = (1.0, 0.5, *[0.3] * len(_CAMPAIGNS))


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


def shares(assembly: Assembly, recorded: Sequence[Recorded]) -> None:
    """One message a case from a kept state: Unicorn alone, the machine, the runner, a campaign with its store."""
    machine = assembly.target.machine
    cases = spread(messages(recorded), _REPLAYED)
    said = [_kept(assembly, case) for case in cases]
    bare = Bare(machine, said)
    contenders = {
        "bare Unicorn, context restore": bare.rate,
        "the machine alone": partial(on_machine, machine, said),
        "the runner, all monitors on": partial(exchanges_per_second, assembly.runner, cases),
        **{f"{BENCH}, {cases:,} cases, with store": partial(campaign, cases) for cases in _CAMPAIGNS},
    }
    rates = interleaved(contenders)
    print(table(f"\nfrom Unicorn to a campaign, {core_name()}", "messages/s", rates, rates[0]))
    print(f"  {bare.instructions():,.0f} instructions a message in bare Unicorn")
    for row, goal in zip(rates[1:], _GOALS, strict=True):
        print(wanted(f"{row.name}, to bare Unicorn", ratio(row, rates[0]), goal))


def _kept(assembly: Assembly, case: TestCase) -> Message:
    """The snapshot that the runner restores for a case, and what it sends then."""
    target = assembly.target
    snapshots: list[Any] = []
    restore, target.restore = target.restore, lambda snapshot: (snapshots.append(snapshot), restore(snapshot))[1]
    assembly.runner.run(case)
    target.restore = restore
    port = assembly.bench.interfaces[case.interface].transport.partition("/")[2]
    return Message(snapshots[0].machine, target.usart(port), case.steps[0].data)


def campaign(cases: int) -> float:
    """Messages a second of a whole command, from its start to its report; compiled modules are kept, as installed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "harness.cli.main", "run", BENCH, "--cases", str(cases), "--seed", "1"]
        began = time.perf_counter()
        command += ["--quiet", "--out", f"{folder}/run"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=as_installed())
        seconds = time.perf_counter() - began
        told = json.loads((Path(folder) / "run" / "summary.json").read_text(encoding="utf-8"))
        return sum(row["sent"] for row in told["messages"]) / seconds


def report(assembly: Assembly, recorded: Sequence[Recorded]) -> None:
    """Print the tables, the goals and the profile."""
    shares(assembly, recorded)
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


def main() -> None:
    """Record, then measure what this module measures."""
    assembly = started()
    report(assembly, record(assembly, _RECORDED))
    assembly.runner.stop()


if __name__ == "__main__":
    main()
