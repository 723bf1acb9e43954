"""Which cases a fuzzer keeps, and when: another run that is told these keeps the same ones at the same places."""

from __future__ import annotations

from collections.abc import Iterator

from harness.case import TestCase
from harness.learned import Kept


class Keeping:
    """Each is kept when so many of the fuzzer's own cases were dealt, and is due from there on, in that order."""

    def __init__(self) -> None:
        self._kept: list[Kept] = []
        self._known: dict[str, TestCase] = {}
        self._awaited: set[str] = set()
        self._taken = 0

    def keep(self, case: TestCase, kept: Kept) -> None:
        """A case that has just run."""
        self._kept.append(kept)
        self._known[case.id] = case

    def due(self, dealt: int) -> Iterator[tuple[TestCase, Kept]]:
        """Those kept by then that were not given yet; what was not dealt again has to be, before what is behind it."""
        while self._taken < len(self._kept) and self._kept[self._taken].dealt <= dealt:
            kept = self._kept[self._taken]
            if kept.case not in self._known:
                return
            self._taken += 1
            yield self._known[kept.case], kept

    def state(self) -> tuple[Kept, ...]:
        """All of them, to be written down."""
        return tuple(self._kept)

    def restore(self, kept: tuple[Kept, ...]) -> None:
        """Before any case is dealt: what will be kept at which place."""
        self._kept.extend(kept)
        self._awaited.update(one.case for one in kept)

    def recall(self, case: TestCase) -> None:
        """A case was dealt again."""
        if case.id in self._awaited:
            self._known[case.id] = case
