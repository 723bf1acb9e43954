"""What a signal raises while C code runs: thrown in a callback it would be lost, so that it waits for C to return."""

from __future__ import annotations

import threading
from collections.abc import Callable

Keep = Callable[[BaseException], None]


class _Calls(threading.local):
    """The calls of C that this thread is in, the innermost last."""

    def __init__(self) -> None:
        self.keepers: list[Keep] = []


_calls = _Calls()


class ThroughC:
    """Entered around a call of C that calls back. What is raised by `raise_past_c` meanwhile is kept by `keep`.

    Whoever enters it raises what was kept, behind it. A signal's handler runs as a callback begins, before that has
    done anything that could catch.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep = keep

    def __enter__(self) -> None:
        _calls.keepers.append(self._keep)

    def __exit__(self, *_error: object) -> None:
        _calls.keepers.pop()


def raise_past_c(error: BaseException) -> None:
    """Raise it here, or, where C is on the way, once that has returned."""
    if not _calls.keepers:
        raise error
    _calls.keepers[-1](error)
