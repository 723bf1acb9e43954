"""The memory of temporal operators: sliding extremes and `since` over steps of held values, each O(1) a step.

A window's memory holds at most a bounded number of entries; beyond it the older of two neighbours on the same side
of zero goes, which keeps the verdict exact and only coarsens a margin.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

LONGEST_MEMORY = 64

Entry = tuple[float, float]


class Running:
    """The smallest value since the first step."""

    __slots__ = ("smallest",)
    wake = math.inf

    def __init__(self) -> None:
        self.smallest = math.inf

    def step(self, value: float, _time: float) -> float:
        """The smallest value so far."""
        self.smallest = min(self.smallest, value)
        return self.smallest

    def state(self) -> object:
        """What `restore` takes."""
        return self.smallest

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        self.smallest = state


class Sliding:
    """The smallest value over the closed window [now - within, now] of a value that holds between steps."""

    __slots__ = ("current", "past", "wake", "within")

    def __init__(self, within: float) -> None:
        self.within = within
        self.current = math.inf
        self.past: deque[Entry] = deque()
        self.wake = math.inf

    def step(self, value: float, time: float) -> float:
        """Take `value` from `time` (seconds) on. `past` holds (value, end of its step), rising, all below `current`."""
        past = self.past
        if value > self.current:
            past.append((self.current, time))
            if len(past) > LONGEST_MEMORY:
                thin(past)
        elif value < self.current:
            while past and past[-1][0] >= value:
                past.pop()
        self.current = value
        while past and past[0][1] + self.within <= time:
            past.popleft()
        if past:
            self.wake = past[0][1] + self.within
            return past[0][0]
        self.wake = math.inf
        return value

    def state(self) -> object:
        """What `restore` takes."""
        return self.current, tuple(self.past), self.wake

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        self.current, past, self.wake = state
        self.past = deque(past)


class Full:
    """+1 once `within` seconds were observed, -1 before."""

    __slots__ = ("started", "wake", "within")

    def __init__(self, within: float) -> None:
        self.within = within
        self.started = math.nan
        self.wake = math.inf

    def step(self, time: float) -> float:
        """Whether the window that ends at `time` is full."""
        if math.isnan(self.started):
            self.started = time
        full_at = self.started + self.within
        if full_at <= time:
            self.wake = math.inf
            return 1.0
        self.wake = full_at
        return -1.0

    def state(self) -> object:
        """What `restore` takes."""
        return self.started, self.wake

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        self.started, self.wake = state


class SinceStart:
    """`since` with no window: max(start, min(held, before))."""

    __slots__ = ("value",)
    wake = math.inf

    def __init__(self) -> None:
        self.value = -1.0

    def step(self, held: float, start: float, _time: float) -> float:
        """Take both operands from `time` on."""
        self.value = max(start, min(held, self.value))
        return self.value

    def state(self) -> object:
        """What `restore` takes."""
        return self.value

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        self.value = state


class SinceWithin:
    """`since` whose start must reach into the closed window [now - within, now]."""

    __slots__ = ("current", "past", "wake", "within")

    def __init__(self, within: float) -> None:
        self.within = within
        self.current = -1.0
        self.past: deque[Entry] = deque()
        self.wake = math.inf

    def step(self, held: float, start: float, time: float) -> float:
        """Take both operands from `time` on. `past` holds (value, end of the start's step), falling."""
        past = self.past
        while past and past[-1][0] <= self.current:
            past.pop()
        past.append((self.current, time))
        self._cap(held)
        while past and past[-1][0] <= start:
            past.pop()
        self.current = start
        while past and past[0][1] + self.within <= time:
            past.popleft()
        if len(past) > LONGEST_MEMORY:
            thin(past)
        self.wake = past[0][1] + self.within if past else math.inf
        return past[0][0] if past else start

    def _cap(self, held: float) -> None:
        past, end = self.past, math.nan
        while past and past[0][0] >= held:
            end = past.popleft()[1]
        if not math.isnan(end):
            past.appendleft((held, end))

    def state(self) -> object:
        """What `restore` takes."""
        return self.current, tuple(self.past), self.wake

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        self.current, past, self.wake = state
        self.past = deque(past)


class Delay:
    """The value at the sample before the latest one; `frozen` while a step is not a sample."""

    __slots__ = ("before", "frozen", "latest")
    wake = math.inf

    def __init__(self) -> None:
        self.before: float | None = None
        self.latest: float | None = None
        self.frozen = False

    def step(self, value: float | None) -> float | None:
        """Take the value of this sample; None before the second one."""
        if not self.frozen:
            self.before, self.latest = self.latest, value
        return self.before

    def state(self) -> object:
        """What `restore` takes."""
        return self.before, self.latest

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        self.before, self.latest = state


Memory = Running | Sliding | Full | SinceStart | SinceWithin | Delay


def thin(past: deque[Entry]) -> None:
    """Drop every other entry whose younger neighbour lies on the same side of zero."""
    entries = list(past)
    past.clear()
    skipped = False
    for older, younger in zip(entries, [*entries[1:], None], strict=True):
        if younger is not None and not skipped and (older[0] > 0) == (younger[0] > 0):
            skipped = True
            continue
        skipped = False
        past.append(older)
