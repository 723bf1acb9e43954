"""How much this machine and the bench's processes were held up: what no deadline of a device may pay for."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from harness.tasks import Queue

BEAT_SECONDS = 0.02
_REMEMBERED = 6000  # beats: two minutes
_NOTICED = 0.01
_STAT = 1024  # bytes


class Beat(NamedTuple):
    """One stretch of wall time, and how much of it nobody on this machine can be blamed for."""

    began: float
    ended: float
    lost: float


def unknown() -> None:
    """Of which processes a device is made that nobody here started."""


class Load:
    """Measures in a thread of its own between `start` and `stop`. `watched` gives the ids of the bench's own processes.

    `device` gives those of all that the device is: none for one that is not on this machine, None where nobody knows.
    Of each beat is lost: all of it while a watched process is held by a signal; else the time by which we came late, or
    for which the device was kept from a processor. Whose threads nobody knows is taken to be kept for the share that
    the waiting processes beyond this machine's cores take (Linux: /proc/loadavg), whatever their priorities.
    """

    def __init__(
        self, watched: Callable[[], Iterable[int]] = tuple, device: Callable[[], Iterable[int] | None] = unknown
    ) -> None:
        self._watched, self._device, self._queue = watched, device, Queue()
        self._beats: deque[Beat] = deque(maxlen=_REMEMBERED)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._now = time.monotonic()

    def start(self) -> None:
        """Begin to measure; idempotent."""
        if self._thread is None:
            self._ended.clear()
            self._now = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="load", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Measure no more; idempotent."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._beat(time.monotonic())

    def _beat(self, now: float) -> None:
        began, self._now = self._now, now
        seconds = now - began
        late = seconds - BEAT_SECONDS
        held = seconds if any(map(is_held, self._watched())) else 0.0
        lost = max(held, self._kept(seconds), late if late > _NOTICED else 0.0)
        self._beats.append(Beat(began, now, min(seconds, lost)))

    def _kept(self, seconds: float) -> float:
        """For how long of the last `seconds` the device was, or may have been, kept from a processor."""
        if (crowd := crowding()) <= 1.0:
            return 0.0
        device = self._device()
        return seconds * (1.0 - 1.0 / crowd) if device is None else self._queue.kept(device, seconds)

    def lost(self, since: float) -> float:
        """Seconds lost from a moment of the monotonic clock until now."""
        if self._thread is None:
            return 0.0
        lost = sum(beat.lost for beat in list(self._beats) if beat.began >= since)
        unseen = time.monotonic() - max(since, self._now) - BEAT_SECONDS
        return lost + (unseen if unseen > _NOTICED else 0.0)


def crowding() -> float:
    """How many runnable processes share one core, at least 1; 1 where the system does not tell."""
    try:
        running = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 1.0
    return max(1.0, running / len(os.sched_getaffinity(0)))


def run_delay(pid: int) -> float:
    """Seconds that a process was ready to run and had to wait for a processor; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return 0.0


def is_held(pid: int) -> bool:
    """True while a signal holds a process (SIGSTOP, or a debugger); False where the system does not tell."""
    try:
        return stat_of(pid).rpartition(b") ")[2][:1] in (b"T", b"t")
    except OSError:
        return False


def stat_of(pid: int) -> bytes:
    """/proc/PID/stat, which is asked for often: by a Path it takes three times as long. Raises OSError."""
    descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    try:
        return os.read(descriptor, _STAT)
    finally:
        os.close(descriptor)
