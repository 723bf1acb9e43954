"""k of n with an interval: against published figures, and by what any such interval must do."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.document import read_document
from harness.reliability import Rate, Reliability

RATES = st.integers(1, 60).flatmap(lambda tries: st.builds(Rate, st.integers(0, tries), st.just(tries)))


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        (0, 3, 0.0, 0.5615),
        (3, 3, 0.4385, 1.0),
        (2, 3, 0.2077, 0.9385),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons(hits, tries, low, high):
    assert Rate(hits, tries).interval == pytest.approx((low, high), abs=5e-5)


@given(RATES)
def test_it_holds_the_share_seen_and_mirrors(rate):
    low, high = rate.interval
    assert 0 <= low <= rate.hits / rate.tries <= high <= 1
    assert Rate(rate.tries - rate.hits, rate.tries).interval == pytest.approx((1 - high, 1 - low))


@given(RATES)
def test_more_tries_of_the_same_share_make_it_narrower(rate):
    (low, high), (lower, higher) = Rate(2 * rate.hits, 2 * rate.tries).interval, rate.interval
    assert high - low < higher - lower


def test_flaky_is_some_and_not_all():
    assert [Rate(hits, 3).flaky for hits in range(4)] == [False, True, True, False]


def test_nothing_tried_says_nothing():
    assert (str(Rate(0, 0)), Rate(0, 0).interval, Rate(0, 0).flaky) == ("0 of 0", (0.0, 1.0), False)
    assert str(Rate(2, 3)) == "2 of 3 (95 % interval 21-94 %)"


@pytest.mark.parametrize(("hits", "tries"), [(2, 1), (-1, 3), (0, -1)])
def test_more_hits_than_tries_are_refused(hits, tries):
    with pytest.raises(ValueError, match=f"{hits} of {tries}"):
        Rate(hits, tries)


@pytest.mark.parametrize(
    ("reproduced", "tries", "doubt", "standing", "confirmed"),
    [
        (3, 3, "", Reliability.CONFIRMED, True),
        (2, 3, "", Reliability.FLAKY, True),
        (2, 3, "which chance can do", Reliability.NOT_BELIEVED, False),
        (0, 3, "", Reliability.NOT_REPRODUCED, False),
        (0, 0, "", Reliability.NOT_REPLAYED, False),
    ],
)
def test_a_finding_says_what_its_replays_came_to(reproduced, tries, doubt, standing, confirmed):
    file = Path(__file__).parents[2] / "targets" / "pump" / "controls" / "crash.json"
    finding = replace(read_document(file).finding, reproduced=reproduced, tries=tries, doubt=doubt)
    assert (finding.standing, finding.confirmed, finding.rate) == (standing, confirmed, Rate(reproduced, tries))
