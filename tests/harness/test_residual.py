"""The chance of something new is estimated from what was seen once."""

from random import Random

import pytest

from harness.outcome import NO_NEWS, News
from harness.residual import Discovery


def told(*news):
    found = Discovery()
    for one in news:
        found = found.plus(one)
    return found


def test_what_is_new_is_added_up():
    found = told(News(edges=3, replies=1, orders=2, once=3), NO_NEWS, News(orders=1, once=-1), NO_NEWS, NO_NEWS)
    assert found == Discovery(cases=5, edges=3, replies=1, orders=3, once=2, quiet=2)
    assert found.chance == pytest.approx(0.4)


def test_before_the_first_case_everything_may_be_new():
    assert Discovery().chance == 1.0


@pytest.mark.parametrize("kinds", [20, 200, 2000])
def test_the_chance_is_near_what_comes_to_pass(kinds):
    """Draws of many kinds, some of them rare: the share of draws that are new is what was foretold, within a third."""
    random = Random(kinds)
    weights = [1 / (1 + kind) for kind in range(kinds)]
    draws = random.choices(range(kinds), weights, k=12_000)
    counts, found = {}, Discovery()
    for one in draws[:2000]:
        counts[one] = counts.get(one, 0) + 1
        once = {1: 1, 2: -1}.get(counts[one], 0)
        found = found.plus(News(replies=counts[one] == 1, once=once))
    fresh = sum(one not in counts for one in draws[2000:]) / 10_000
    assert found.chance == pytest.approx(fresh, rel=0.35, abs=0.003)
