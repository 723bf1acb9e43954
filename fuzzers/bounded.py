"""Leaves out cases that have more bytes than one should have, where a link takes longer ones for the sake of others."""

from __future__ import annotations

from collections.abc import Iterator

from harness.case import Send, TestCase
from harness.interfaces import Fuzzer
from harness.outcome import Outcome


class BoundedFuzzer:
    """Another fuzzer's cases, in their order, those of more than `most` bytes left out."""

    def __init__(self, fuzzer: Fuzzer, most: int) -> None:
        self._fuzzer, self._most = fuzzer, most
        self.name, self.interface, self.every = fuzzer.name, fuzzer.interface, fuzzer.every

    def cases(self) -> Iterator[TestCase]:
        """Those that are left."""
        return (case for case in self._fuzzer.cases() if _bytes_of(case) <= self._most)

    def forecast(self) -> int:
        """As many as without it, at most."""
        return self._fuzzer.forecast()

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Passed on."""
        self._fuzzer.learn(case, outcome)


def _bytes_of(case: TestCase) -> int:
    return sum(len(step.data) for step in case.steps if isinstance(step, Send))
