"""In which order the cases of several fuzzers run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from harness.case import TestCase
from harness.interfaces import Fuzzer

_STRETCH, _LONGEST, _SHARE = 60, 240, 4
_LATE = 10


class Planned(NamedTuple):
    """A case and whose it is; `place` counts from 0 in the order in which a campaign's cases come."""

    fuzzer: Fuzzer
    case: TestCase
    place: int


def by_state(cases: Iterable[tuple[Fuzzer, TestCase]]) -> Iterator[tuple[Fuzzer, TestCase]]:
    """The same cases, a stretch at a time, with those of one state together: reaching a state costs a device time.

    A longer stretch is a quarter of what came before it, so that a short run sees every state, and each as often.
    """
    source, dealt = iter(cases), 0
    while stretch := list(itertools.islice(source, max(_STRETCH, min(dealt // _SHARE, _LONGEST)))):
        yield from sorted(stretch, key=lambda pair: (pair[1].interface, pair[1].state))
        dealt += len(stretch)


def round_robin(
    fuzzers: Sequence[Fuzzer], failed: Callable[[Fuzzer, Exception], None]
) -> Iterator[tuple[Fuzzer, TestCase]]:
    """One case from each fuzzer in turn, of some not in every round, until all are exhausted.

    A rare one begins when a tenth of its first turn is over: what is quick comes first. One that raises is told as
    `failed`, and gives no more.
    """
    sources = {fuzzer: fuzzer.cases() for fuzzer in fuzzers}
    for number in itertools.count():
        for fuzzer in [fuzzer for fuzzer in sources if number % fuzzer.every == fuzzer.every // _LATE]:
            case = _next(fuzzer, sources[fuzzer], failed)
            if case is None:
                del sources[fuzzer]
            else:
                yield fuzzer, case
        if not sources:
            return


def _next(fuzzer: Fuzzer, source: Iterator[TestCase], failed: Callable[[Fuzzer, Exception], None]) -> TestCase | None:
    try:
        return next(source, None)
    except Exception as error:  # noqa: BLE001  a fuzzer may be a user's own
        failed(fuzzer, error)
        return None
