"""Deals a campaign's cases in their order, so that another run can be brought to the same place."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from harness.errors import UsageError
from harness.interfaces import Fuzzer, Leads, Learns
from harness.learned import Learned
from harness.order import Planned, by_state, round_robin


@dataclass(frozen=True, slots=True)
class DeckState:
    """How many cases were dealt, a checksum of their ids, and what those fuzzers had learned that learn."""

    dealt: int = 0
    checksum: int = 0
    learned: tuple[Learned, ...] = ()


class Deck:
    """The cases of some fuzzers, with those of one state together where that `saves` time.

    A fuzzer that raises is told as `failed`, and gives no more.
    """

    def __init__(self, fuzzers: Sequence[Fuzzer], failed: Callable[[Fuzzer, Exception], None], *, saves: bool) -> None:
        self._failed, self._skipping = failed, False
        self._learning = [fuzzer for fuzzer in fuzzers if isinstance(fuzzer, Learns)]
        first = [fuzzer for fuzzer in fuzzers if isinstance(fuzzer, Leads)]
        others = [fuzzer for fuzzer in fuzzers if fuzzer not in first]
        cases = chain(round_robin(first, self._told), round_robin(others, self._told))
        self._source = by_state(cases) if saves else cases
        self._dealt = self._checksum = 0

    def __iter__(self) -> Iterator[Planned]:
        return self

    def __next__(self) -> Planned:
        fuzzer, case = next(self._source)
        planned = Planned(fuzzer, case, self._dealt)
        self._dealt += 1
        self._checksum = zlib.crc32(case.id.encode(), self._checksum)
        return planned

    def state(self) -> DeckState:
        """Where it stands."""
        return DeckState(self._dealt, self._checksum, tuple(fuzzer.state() for fuzzer in self._learning))

    def skip(self, state: DeckState, wanted: Collection[int]) -> Mapping[int, Planned]:
        """Deal as far as `state`, and keep the cases of the `wanted` places.

        Raises UsageError where these are not the cases that were dealt then.
        """
        kept: dict[int, Planned] = {}
        self._skipping = True
        for fuzzer, learned in zip(self._learning, state.learned, strict=False):
            fuzzer.restore(learned)
        while self._dealt < state.dealt and (planned := next(self, None)) is not None:
            if planned.place in wanted:
                kept[planned.place] = planned
            for fuzzer in self._learning:
                if fuzzer.interface == planned.case.interface:
                    fuzzer.recall(planned.case)
        self._skipping = False
        if (self._dealt, self._checksum) != (state.dealt, state.checksum):
            raise UsageError(
                "the cases are not those of the run any more: a protocol, a seed, the fuzzers or a library have "
                "changed. Start another run"
            )
        return kept

    def _told(self, fuzzer: Fuzzer, error: Exception) -> None:
        if not self._skipping:
            self._failed(fuzzer, error)
