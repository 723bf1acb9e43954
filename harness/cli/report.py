"""`medfuzz report`: write a run's reports again from its store."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from harness.campaigns.files import make_folder
from harness.campaigns.reporting import write_reports
from harness.cli.terminal import say
from harness.errors import BenchError
from harness.record import load_record
from harness.share import WORKERS
from harness.store import Store
from harness.summary import signalled


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    out: Annotated[Path | None, typer.Option(help="Where to write (default: into the run's folder).")] = None,
) -> None:
    """Write a run's reports again from its store, also of a run that was killed: report.html with a page for each
    finding, junit.xml and summary.json.
    """
    if (run / WORKERS).is_dir():
        from harness.campaigns.workers import gather_again

        gather_again(run)
    with Store.open(run) as store:
        record = load_record(store)
    if record.reason == "killed":
        record = signalled(record, signal.SIGKILL)
    folder = out or (run if run.is_dir() else run.parent)
    make_folder(folder)
    from harness.campaigns.protocols import protocols_again

    if failed := write_reports(folder, record, protocols_again(record.manifest)):
        raise BenchError(failed[0])
    say(f"report: {folder / 'report.html'}")
