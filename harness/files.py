"""Files that may hold a patient's data: their owner's alone, whatever the umask, and whole or not there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def make_private_folder(folder: Path) -> None:
    """The folder and those above it; those that are there already stay as they are. Raises OSError."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(PRIVATE_FOLDER, exist_ok=True)
        place.chmod(PRIVATE_FOLDER)
    if not folder.is_dir():
        folder.mkdir()


def write_private(path: Path, text: str) -> None:
    """The text as UTF-8, in the place of what was there. A device or a pipe is written as it is. Raises OSError."""
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
        return
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  a descriptor has no path
            os.fchmod(descriptor, PRIVATE_FILE)
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
