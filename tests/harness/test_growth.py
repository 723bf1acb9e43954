"""A straight line that goes up is growth; what fills up, is given back, leaps or flattens is none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.monitors.growth import growth_in

TIMES = range(40, 481, 40)


def points(amount):
    return [(number, round(amount(number))) for number in TIMES]


@pytest.mark.parametrize("each", [1, 4112, 0.6])
def test_what_grows_with_each_repetition_is_told_with_its_slope(each):
    grown = growth_in(points(lambda n: 1000 + each * n), 100)
    assert grown is not None and grown.each == pytest.approx(each, rel=0.02)


@given(
    each=st.integers(200, 100_000),
    start=st.integers(0, 10**9),
    noise=st.lists(st.floats(-0.02, 0.02), min_size=len(TIMES), max_size=len(TIMES)),
    strays=st.sets(st.sampled_from(TIMES), max_size=1),
)
def test_a_noisy_line_is_found_and_its_slope_is_near(each, start, noise, strays):
    whole = each * TIMES[-1]
    told = [(n, round(start + each * n + whole * off)) for n, off in zip(TIMES, noise, strict=True) if n not in strays]
    grown = growth_in(told, 1)
    assert grown is not None and grown.each == pytest.approx(each, rel=0.25)


HEALTHY = {
    "nothing": lambda n: 5000,
    "a cache that fills up": lambda n: min(n, 200) * 4096,
    "a cache that fills up late": lambda n: min(n, 340) * 4096,
    "a collector's teeth": lambda n: n % 130 * 4096,
    "two teeth": lambda n: n % 280 * 4096,
    "a table that doubles": lambda n: 4096 * 2 ** math.ceil(math.log2(n)),
    "one leap": lambda n: (n > 250) * 10**7,
    "slower and slower": lambda n: 4_000_000 * (1 - math.exp(-n / 120)),
    "made once": lambda n: min(n, 100) * 10**6,
    "what is given back": lambda n: (600 - n) * 4096,
    "too little": lambda n: n // 10,
}


@pytest.mark.parametrize("amount", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_program_does_not_grow(amount):
    assert growth_in(points(amount), 100) is None


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 10**6)), max_size=30), st.integers(1, 10**5))
def test_whatever_is_told_went_up_by_what_it_takes(told, least):
    grown = growth_in(told, least)
    assert grown is None or (grown.last[1] - grown.first[1] >= least and grown.each > 0)


def test_too_few_samples_tell_nothing():
    assert growth_in(points(lambda n: 4096 * n)[-5:], 100) is None
    assert growth_in([], 100) is None
    assert growth_in([(480, n) for n in range(0, 10_000, 100)], 100) is None
