"""`medfuzz demo`: a short campaign against the emulated pump, with what it found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.assemble import find_bench
from harness.cli.options import Options
from harness.cli.run import seconds_of, tell_outcome
from harness.cli.session import run_campaign

_EXPECTED_FAULTS = 8


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    time: Annotated[str, typer.Option(help="How long to fuzz.")] = "60s",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the run.")] = None,
    elf: Annotated[Path | None, typer.Option(help="Other firmware, e.g. built with another SALT.")] = None,
) -> None:
    """Fuzz the emulated infusion pump.

    Exit code: 0 enough of the planted faults were found; else what `run` would end with, 1 at least.
    """
    options = Options(find_bench("pump"), "pump", seed=seed, seconds=seconds_of(time), out=out, elf=elf)
    record, folder = run_campaign(options)
    tell_outcome(record, folder)
    faults = {finding.fault for finding in record.confirmed if finding.fault}
    kinds = Counter(finding.kind.value for finding in record.confirmed)
    console = Console(highlight=False, soft_wrap=True)
    findings = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    console.print(f"findings: {findings}")
    console.print(f"{len(faults)} distinct planted faults: {', '.join(sorted(faults)) or 'none'}")
    raise typer.Exit(0 if len(faults) >= _EXPECTED_FAULTS else record.exit_code or 1)
