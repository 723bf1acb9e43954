"""Writes what a command leaves behind; a disk that does not take it is one line of error."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from harness.errors import BenchError
from harness.files import PRIVATE_FOLDER, make_private_folder, write_private


def make_folder(folder: Path) -> None:
    """The folder and those above it, ours alone where they were not there; raises BenchError."""
    try:
        make_private_folder(folder)
    except OSError as error:
        raise BenchError(f"cannot write to {folder}: {error.strerror}. Name another folder with --out") from error


def first_new(folders: Sequence[Path]) -> Path:
    """Make the first of them that is not there, at once, so that nobody else makes the same; raises BenchError."""
    for folder in folders:
        with contextlib.suppress(FileExistsError):
            return _made(folder)
    raise BenchError(f"{folders[0]} and {len(folders) - 1} more are there already. Name another folder with --out")


def _made(folder: Path) -> Path:
    """Raises FileExistsError, BenchError."""
    try:
        folder.mkdir(PRIVATE_FOLDER)
        folder.chmod(PRIVATE_FOLDER)
    except FileExistsError:
        raise
    except OSError as error:
        raise BenchError(f"cannot write to {folder}: {error.strerror}. Name another folder with --out") from error
    return folder


def write(path: Path, content: str | bytes, *, instead: str) -> None:
    """Bytes, or text as UTF-8, in a file of ours alone; raises BenchError, which says to go another place `instead`."""
    try:
        write_private(path, content)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}. {instead}") from error
