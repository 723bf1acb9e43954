"""How small findings end: a campaign's reproducers beside those that were written by hand, and their boundaries.

`python -m benchmarks.minimized` runs the pump three times, the second and third with constants moved by a salt;
`--device` names another demonstration device, or `all`.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import smallest_glucometer, smallest_insulin, smallest_pump
from benchmarks.by_hand import Boundary, Smallest
from harness.assembly.protocols import protocol_in
from harness.bench import load_bench
from harness.campaigns.options import Options
from harness.campaigns.session import run_campaign
from harness.fault_table import load_faults, name_fault
from harness.finding import Condition, Finding, Size
from harness.store import Store
from harness.triage.shrink import Shrinker
from targets.firmware import Build, Firmware
from targets.glucometer.build import GLUCOMETER
from targets.insulin.build import INSULIN
from targets.pump.build import PUMP

SALTS = ("", "a", "ward-7")
_PARTS = 50  # of a range, at the borders of which it has to show as well
WANTED_RATIO, WANTED_REPLAYS = 1.2, 150


@dataclass(frozen=True, slots=True)
class Device:
    """A demonstration device: its firmware, what was written by hand for it, and how many cases a campaign has."""

    firmware: Firmware
    smallest: Callable[[str], Sequence[Smallest]]
    cases: int

    @property
    def folder(self) -> Path:
        """Where its bench and the table of its faults lie."""
        return self.firmware.folder.parent


DEVICES: Mapping[str, Device] = {
    "pump": Device(PUMP, smallest_pump.smallest, 20_000),
    "insulin": Device(INSULIN, smallest_insulin.smallest, 1_500),
    "glucometer": Device(GLUCOMETER, smallest_glucometer.smallest, 1_500),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One finding beside what was written by hand for its fault; None where nothing was, or it was not made smaller.

    `boundary` is the one that belongs to a condition, else that of the message that the finding ends with.
    """

    fault: str
    finding: Finding
    by_hand: Size | None
    boundary: Boundary | None

    @property
    def ratio(self) -> float | None:
        """Its bytes in times of those that were written by hand; None for one of procedures, which has none."""
        told = self.finding.minimized
        if told is None or self.by_hand is None or not told.after.messages:
            return None
        return told.after.octets / self.by_hand.octets

    @property
    def told(self) -> str:
        """`exact`, `WRONG` or `not told` for a fault that has a boundary, else ""."""
        if self.boundary is None or self.finding.minimized is None:
            return ""
        found = [(c, _offset(self.boundary, c)) for c in self.finding.minimized.conditions]
        counted = [(c, offset) for c, offset in found if offset is not None]
        if not counted or not counted[0][0].is_bounded:
            return "not told"
        return "exact" if is_exact(self.boundary, *counted[0]) else "WRONG"


def _offset(boundary: Boundary, condition: Condition) -> int | None:
    at = boundary.more.get(f"{condition.message} {condition.field}")
    return 0 if at is None and condition.field == boundary.field else at


def is_exact(boundary: Boundary, condition: Condition, offset: int = 0) -> bool:
    """Whether what is told shows the fault, and what is beside it does not; twice an open end must."""
    least, most = condition.least, condition.most

    def can(number: int, shows: bool) -> bool:
        number += offset
        return number in boundary.either or boundary.shows(number) is shows

    lower = most is not None and can(0, True) if least is None else _ends(can, least, least - 1)
    upper = least is not None and can(2 * least, True) if most is None else _ends(can, most, most + 1)
    between = [] if least is None or most is None else (least + (most - least) * n // _PARTS for n in range(_PARTS))
    return lower and upper and all(can(number, True) for number in between)


def _ends(can: Callable[[int, bool], bool], last: int, beside: int) -> bool:
    return can(last, True) and (beside < 0 or can(beside, False))


def rows_of(findings: Iterable[Finding], salt: str = "", device: Device = DEVICES["pump"]) -> list[Row]:
    """Those of faults that have no other name, in their order."""
    faults, hand = load_faults(device.folder / "faults.toml"), device.smallest(salt)
    bench = load_bench(device.folder / "bench.toml")
    shrinker = Shrinker({name: protocol_in(bench, name) for name in bench.interfaces})
    return [_row(name_fault(found, faults), hand, shrinker) for found in findings if not found.same_as]


def _row(finding: Finding, hand: Sequence[Smallest], shrinker: Shrinker) -> Row:
    of_fault = [one for one in hand if one.fault == finding.fault]
    here = [one for one in of_fault if one.case.interface == finding.case.interface] or of_fault
    if not here:
        return Row(finding.fault or "?", finding, None, None)
    size = min((shrinker.size((one.case,)) for one in here), key=lambda size: size.octets)
    return Row(finding.fault, finding, size, _boundary(finding, here))


def _boundary(finding: Finding, hand: Sequence[Smallest]) -> Boundary | None:
    """That of a condition, of its kind and message before others; else one in the finding's last message."""
    told = () if finding.minimized is None else finding.minimized.conditions
    bounded = [(one.case.messages, one.boundary) for one in hand if one.boundary is not None]
    of_kind = sorted((pair for pair in bounded if _is_of(pair[1], finding)), key=lambda pair: not pair[1].kind)
    fitting = [(c.message in sent, b) for c in told for sent, b in of_kind if _offset(b, c) is not None]
    same = [b for sent, b in of_kind if sent[-1:] == finding.case.messages[-1:]]
    usual = same if len(bounded) < len(hand) else [b for _sent, b in of_kind]
    return next((b for own, b in sorted(fitting, key=lambda fit: not fit[0])), next(iter(usual), None))


def _is_of(boundary: Boundary, finding: Finding) -> bool:
    return boundary.kind in ("", finding.kind.value)


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
    """Of the ratios, and of the replays; infinite where nothing was made smaller."""
    ratios = [row.ratio for row in rows if row.ratio is not None]
    replays = [row.finding.minimized.replays for row in rows if row.finding.minimized is not None]
    return statistics.median(ratios or [math.inf]), statistics.median(replays or [math.inf])


def summed(rows: Sequence[Row]) -> tuple[str, bool]:
    """The figures in a line, and whether the goals are reached."""
    ratio, replays = medians(rows)
    ends = [row.told for row in rows if row.told]
    longest = max((row.finding.minimized.seconds for row in rows if row.finding.minimized is not None), default=0.0)
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


def run(
    device: Device, folder: Path, *, cases: int, seconds: float | None, seed: int, salt: str = ""
) -> tuple[Finding, ...]:
    """One campaign on a build with a salt, which ends after `seconds` in any case; raises BenchError, UsageError."""
    firmware = device.firmware
    build = Build(f"{firmware.name}.elf", firmware.fault_names())
    elf = firmware.compile(build, folder / "elf", salt) if salt else None
    bench = device.folder / "bench.toml"
    options = Options(bench, firmware.name, seed=seed, cases=cases, seconds=seconds, out=folder / "run", elf=elf)
    return found_in(run_campaign(options)[1])


def _told_of(device: Device, salt: str, options: argparse.Namespace) -> list[Row]:
    """Runs one campaign, or reads one, and prints its table."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        if options.run:
            findings = found_in(options.run)
        else:
            cases, given = options.cases or device.cases, {"seconds": options.time, "seed": options.seed, "salt": salt}
            findings = run(device, Path(folder), cases=cases, **given)
    rows = rows_of(findings, salt, device)
    line, _reached = summed(rows)
    title = f"## {device.firmware.name}, salt '{salt}'"
    print("\n".join([title, "", *told(rows), "", line, f"{time.monotonic() - began:.0f} s", ""]))
    sys.stdout.flush()
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print; 0 when every goal is met over all findings of all campaigns."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.minimized", description=__doc__)
    parser.add_argument("--device", choices=(*DEVICES, "all"), default="pump")
    parser.add_argument("--cases", type=int, help="of each campaign; else as many as a few minutes have")
    parser.add_argument("--time", type=float, help="seconds of each campaign, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--salt", action="append", help="this one only; repeatable")
    parser.add_argument("--run", type=Path, help="the folder of a run that there is, of one --device and --salt")
    options = parser.parse_args(arguments)
    devices = DEVICES.values() if options.device == "all" else (DEVICES[options.device],)
    salts = options.salt or (("",) if options.run else SALTS)
    rows = [row for device in devices for salt in salts for row in _told_of(device, salt, options)]
    line, reached = summed(rows)
    print(f"all: {line}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
