"""Where a worker is, in its folder: a case that ends its process again and again is passed over by the next one."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from harness.campaigns.files import write
from harness.errors import BenchError
from harness.files import PRIVATE_FILE

AT, DEATHS = "at", "deaths.json"
_ENOUGH = 2  # deaths in the same case
_WIDTH = 20


class Trail:
    """A file that names the case under way; what is in it when a process begins is where the last one died.

    `passed_over` are places of cases that have ended more than one. Raises BenchError from the disk.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / AT
        deaths = _deaths(folder / DEATHS)
        with contextlib.suppress(OSError, ValueError):
            place = str(int(self._path.read_bytes()))
            deaths[place] = deaths.get(place, 0) + 1
            write(folder / DEATHS, json.dumps(deaths), instead="Make room there")
        self.passed_over = frozenset(int(place) for place, count in deaths.items() if count >= _ENOUGH)
        try:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
        except OSError as error:
            raise BenchError(
                f"cannot write {self._path}: {error.strerror}. Check that the folder is writable"
            ) from error

    def at(self, place: int | None) -> None:
        """A case begins, or None is under way; a disk that is full is for others to tell."""
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, b" " * _WIDTH if place is None else b"%*d" % (_WIDTH, place), 0)

    def close(self) -> None:
        """The process has not died."""
        os.close(self._descriptor)
        self._path.unlink(missing_ok=True)


def _deaths(path: Path) -> dict[str, int]:
    """By place; none where nobody has died, or the file cannot be read."""
    try:
        return {str(int(place)): int(count) for place, count in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
