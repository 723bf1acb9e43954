"""Virtual time: the cycle counter and the deadlines at which peripherals act."""

from __future__ import annotations

from collections.abc import Callable

NEVER = 1 << 62


class Schedule:
    """One deadline for each source, in cycles. `now()` is exact also while instructions are executed."""

    def __init__(self, executed: Callable[[], int]) -> None:
        self._executed = executed
        self._actions: list[Callable[[], None]] = []
        self.due: list[int] = []
        self.base = 0
        self.running = False
        self.shorten: Callable[[int], None] = lambda cycles: None

    def now(self) -> int:
        """Cycles since power-on."""
        return self.base + self._executed() if self.running else self.base

    def source(self, action: Callable[[], None]) -> int:
        """Register what happens at a deadline; returns the number to arm it with."""
        self._actions.append(action)
        self.due.append(NEVER)
        return len(self.due) - 1

    def arm(self, source: int, cycle: int) -> None:
        """Let `source` act at `cycle` (replaces an earlier deadline)."""
        self.due[source] = cycle
        if self.running:
            self.shorten(cycle - self.base)

    def disarm(self, source: int) -> None:
        """Forget the deadline of `source`."""
        self.due[source] = NEVER

    def next(self) -> int:
        """The earliest deadline."""
        return min(self.due)

    def fire(self) -> None:
        """Run every source whose deadline has come, earliest first, ties in order of registration."""
        while (cycle := min(self.due)) <= self.base:
            source = self.due.index(cycle)
            self.due[source] = NEVER
            self._actions[source]()
