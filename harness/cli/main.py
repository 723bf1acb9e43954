"""The `medfuzz` command: errors become one clear line and the right exit code here, and nowhere else."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer
from rich.console import Console

from harness.cli import bleak, check, demo, discover, emulate, import_, init, listing, radio, replay, report, run, send
from harness.cli.console import printable
from harness.cli.interruption import handled, leave
from harness.cli.manifest import version_of
from harness.errors import MedfuzzError

app = typer.Typer(
    name="medfuzz",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for module in (demo, discover, init, check, send, run, replay, report, import_, listing, emulate, radio, bleak):
    module.register(app)


def _say_version(wanted: bool) -> None:
    if wanted:
        Console(highlight=False).print(f"medfuzz {version_of('medfuzz')}", markup=False)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Fuzz-test a medical device's interfaces and watch it for crashes, hangs and unsafe states.

    A device on your bench: init, check, send, run, in this order.
    """


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
