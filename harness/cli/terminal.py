"""Results go to standard output, the rest to standard error; a terminal that is gone ends nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from reports.text import visible


def say(*lines: str) -> None:
    """Results, a line each; no control character of a device reaches the terminal."""
    _write(sys.stdout, lines)


def note(*lines: str) -> None:
    """Errors and remarks, a line each."""
    _write(sys.stderr, lines)


def ask_person(request: str) -> bool:
    """Put a request to whoever sits at the terminal; true when Enter says that it is done, false for `n`."""
    note(f"{request}, then press Enter (n and Enter to give up)")
    line = sys.stdin.readline() if sys.stdin is not None else ""
    return bool(line) and line.strip().lower() not in ("n", "no")


def _write(stream: TextIO | None, lines: tuple[str, ...]) -> None:
    """A program that is started without this stream has None for it."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    text = "".join(f"{visible(line)}\n" for line in lines)
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except OSError:
        silence(stream)


def silence(stream: TextIO) -> None:
    """What is written to it from here on goes nowhere, also what Python still wants to flush at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    with contextlib.suppress(OSError):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
