"""What guidance costs: the same campaign with and without it in turn, `python -m benchmarks.guided_cost`.

In cases a second of processor time, on the pump that has no planted faults, without making anything smaller.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from benchmarks.guided import CONTENDERS
from benchmarks.measure import interleaved, ratio, table, wanted
from benchmarks.paired import HERE, campaign

_MOST = 25  # % of the rate without


def main() -> int:
    """Exit code 1 where it costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=6000)
    parser.add_argument("--runs", type=int, default=3)
    wish = parser.parse_args()
    names = ("guided", "unguided")
    more = {name: CONTENDERS[name].words for name in names}
    guided, unguided = interleaved(
        {name: partial(campaign, HERE, wish.cases, served=False, more=more[name]) for name in names}, wish.runs
    )
    print(table(f"\nguidance, {wish.cases:,} cases", "cases/s", [guided, unguided], unguided))
    cost = 100 * (1 - ratio(guided, unguided))
    print(wanted("cost in % of the rate", cost, _MOST, at_most=True))
    return 0 if cost <= _MOST else 1


if __name__ == "__main__":
    sys.exit(main())
