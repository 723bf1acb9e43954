"""A campaign of one contender, for `benchmarks.guided`: `guided_run.py CONTENDER run BENCH …`.

It knows the rivals' fuzzers by name, and leaves out one feedback where the contender is without it.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks.rivals import BoofuzzOrder, RandomBytes
from fuzzers.registry import FUZZERS
from harness.cli.main import main
from harness.learned import Words
from harness.novelty import Novelty
from harness.outcome import News, Outcome
from targets.emulated import EmulatedTarget

_LEFT_OUT = {
    "without edges": {"edges": 0},
    "without replies": {"replies": 0, "orders": 0, "once": 0},
    "without margins": {"nearer": ()},
}


def leave_out(contender: str) -> None:
    """From here on, campaigns of this process learn nothing of that."""
    if contender == "without words":
        EmulatedTarget.words = lambda _self: Words()  # pyright: ignore[reportAttributeAccessIssue]
    if contender == "without operands":
        del EmulatedTarget.note_compared  # it is no `Compares` any more
    if gone := _LEFT_OUT.get(contender):
        whole = Novelty.of

        def of(self: Novelty, state: str, outcome: Outcome) -> News:
            return replace(whole(self, state, outcome), **gone)

        Novelty.of = of


if __name__ == "__main__":
    for rival in (BoofuzzOrder, RandomBytes):
        FUZZERS.register(rival.name)(rival)
    leave_out(sys.argv.pop(1))
    sys.exit(main())
