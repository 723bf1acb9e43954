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


def write_private(path: Path, content: str | bytes) -> None:
    """Bytes, or text as UTF-8, replacing what was there; a device or a pipe is written as it is. Raises OSError."""
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  a descriptor has no path
            os.fchmod(descriptor, PRIVATE_FILE)
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
