"""Watches what a running program uses, from a thread of its own: processor time always, the rest when it is quiet."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from harness.tasks import threads_of, tree_of
from harness.usage import Usage, Wakefulness
from targets.proc import Pulses, descriptors_of, keeps_memory, memory_of

BEAT_SECONDS = 0.03
_REMEMBERED = 3000  # beats: a minute
_KEPT = 2000  # samples
_APART, _IDLE = 0.06, 0.25  # seconds between two samples: of a program that has worked meanwhile, and of any
_COST = 50.0  # a sample that takes a millisecond of processor time is taken every 50 at most
_TREE_SECONDS = 1.0
_IDLE_SHARE = 0.5


class _Beat(NamedTuple):
    """Processor seconds used up to a moment of the monotonic clock."""

    time: float
    seconds: float


class Meter:
    """Measures a process and what it started, from its making until `stop`.

    A sample is taken in a beat in which the program did nothing. Where its resident memory is more than `limit` bytes
    (0: no limit), `over` is told once. `was_idle`: all its threads slept for half of a time.
    """

    def __init__(self, pid: int, limit: int = 0, over: Callable[[], None] | None = None) -> None:
        self.pid, self._limit, self._over = pid, limit, over
        self._beats: deque[_Beat] = deque(maxlen=_REMEMBERED)
        self._samples: deque[Usage] = deque(maxlen=_KEPT)
        self._pulses, self._looked = {pid: Pulses(pid)}, time.monotonic()
        self._keeps: bool | None = None
        self.was_idle = False
        self._threads, self._glanced = dict[str, tuple[int, int]](), 0.0
        self._next, self._worked = 0.0, True
        self._wake, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Measure no more; idempotent. What was measured stays."""
        if self._stopped >= 0:
            os.close(self._stopped)
            self._stopped = -1
            self._thread.join()
            os.close(self._wake)

    def samples(self, since: float) -> list[Usage]:
        """Those taken since a moment of the monotonic clock, oldest first."""
        return [sample for sample in list(self._samples) if sample.time >= since]

    def busy(self, since: float) -> float | None:
        """Which share of one processor core it has used since then (all its threads together); None for too short."""
        beats = [beat for beat in list(self._beats) if beat.time >= since]
        if len(beats) < 2 or (seconds := beats[-1].time - beats[0].time) < 4 * BEAT_SECONDS:
            return None
        return max(0.0, beats[-1].seconds - beats[0].seconds) / seconds

    def awake(self, seconds: float) -> Wakefulness | None:
        """How awake it is from now on for so long, at which it comes back; None where the system does not tell."""
        before, began = threads_of(tree_of(self.pid)), time.monotonic()
        time.sleep(seconds)
        return _wakefulness(before, threads_of(tree_of(self.pid)), time.monotonic() - began)

    def _run(self) -> None:
        waits = select.poll()
        waits.register(self._wake, select.POLLIN)
        try:
            while not waits.poll(1000 * BEAT_SECONDS) and self._beat(time.monotonic()):
                pass
        finally:
            self._look(())

    def _look(self, tree: Iterable[int]) -> None:
        """From here on it is these processes."""
        before, self._looked = self._pulses, time.monotonic()
        self._pulses = {pid: before.pop(pid, None) or Pulses(pid) for pid in tree}
        for gone in before.values():
            gone.close()

    def _beat(self, now: float) -> bool:
        """False where the process is no more."""
        if now - self._looked > _TREE_SECONDS:
            self._look(tree_of(self.pid))
        pulses = [pulse for one in self._pulses.values() if (pulse := one.read()) is not None]
        if not pulses:
            return False
        used = sum(pulse.seconds for pulse in pulses) + pulses[0].ended
        quiet = bool(self._beats) and used <= self._beats[-1].seconds
        self._worked = self._worked or not quiet
        self._beats.append(_Beat(now, used))
        self.was_idle = self.was_idle or self._is_idle(now)
        if self._limit and sum(pulse.resident for pulse in pulses) > self._limit:
            self._is_over()
        if quiet and now >= (self._next if self._worked else self._next + _IDLE):
            self._sample(now)
        return True

    def _is_idle(self, now: float) -> bool:
        """Asked again and again until it is so once."""
        if now - self._glanced < _IDLE:
            return False
        before, threads = self._threads, threads_of(self._pulses)
        found = _wakefulness(before, threads, now - self._glanced) if before else None
        self._threads, self._glanced = threads, now
        return found is not None and max(found.awake, found.together) < _IDLE_SHARE

    def _is_over(self) -> None:
        self._limit = 0
        if self._over is not None:
            self._over()

    def _sample(self, now: float) -> None:
        """How much it holds; how long it takes to find out sets when that is done next."""
        if self._keeps is None:
            self._keeps = keeps_memory(self.pid)
        began = time.thread_time()
        self._look(tree := tree_of(self.pid))
        threads = sum(pulse.threads for one in self._pulses.values() if (pulse := one.read()) is not None)
        memory = None if self._keeps else sum(map(memory_of, tree))
        usage = Usage(now, sum(map(descriptors_of, tree)), len(tree), threads, memory)
        self._samples.append(usage)
        self._next = now + max(_APART, _COST * (time.thread_time() - began))
        self._worked = False


def _wakefulness(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]], seconds: float
) -> Wakefulness | None:
    """Of the thread that was awake most of those that were there before and after; None where none has ever run."""
    lived = [(ran - before[one][0], late - before[one][1]) for one, (ran, late) in after.items() if one in before]
    if not lived or not any(ran for ran, _late in after.values()):
        return None
    (ran, late), each = max(lived, key=sum), 1e-9 / seconds
    return Wakefulness((ran + late) * each, ran * each, sum(ran for ran, _late in lived) * each)
