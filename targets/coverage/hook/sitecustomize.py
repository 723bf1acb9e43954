"""Runs at the start of a Python program whose coverage is shared: follows its lines, and is never in its way.

Its folder stands first in PYTHONPATH, and nothing else is there. It imports nothing of ours and next to nothing of
Python's, takes any Python from 3.8 on, and what goes wrong in it never reaches the program.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

    Trace = Callable[[FrameType, str, Any], Any]

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep  # noqa: PTH100, PTH120
_INSTALLED = ("site-packages", "dist-packages")
_MASK = 0xFFFF
_MOST = 255
_OWN_TOOLS = (4, 3)  # numbers that `sys.monitoring` has for nobody in particular


class Files:
    """Numbers for the program's own files: those on the disk that are not of the standard library."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, code: CodeType) -> int:
        """The number of a code's file, the same in every run; 0 for code that is not followed.

        What a module does while it is imported says nothing of the program's input; what its main one does may.
        """
        name = code.co_filename
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._number(name)
        if code.co_name == "<module>" and name != getattr(sys.modules.get("__main__"), "__file__", None):
            return 0
        return found

    def _number(self, name: str) -> int:
        if name[:1] == "<" or name.startswith(_HERE + os.sep):
            return 0
        if name.startswith(_LIBRARY) and not name[len(_LIBRARY) :].startswith(_INSTALLED):
            return 0
        number = 2166136261
        for byte in name.encode("utf-8", "replace"):
            number = (number ^ byte) * 16777619 & 0xFFFFFFFF
        return number or 1


def mixed(base: int, number: int) -> int:
    """One place in the map for a number in a file: neighbours lie apart."""
    return (base ^ number * 0x9E3779B1) * 0x85EBCA6B >> 13 & _MASK


def trace(cells: mmap.mmap) -> Trace:
    """For `sys.settrace`: counts each way from one line to the next of the same call."""
    of = Files().of
    lines: dict[int, dict[int, int]] = {}

    def followed(base: int) -> Trace:
        places = lines.setdefault(base, {})
        last = 0

        def step(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal last
            try:
                if event == "line":
                    here = places.get(frame.f_lineno)
                    if here is None:
                        here = places[frame.f_lineno] = mixed(base, frame.f_lineno)
                    edge, last = here ^ last, here >> 1
                    count = cells[edge]
                    if count < _MOST:
                        cells[edge] = count + 1
            except Exception:  # noqa: BLE001
                return None
            return step

        return step

    def called(frame: FrameType, _event: str, _argument: Any) -> Any:
        try:
            base = of(frame.f_code)
            return followed(base) if base else None
        except Exception:  # noqa: BLE001
            return None

    return called


def monitor(cells: mmap.mmap, monitoring: Any) -> None:
    """With `sys.monitoring`: marks each line and each way of a branch once, and asks for it no more."""
    of, events, off = Files().of, monitoring.events, monitoring.DISABLE
    tool = next(number for number in _OWN_TOOLS if monitoring.get_tool(number) is None)
    apart = hasattr(events, "BRANCH_LEFT")
    taken: dict[int, set[int]] = {}

    def line(code: CodeType, number: int) -> Any:
        try:
            if base := of(code):
                cells[mixed(base, number)] = 1
        except Exception:  # noqa: BLE001
            return off
        return off

    def branch(code: CodeType, source: int, target: int) -> Any:
        """Before Python 3.14 both ways are told by one event, which must go on until both were seen."""
        try:
            if not (base := of(code)):
                return off
            place = base ^ code.co_firstlineno << 32 ^ source << 56
            cells[mixed(place, ~target)] = 1
            ways = taken.setdefault(place, set())
            ways.add(target)
            return off if apart or len(ways) > 1 else None
        except Exception:  # noqa: BLE001
            return off

    monitoring.use_tool_id(tool, "medfuzz")
    asked = [events.LINE]
    asked += [events.BRANCH_LEFT, events.BRANCH_RIGHT] if apart else [events.BRANCH]
    for event in asked:
        monitoring.register_callback(tool, event, line if event == events.LINE else branch)
    monitoring.set_events(tool, sum(asked))


def follow(cells: mmap.mmap) -> None:
    """From here on, in all threads."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        monitor(cells, monitoring)
        return
    import threading

    traced = trace(cells)
    threading.settrace(traced)
    sys.settrace(traced)


def share() -> None:
    """Open the map that the environment names, say that it is shared, and follow the program."""
    try:
        import mmap

        descriptor = os.open(os.environ["MEDFUZZ_COVERAGE"], os.O_RDWR)
        try:
            cells = mmap.mmap(descriptor, 0)
        finally:
            os.close(descriptor)
        cells[0] = 1
        follow(cells)
    except Exception:  # noqa: BLE001
        return


def give_way() -> None:
    """Import the `sitecustomize` that would have been found without us, if there is one."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]  # noqa: PTH100
    ours = sys.modules.pop(__name__)
    try:
        import sitecustomize  # noqa: F401  # pyright: ignore
    except ImportError as error:
        if error.name != __name__:
            raise
    finally:
        sys.modules.setdefault(__name__, ours)


if __name__ == "sitecustomize":
    try:
        give_way()
    finally:
        share()
