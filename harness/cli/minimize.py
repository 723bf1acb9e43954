"""`medfuzz minimize`: make a finding's reproducer smaller, and write it to a file that `medfuzz replay` plays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import note, say
from harness.finding import Finding
from harness.handover.document import write_document
from harness.handover.lookup import find_finding
from harness.handover.minimizing import minimize_on

GONE = 4


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(minimize)


def minimize(
    finding: Annotated[str, typer.Argument(help="A finding's id, its first digits, or a file of `export --json`.")],
    run: Annotated[Path | None, typer.Option(help="The run's folder (default: the newest that has it).")] = None,
    bench: Annotated[str, typer.Option(help="Another bench than the run's: an emulator, the device itself.")] = "",
    elf: Annotated[Path | None, typer.Option(help="Other firmware for an emulated bench.")] = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long it may take.")] = 600.0,
    out: Annotated[Path | None, typer.Option(help="The file to write (default: F-….json here).")] = None,
) -> None:
    """Make a reproducer smaller. Exit code: 0 written, 4 the fault did not come back, 3 the bench failed."""
    place, handover = find_finding(finding, run)
    say(f"{handover.finding.id} from {place}: {handover.finding.observation.summary}")
    smaller = minimize_on(handover, bench=bench, elf=elf, seconds=seconds, tell=_tell)
    if not smaller.reproduced or smaller.minimized is None:
        say(f"it did not come back: {smaller.reproduced} of {smaller.tries}")
        raise typer.Exit(GONE)
    _say_what_is_left(smaller)
    path = out or Path(f"{smaller.id}.json")
    write_document(path, replace(handover, finding=smaller), option="--out")
    say(f"{path}: {smaller.minimized}, {smaller.replays}")


def _tell(finding: Finding) -> None:
    if finding.minimized is not None:
        note(f"  {finding.minimized.after} after {finding.minimized.replays} replays")


def _say_what_is_left(finding: Finding) -> None:
    for case in finding.window:
        say(f"  {case.interface}, {case.state}: {', '.join(case.messages) or 'nothing sent'}")
    for condition in finding.minimized.conditions if finding.minimized is not None else ():
        say(f"  {condition.message} {condition.field}: {condition.words}")
