"""Makes an exception of ours, a library's or a user's own file a bench fault that names the line to look at."""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

from harness.errors import OwnError

_ROOT = Path(__file__).resolve().parents[1]
_ROOMS = tuple(str(_ROOT / room) + "/" for room in ("harness", "protocols", "targets", "fuzzers", "reports"))
_LIBRARIES = tuple({sysconfig.get_path(name) + "/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_SHOWN = 400


def own_error(error: BaseException, where: str) -> OwnError:
    """The error with `where` it happened, the file and line to look at, its type and its text, in one line.

    The line is the innermost in a user's file; where there is none, the innermost of ours, else of a library's.
    """
    frames = traceback.extract_tb(error.__traceback__)
    frame = min(reversed(frames), key=_rank, default=None)
    place = f"{frame.filename}:{frame.lineno}, in {frame.name}: " if frame else ""
    text = " ".join(str(error).split())[:_SHOWN]
    words = f"{where}: {place}{type(error).__name__}{': ' if text else ''}{text}"
    return OwnError(f"{words}. {_advice(frame)}")


def _rank(frame: traceback.FrameSummary) -> int:
    """0 a user's file, 1 ours, 2 a library's or no file at all."""
    if frame.filename.startswith(_ROOMS):
        return 1
    return 2 if frame.filename.startswith((*_LIBRARIES, "<")) else 0


def _advice(frame: traceback.FrameSummary | None) -> str:
    if frame is None or _rank(frame):
        return "This is no fault of the device; please report it"
    return "This is no fault of the device; correct the file and run again"
