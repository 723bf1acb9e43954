"""What Linux tells of running programs as it schedules them: which processes belong together, how long threads wait."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_CHUNK, _SECOND = 1 << 16, 1e-9


def contents(place: str) -> bytes:
    """What stands in a file; b"" where it cannot be read: the process may have ended meanwhile."""
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except OSError:
        return b""
    try:
        parts: list[bytes] = []
        while part := os.read(descriptor, _CHUNK):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def tasks_of(pid: int) -> list[str]:
    """The folders of its threads; none where there is no such process."""
    try:
        return [task.path for task in os.scandir(f"/proc/{pid}/task")]
    except OSError:
        return []


def tree_of(pid: int) -> tuple[int, ...]:
    """A process and all that it started and that did not leave it, the remains of ended ones too."""
    found = [pid]
    for one in found:
        found += _children(one)
    return tuple(found)


def _children(pid: int) -> Iterable[int]:
    return (int(child) for task in tasks_of(pid) for child in contents(f"{task}/children").split())


def threads_of(pids: Iterable[int]) -> dict[str, tuple[int, int]]:
    """Nanoseconds for which each thread has run, and for which it waited for a processor; none where nobody tells."""
    told = ((task, contents(f"{task}/schedstat").split()) for pid in pids for task in tasks_of(pid))
    return {task: (int(fields[0]), int(fields[1])) for task, fields in told if len(fields) > 1}


def holders_of(path: str) -> tuple[int, ...]:
    """Other processes that have the file open, as far as we may look."""
    found = (int(process.name) for process in os.scandir("/proc") if process.name.isdigit())
    return tuple(pid for pid in found if pid != os.getpid() and _holds(pid, path))


def _holds(pid: int, path: str) -> bool:
    try:
        return any(_target(link) == path for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


class _Thread(NamedTuple):
    """Nanoseconds so far, as told; seconds that it waits by now and that are not told yet."""

    ran: int
    waited: int
    waiting: float


_NEW = _Thread(0, 0, 0.0)


class Queue:
    """For how long a program was kept from a processor, from one look to the next."""

    def __init__(self) -> None:
        self._threads = dict[str, _Thread]()

    def kept(self, pids: Iterable[int], seconds: float) -> float:
        """Of the last `seconds`, those in which it could have gone on and was not let; never more than all of them.

        The longest wait of a thread; where threads hand on to one another the sum, but for the time in which one ran.
        """
        before, self._threads = self._threads, dict[str, _Thread]()
        ran, waits = 0.0, [0.0]
        for task, told in threads_of(pids).items():
            last = before.get(task, _NEW if before else _Thread(*told, 0.0))
            self._threads[task], waited = _looked_at(task, last, told, seconds)
            ran += (told[0] - last.ran) * _SECOND
            waits.append(min(seconds, waited))
        return max(*waits, min(sum(waits), seconds - ran))


def _looked_at(task: str, last: _Thread, told: tuple[int, int], seconds: float) -> tuple[_Thread, float]:
    """A thread as it is by now, and how long it has waited meanwhile: the system tells a wait when it is over."""
    if told == last[:2]:
        waits = seconds if _is_ready(task) else 0.0
        return _Thread(*told, last.waiting + waits), waits
    return _Thread(*told, 0.0), max(0.0, (told[1] - last.waited) * _SECOND - last.waiting)


def _is_ready(task: str) -> bool:
    """True for a thread that would run if it was let."""
    return contents(f"{task}/stat").rpartition(b") ")[2][:1] == b"R"
