"""Another fuzzer with its cases in another order, or not all of them: what is passed on as it is."""

from __future__ import annotations

from harness.case import TestCase
from harness.interfaces import Fuzzer, Learns, Looks
from harness.learned import Learned
from harness.outcome import Outcome


class Wrapped:
    """Everything but the cases."""

    def __init__(self, fuzzer: Fuzzer) -> None:
        self._fuzzer = fuzzer
        self.name, self.interface = fuzzer.name, fuzzer.interface

    @property
    def every(self) -> int:
        """As often as without it."""
        return self._fuzzer.every

    def forecast(self) -> int:
        """As many as without it, at most."""
        return self._fuzzer.forecast()

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Passed on."""
        self._fuzzer.learn(case, outcome)

    def state(self) -> Learned:
        """Passed on; empty where nothing is learned."""
        return self._fuzzer.state() if isinstance(self._fuzzer, Learns) else Learned()

    def restore(self, learned: Learned) -> None:
        """Passed on."""
        if isinstance(self._fuzzer, Learns):
            self._fuzzer.restore(learned)

    def recall(self, case: TestCase) -> None:
        """Passed on."""
        if isinstance(self._fuzzer, Learns):
            self._fuzzer.recall(case)

    def looks(self, case: TestCase) -> bool:
        """Passed on."""
        return isinstance(self._fuzzer, Looks) and self._fuzzer.looks(case)
