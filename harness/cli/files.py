"""Writes what a command leaves behind; a disk that does not take it is one line of error."""

from __future__ import annotations

from pathlib import Path

from harness.errors import BenchError


def make_folder(folder: Path) -> None:
    """The folder and those above it; raises BenchError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot write to {folder}: {error.strerror}. Name another folder with --out") from error


def write(path: Path, text: str, *, instead: str) -> None:
    """The text as UTF-8; raises BenchError, which says to go another place `instead`."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}. {instead}") from error
