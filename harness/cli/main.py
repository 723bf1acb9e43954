"""The `medfuzz` command: errors become one clear line and the right exit code here, and nowhere else."""

from __future__ import annotations

import signal
import sys

import typer
from rich.console import Console

from harness.cli import check, demo, emulate, init, listing, replay, report, run, send
from harness.cli.console import printable
from harness.cli.interruption import handled, leave
from harness.errors import MedfuzzError

app = typer.Typer(
    name="medfuzz",
    help="Fuzz-test a medical device's interfaces and watch it for crashes, hangs and unsafe states.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (demo, run, replay, emulate, check, init, send, listing, report):
    module.register(app)


def main() -> None:
    """Entry point of the console script."""
    try:
        with handled(leave, signal.SIGTERM):
            app()
    except MedfuzzError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"medfuzz: {printable(str(error))}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
