"""How long a process was kept from running: by other work on the machine, or because it was held."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

_TICK, _KEPT_SECONDS = 0.05, 60.0
_NANO = 1e-9


def run_delay(pid: int) -> float:
    """Seconds that a process was ready to run and had to wait for a processor; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[1]) * _NANO
    except (OSError, IndexError, ValueError):
        return 0.0


class Stalls:
    """Samples of our own lateness, and of the run delays of other processes, over the last minute."""

    def __init__(self, others: Callable[[], Collection[int]]) -> None:
        self._others, self._late = others, 0.0
        self._samples = deque[tuple[float, float, Mapping[int, float]]](maxlen=int(_KEPT_SECONDS / _TICK))

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            self._sample()
            due = time.monotonic() + _TICK
            await asyncio.sleep(_TICK)
            self._late += max(0.0, time.monotonic() - due)

    def _sample(self) -> None:
        self._samples.append((time.monotonic(), self._late, {pid: run_delay(pid) for pid in self._others()}))

    def within(self, seconds: float) -> float:
        """The longest that one of them, or we, stood still within the last `seconds`; never more than these."""
        self._sample()
        begun = time.monotonic() - seconds
        then = next((sample for sample in reversed(self._samples) if sample[0] <= begun), self._samples[0])
        _at, late, delays = self._samples[-1]
        others = [delay - then[2].get(pid, delay) for pid, delay in delays.items()]
        return min(seconds, max(late - then[1], *others, 0.0))
