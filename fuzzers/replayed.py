"""Plays cases that earlier campaigns have kept, once each, before all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.case import TestCase
from harness.outcome import Outcome
from harness.share import WHOLE, Share

NAME = "corpus"


class ReplayedFuzzer:
    """Kept cases of one interface, those of its `share`; whoever learns in the campaign learns of them."""

    name = NAME
    every = 1
    leads = True

    def __init__(self, interface: str, kept: Sequence[TestCase], share: Share = WHOLE) -> None:
        self.interface = interface
        self._kept = kept[share.index :: share.of]

    def cases(self) -> Iterator[TestCase]:
        """In the order in which they were given."""
        for case in self._kept:
            yield replace(case, origin=replace(case.origin, fuzzer=NAME))

    def forecast(self) -> int:
        """All of them."""
        return len(self._kept)

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Nothing."""
