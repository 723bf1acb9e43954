"""`medfuzz run`: one campaign on one bench."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.assemble import find_bench
from harness.cli.console import printable
from harness.cli.options import Options
from harness.cli.program import command
from harness.cli.session import run_campaign
from harness.errors import UsageError
from harness.summary import CampaignRecord
from reports.ending import so_far

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DEFAULT_SECONDS = 60.0

BenchArgument = Annotated[str, typer.Argument(help="A bench file, or a shipped bench: pump, pump-fixed.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Everything random comes from it.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    bench: BenchArgument,
    time: Annotated[
        str, typer.Option(help="Stop after, triage included: 90, 90s, 15m, 8h (without --cases: 60s).")
    ] = "",
    cases: Annotated[int, typer.Option(min=0, help="Stop after this many cases (0: no limit).")] = 0,
    seed: SeedOption = 0,
    interface: Annotated[list[str] | None, typer.Option(help="Only this interface; may be repeated.")] = None,
    fuzzer: Annotated[list[str] | None, typer.Option(help="Only this fuzzer; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the run (default: runs/BENCH-TIME).")] = None,
    elf: Annotated[Path | None, typer.Option(help="Other firmware for an emulated bench.")] = None,
    quiet: Annotated[bool, typer.Option(help="Print only the outcome.")] = False,
) -> None:
    """Fuzz a bench.

    Exit code: 1 a confirmed finding; else 3 the bench failed; else 130 or 143 it was interrupted; else 4 too much was
    inconclusive; else 0 nothing was found.
    """
    seconds = seconds_of(time) if time else None if cases else _DEFAULT_SECONDS
    record, folder = run_campaign(
        Options(
            bench=find_bench(bench),
            bench_name=Path(bench).stem if Path(bench).suffix else bench,
            seed=seed,
            cases=cases or None,
            seconds=seconds,
            interfaces=tuple(interface or ()),
            fuzzers=tuple(fuzzer or ()),
            out=out,
            elf=elf,
            quiet=quiet,
        )
    )
    tell_outcome(record, folder)
    raise typer.Exit(record.exit_code)


def seconds_of(text: str) -> float:
    """`90`, `90s`, `15m`, `8h`, `1d` in seconds; raises UsageError."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"--time '{text}' is not a time; write a number and s, m, h or d, like 90s or 8h")
    return float(match[1]) * _UNITS[match[2]]


def tell_outcome(record: CampaignRecord, folder: Path) -> None:
    """The last lines: what was found, where the report is, how to replay."""
    console = Console(highlight=False, soft_wrap=True)
    verdicts = ", ".join(f"{count:,} {name}" for name, count in sorted(record.verdicts.items()))
    ended = f"{record.reason} {so_far(record)}".rstrip()
    console.print(
        f"{record.cases:,} cases in {record.seconds:.1f} s ({record.rate:,.0f}/s), ended: {ended}; {verdicts}"
    )
    if not record.confirmed and record.doubts:
        console.print(f"not a pass: {printable('; '.join(record.doubts))}", markup=False)
    for name, totals in record.interfaces.items():
        if totals.asked:
            answered = f"answered {totals.answered:,} of {totals.asked:,} messages"
            console.print(f"  {name}: {answered}, {totals.probes:,} probes served", markup=False)
    for reason in record.bench_faults:
        console.print(f"bench fault: {printable(reason)}", markup=False)
    for finding in record.findings:
        again = finding.replays
        fault = f" = {finding.fault}" if finding.fault else ""
        line = f"  {finding.id}  {finding.kind.value:<12} {finding.case.interface:<12} {again}{fault}"
        console.print(printable(f"{line}  {finding.observation.summary}"), markup=False)
    if not record.findings and record.cases:
        console.print("no findings")
    if record.refused:
        console.print(f"{record.refused:,} cases were withheld by the guard or a limit, whole or from some step on")
    if record.left_out:
        console.print(f"{record.left_out:,} cases were left out: their state or link could not be reached")
    if left := [name.removeprefix("state ") for name in _out_of_scope(record) if name.startswith("state ")]:
        console.print(f"states not tested for want of stimuli ({command()} check names them): {', '.join(left)}")
    if record.requirements:
        console.print(f"requirements: {_requirements(record)}", markup=False)
    if missing := sorted(
        {name for entry in record.requirements if entry.statistics for name in entry.statistics.missing}
    ):
        console.print(f"signals that never came: {', '.join(missing)}; see [signals] and the channel", markup=False)
    console.print(f"report: {folder / 'report.html'}", markup=False)
    if record.confirmed:
        console.print(f"replay: {command()} replay {record.confirmed[0].id} --run {folder}", markup=False)


def _out_of_scope(record: CampaignRecord) -> Mapping[str, str]:
    return record.manifest.get("out_of_scope", {})


def _requirements(record: CampaignRecord) -> str:
    """How many held, were violated, …; those that were not put to the test by name."""
    by_status: dict[str, list[str]] = {}
    for entry in record.requirements:
        by_status.setdefault(entry.status, []).append(entry.requirement.id)
    named = ("not exercised", "inconclusive", "not recorded")
    parts = [
        f"{len(ids)} {status}" + (f" ({', '.join(ids)})" if status in named else "")
        for status, ids in sorted(by_status.items())
    ]
    return ", ".join(parts)
