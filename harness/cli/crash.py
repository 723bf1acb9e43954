"""Tells a person of a fault of our own: a line, and the traceback where it is asked for."""

from __future__ import annotations

import os
import traceback

from harness.campaigns.crash import SHOW
from harness.cli.terminal import note
from harness.errors import InternalError


def tell(failure: InternalError) -> None:
    """Its line on standard error, and the traceback where the user asked for it."""
    note(f"medfuzz: {failure}")
    if os.environ.get(SHOW, "0") not in ("", "0") and failure.__cause__ is not None:
        note(*"".join(traceback.format_exception(failure.__cause__)).splitlines())
