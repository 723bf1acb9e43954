"""`medfuzz export`: hand a finding over as a file, a test, a script or a capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import say
from harness.errors import UsageError
from harness.handover.export import FORMATS
from harness.handover.lookup import find_finding


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    finding: Annotated[str, typer.Argument(help="A finding's id, its first digits, or a file of `export --json`.")],
    run: Annotated[Path | None, typer.Option(help="The run's folder (default: the newest that has it).")] = None,
    json: Annotated[bool, typer.Option("--json", help="A file that `medfuzz replay` plays anywhere.")] = False,
    pytest: Annotated[bool, typer.Option("--pytest", help="A pytest test that fails when it comes back.")] = False,
    python: Annotated[bool, typer.Option("--python", help="A script that needs no medfuzz.")] = False,
    pcapng: Annotated[bool, typer.Option("--pcapng", help="A capture of what was said, for Wireshark.")] = False,
    out: Annotated[Path | None, typer.Option(help="The file to write (default: named after the finding).")] = None,
) -> None:
    """Hand a finding over. Exit code: 0 written, 2 it cannot be written so, 3 the disk does not take it."""
    wanted = {"json": json, "pytest": pytest, "python": python, "pcapng": pcapng}
    names = [name for name, asked in wanted.items() if asked]
    if len(names) != 1:
        raise UsageError(f"say as what to export it, with one of {', '.join(f'--{name}' for name in wanted)}")
    place, handover = find_finding(finding, run)
    say(f"{handover.finding.id} from {place}: {handover.finding.observation.summary}")
    chosen = FORMATS[names[0]]
    for file in chosen.write(out or chosen.default(handover.finding), handover):
        say(f"wrote {file}")
