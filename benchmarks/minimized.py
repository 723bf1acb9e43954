"""How small findings end: a campaign's reproducers beside those that were written by hand, and their boundaries.

`python -m benchmarks.minimized` runs the pump three times, the second and third with constants moved by a salt.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.by_hand import Boundary, Smallest
from benchmarks.smallest_pump import smallest
from harness.assembly.protocols import protocol_in
from harness.bench import load_bench
from harness.campaigns.options import Options
from harness.campaigns.session import run_campaign
from harness.fault_table import load_faults, name_fault
from harness.finding import Condition, Finding, Size
from harness.store import Store
from harness.triage.shrink import Shrinker
from targets.pump.build import Build, compile_firmware, fault_names

PUMP = Path(__file__).parents[1] / "targets" / "pump"
SALTS = ("", "a", "ward-7")
WANTED_RATIO, WANTED_REPLAYS = 1.2, 150


@dataclass(frozen=True, slots=True)
class Row:
    """One finding beside what was written by hand for its fault; None where nothing was, or it was not made smaller."""

    fault: str
    finding: Finding
    by_hand: Size | None
    boundary: Boundary | None

    @property
    def ratio(self) -> float | None:
        """Its bytes in times of those that were written by hand."""
        told = self.finding.minimized
        return None if told is None or self.by_hand is None else told.after.octets / self.by_hand.octets

    @property
    def told(self) -> str:
        """`exact`, `WRONG` or `not told` for a fault that has a boundary, else ""."""
        if self.boundary is None or self.finding.minimized is None:
            return ""
        found = [(c, _offset(self.boundary, c)) for c in self.finding.minimized.conditions]
        counted = [(c, offset) for c, offset in found if offset is not None]
        if not counted or (counted[0][0].least, counted[0][0].most) == (None, None):
            return "not told"
        return "exact" if is_exact(self.boundary, *counted[0]) else "WRONG"


def _offset(boundary: Boundary, condition: Condition) -> int | None:
    if condition.field == boundary.field:
        return 0
    return boundary.more.get(f"{condition.message} {condition.field}")


def is_exact(boundary: Boundary, condition: Condition, offset: int = 0) -> bool:
    """Whether both ends that are told show the fault, and what is beside them does not; twice an open end must."""
    least, most = condition.least, condition.most

    def shows(number: int) -> bool:
        return boundary.shows(number + offset)

    lower = most is not None and shows(0) if least is None else shows(least) and (least == 0 or not shows(least - 1))
    upper = least is not None and shows(2 * least) if most is None else shows(most) and not shows(most + 1)
    return lower and upper


def rows_of(findings: Iterable[Finding], salt: str = "") -> list[Row]:
    """Those of faults that have no other name, in their order."""
    faults, hand = load_faults(PUMP / "faults.toml"), smallest(salt)
    shrinker = Shrinker({n: protocol_in(load_bench(PUMP / "bench.toml"), n) for n in ("maintenance", "network")})
    return [_row(name_fault(found, faults), hand, shrinker) for found in findings if not found.same_as]


def _row(finding: Finding, hand: Sequence[Smallest], shrinker: Shrinker) -> Row:
    of_fault = [one for one in hand if one.fault == finding.fault]
    here = [one for one in of_fault if one.case.interface == finding.case.interface] or of_fault
    if not here:
        return Row(finding.fault or "?", finding, None, None)
    return Row(finding.fault, finding, shrinker.size((here[0].case,)), here[0].boundary)


def told(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown."""
    lines = [
        "| fault | found | minimized | by hand | ratio | replays | what it takes | boundary |",
        "|---|--:|--:|--:|--:|--:|---|---|",
    ]
    return lines + [_line(row) for row in sorted(rows, key=lambda row: row.fault)]


def _line(row: Row) -> str:
    small = row.finding.minimized
    hand = "" if row.by_hand is None else _size(row.by_hand)
    if small is None:
        return f"| `{row.fault}` | | not made smaller | {hand} | | | {row.finding.id} | |"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    takes = "; ".join(f"`{c.field.rpartition('.')[2]}` {c.words}" for c in small.conditions)
    end = "" if small.done else " (not to the end)"
    cells = (_size(small.before), _size(small.after) + end, hand, ratio, small.replays, takes, row.told)
    return f"| `{row.fault}` | {' | '.join(map(str, cells))} |"


def _size(size: Size) -> str:
    return f"{size.messages} / {size.octets}"


def medians(rows: Sequence[Row]) -> tuple[float, float]:
    """Of the ratios, and of the replays."""
    ratios = [row.ratio for row in rows if row.ratio is not None]
    replays = [row.finding.minimized.replays for row in rows if row.finding.minimized is not None]
    return statistics.median(ratios), statistics.median(replays)


def summed(rows: Sequence[Row]) -> tuple[str, bool]:
    """The figures in a line, and whether the goals are reached."""
    ratio, replays = medians(rows)
    ends = [row.told for row in rows if row.told]
    longest = max(row.finding.minimized.seconds for row in rows if row.finding.minimized is not None)
    faults = {row.fault for row in rows} - {"?"}
    line = (
        f"{len(faults)} faults, {len(rows)} findings: median {ratio:.2f} of what was written by hand, {replays:.0f} "
        f"replays, {longest:.0f} s at most; {ends.count('exact')} of {len(ends)} boundaries exact"
    )
    return line, ratio <= WANTED_RATIO and replays <= WANTED_REPLAYS and set(ends) <= {"exact"}


def found_in(folder: Path) -> tuple[Finding, ...]:
    """The confirmed findings of a run."""
    with Store.open(folder) as store:
        return tuple(found for found in store.findings() if found.confirmed)


def run(folder: Path, *, cases: int, seed: int, salt: str = "") -> tuple[Finding, ...]:
    """One campaign on a build with a salt; raises BenchError, UsageError."""
    elf = compile_firmware(Build("pump.elf", fault_names()), folder / "elf", salt) if salt else None
    options = Options(PUMP / "bench.toml", "pump", seed=seed, cases=cases, out=folder / "run", elf=elf)
    return found_in(run_campaign(options)[1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print; 0 when every goal is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.minimized", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--salt", action="append", help="this one only; repeatable")
    parser.add_argument("--run", type=Path, help="the folder of a run that there is, of one --salt")
    options = parser.parse_args(arguments)
    met = True
    for salt in options.salt or (("",) if options.run else SALTS):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            findings = (
                found_in(options.run)
                if options.run
                else run(Path(folder), cases=options.cases, seed=options.seed, salt=salt)
            )
        rows = rows_of(findings, salt)
        line, reached = summed(rows)
        met &= reached
        print("\n".join([f"## salt '{salt}'", "", *told(rows), "", line, f"{time.monotonic() - began:.0f} s", ""]))
        sys.stdout.flush()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
