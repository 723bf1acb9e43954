"""`medfuzz work`: what `run --workers` starts; nobody else calls it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harness.campaigns.worker import run_worker
from harness.share import Share


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(work)


def work(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    index: Annotated[int, typer.Argument(min=0, help="Which worker, from 0 on.")],
    of: Annotated[int, typer.Argument(min=1, help="How many there are.")],
) -> None:
    """Run a share of a run's cases. What is printed goes to standard error; standard output is for the run alone."""
    told, heard = os.dup(1), os.dup(0)
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    raise typer.Exit(run_worker(run, Share(index, of), told=told, heard=heard))
