"""An error that nobody foresaw is medfuzz's own: a line says where, a file how, and it never looks like a result."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Generator
from pathlib import Path

from harness.errors import InternalError, MedfuzzError
from harness.files import write_private

REPORT_NAME = "crash-report.txt"
SHOW = "MEDFUZZ_TRACEBACK"
_ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("harness", "protocols", "targets", "fuzzers", "reports")


@contextlib.contextmanager
def details_in(folder: Path | None, *foreseen: type[Exception]) -> Generator[None]:
    """What escapes inside is raised as an InternalError, its details written into the folder, or a temporary file.

    What is `foreseen` is raised as it is, as our own errors are.
    """
    try:
        yield
    except (MedfuzzError, *foreseen):
        raise
    except Exception as error:
        raise internal_error(error, folder) from error


def internal_error(error: Exception, folder: Path | None) -> InternalError:
    """Where it happened, where its details are, and what to do; never raises for a folder that takes no file."""
    what = f"{type(error).__name__}: {error}".strip(": ")
    found = InternalError(
        f"{what} at {_where(error)}: a fault of medfuzz, not of the device. {_kept(error, folder)} "
        f"Report it with this line; {SHOW}=1 shows the traceback"
    )
    found.__cause__ = error
    return found


def _kept(error: Exception, folder: Path | None) -> str:
    """Where the details are, in words."""
    with contextlib.suppress(OSError):
        path = _new_file() if folder is None else folder / REPORT_NAME
        write_private(path, _details(error))
        return f"Details, which may hold the device's data: {path}."
    return "Its details could not be written: the disk is full or read-only."


def _new_file() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="medfuzz-crash-", suffix=".txt")
    os.close(descriptor)
    return Path(name)


def _where(error: BaseException) -> str:
    """The innermost line of ours, else the innermost one: `harness/runner.py:88 in run`."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(Path(frame.filename))]
    if not frames:
        return "an unknown place"
    frame = (ours or frames)[-1]
    path = Path(frame.filename)
    return f"{path.relative_to(_ROOT) if _is_ours(path) else path}:{frame.lineno} in {frame.name}"


def _is_ours(path: Path) -> bool:
    return path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _ROOMS


def _details(error: BaseException) -> str:
    words = f"command: {' '.join(sys.argv)}\npython: {sys.version.split()[0]} on {platform.platform()}\n\n"
    return words + "".join(traceback.format_exception(error))
