"""How this very program was called, so that a printed command works as printed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NAME = "medfuzz"


def command() -> str:
    """`medfuzz` when that is what the shell finds, else the path or module by which it was started."""
    called = Path(sys.argv[0])
    if called.name != NAME:
        return f"{os.path.relpath(sys.executable)} -m harness.cli.main"
    found = shutil.which(NAME)
    if found and Path(found).resolve() == called.resolve():
        return NAME
    near = os.path.relpath(called)
    return str(called) if near.startswith("..") else near


def arguments(*words: str) -> list[str]:
    """What a process is started with to run this very program with other words."""
    called = Path(sys.argv[0])
    if called.name == NAME and os.access(called, os.X_OK):
        return [str(called), *words]
    return [sys.executable, "-m", "harness.cli.main", *words]
