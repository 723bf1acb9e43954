"""Leaves out cases that have more bytes than one should have, where a link takes longer ones for the sake of others."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzers.wrapped import Wrapped
from harness.case import Send, TestCase
from harness.interfaces import Fuzzer


class BoundedFuzzer(Wrapped):
    """Another fuzzer's cases, in their order, those of more than `most` bytes left out."""

    def __init__(self, fuzzer: Fuzzer, most: int) -> None:
        super().__init__(fuzzer)
        self._most = most

    def cases(self) -> Iterator[TestCase]:
        """Those that are left."""
        return (case for case in self._fuzzer.cases() if _bytes_of(case) <= self._most)


def _bytes_of(case: TestCase) -> int:
    return sum(len(step.data) for step in case.steps if isinstance(step, Send))
