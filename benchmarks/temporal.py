"""Samples a second through the pump's safety requirements on a recorded trace, and what a restore costs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

from benchmarks.measure import Rates, interleaved, table, wanted
from benchmarks.recording import cases_of, started
from harness.assembly.assemble import Assembly
from harness.monitors.safety import SafetyMonitor
from harness.requirements import parse_requirements
from harness.temporal import FormulaSet
from harness.transcript import Sample

CASES = 300
RESTORES = 2_000
WANTED = 10_000


def trace(assembly: Assembly) -> list[Sample]:
    """The samples of the first cases, put one behind another on one clock."""
    found: list[Sample] = []
    for case in itertools.islice(cases_of(assembly), CASES):
        samples = assembly.runner.run(case).transcript.samples
        shift = found[-1].time + 0.01 - samples[0].time if found and samples else 0.0
        found += [Sample(sample.time + shift, sample.values) for sample in samples]
    return found


def pushed(formulas: FormulaSet, samples: Sequence[Sample]) -> float:
    """Samples a second of wall time, from the state at the start."""
    start = formulas.state()
    began = time.perf_counter()
    for sample in samples:
        formulas.push(sample.time, sample.values)
    rate = len(samples) / (time.perf_counter() - began)
    formulas.restore(start)
    return rate


def restored(formulas: FormulaSet, samples: Sequence[Sample]) -> float:
    """Restores a second to one state, `samples` having come in between each time."""
    start, spent = formulas.state(), 0.0
    for _ in range(RESTORES):
        for sample in samples:
            formulas.push(sample.time, sample.values)
        began = time.perf_counter()
        formulas.restore(start)
        spent += time.perf_counter() - began
    return RESTORES / spent


def report(assembly: Assembly) -> None:
    """Print the table and the goal."""
    safety = assembly.safety
    if not isinstance(safety, SafetyMonitor):
        return
    formulas = parse_requirements(assembly.requirements, safety.signals)
    samples = trace(assembly)
    watched = FormulaSet(formulas, len(safety.signals))
    (rate,) = interleaved({f"{len(formulas)} requirements, {len(samples):,} samples": lambda: pushed(watched, samples)})
    print(table("\nsafety requirements of the pump", "samples/s", [rate], rate))
    print(wanted("samples a second", rate.median, WANTED))
    some = samples[len(samples) // 2 :][:20]
    costs = interleaved(
        {"nothing came": lambda: restored(watched, ()), "20 samples came": lambda: restored(watched, some)}
    )
    print("  restore: " + ", ".join(f"{_microseconds(cost):.1f} µs where {cost.name}" for cost in costs))


def _microseconds(rates: Rates) -> float:
    return 1e6 / rates.median


def main() -> None:
    """Measure on the emulated pump."""
    assembly = started()
    report(assembly)
    assembly.runner.stop()


if __name__ == "__main__":
    main()
