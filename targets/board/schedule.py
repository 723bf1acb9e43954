"""Virtual time: the cycle counter and the deadlines at which peripherals act."""

from __future__ import annotations

from collections.abc import Callable

NEVER = 1 << 62


class Schedule:
    """One deadline for each source, in cycles. `now()` is exact also while instructions are executed."""

    def __init__(self, executed: Callable[[], int]) -> None:
        self._executed = executed
        self._actions: list[Callable[[], None]] = []
        self._due: list[int] = []
        self._next = NEVER
        self.base = 0
        self.running = False
        self.shorten: Callable[[int], None] = lambda cycles: None

    def now(self) -> int:
        """Cycles since power-on."""
        return self.base + self._executed() if self.running else self.base

    def source(self, action: Callable[[], None]) -> int:
        """Register what happens at a deadline; returns the number to arm it with."""
        self._actions.append(action)
        self._due.append(NEVER)
        return len(self._due) - 1

    def due(self, source: int) -> int:
        """The deadline of a source, or NEVER."""
        return self._due[source]

    def arm(self, source: int, cycle: int) -> None:
        """Let `source` act at `cycle` (replaces an earlier deadline)."""
        earlier = self._due[source]
        self._due[source] = cycle
        if cycle <= self._next:
            self._next = cycle
        elif earlier == self._next:
            self._next = min(self._due)
        if self.running:
            self.shorten(cycle - self.base)

    def disarm(self, source: int) -> None:
        """Forget the deadline of `source`."""
        earlier = self._due[source]
        if earlier != NEVER:
            self._due[source] = NEVER
            if earlier == self._next:
                self._next = min(self._due)

    def clear(self) -> None:
        """Forget every deadline."""
        self._due[:] = [NEVER] * len(self._due)
        self._next = NEVER

    def next(self) -> int:
        """The earliest deadline."""
        return self._next

    def fire(self) -> None:
        """Run every source whose deadline has come, earliest first, ties in order of registration."""
        while self._next <= self.base:
            source = self._due.index(self._next)
            self._due[source] = NEVER
            self._next = min(self._due)
            self._actions[source]()

    def state(self) -> tuple[int, list[int], int]:
        """Time and deadlines."""
        return self.base, self._due[:], self._next

    def restore(self, state: tuple[int, list[int], int]) -> None:
        """Back to a `state()`."""
        self.base, due, self._next = state
        self._due[:] = due
