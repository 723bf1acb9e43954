"""The `medfuzz` command: signals are taken before anything else is loaded."""

from __future__ import annotations

import sys

from harness.campaigns.collecting import collect_seldom
from harness.campaigns.interruption import ENDING, end_now, handled


def main() -> None:
    """Entry point of the console script."""
    collect_seldom()
    with handled(end_now, *ENDING):
        from harness.cli.app import run_app

        sys.exit(run_app())


if __name__ == "__main__":
    main()
