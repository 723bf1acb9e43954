"""`medfuzz bleak`: run an unmodified bleak script on the devices of a running radio."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from harness.radio.process import need_bleak
from harness.radio.wire import CONTROL


def register(app: typer.Typer) -> None:
    """Add the command; what follows the script is the script's."""
    app.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})(bleak)


def bleak(
    script: Annotated[str, typer.Argument(help="A Python program that uses bleak.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its arguments.")] = None,
    radio: Annotated[str, typer.Option(help="A radio that runs: the --control of `medfuzz radio`.")] = CONTROL,
) -> None:
    """Run a bleak script on the devices of `medfuzz radio`, in a process of its own; ends as the script does."""
    need_bleak()
    words = [sys.executable, "-m", "harness.radio.bleak", "--radio", radio, script, *(arguments or [])]
    os.execv(sys.executable, words)
