"""Shares of a campaign: together they are the whole, and none is in two."""

from hypothesis import given
from hypothesis import strategies as st

from harness.share import WHOLE, Share

COUNTS = st.integers(1, 40)


@given(COUNTS, st.integers(0, 1000))
def test_the_numbers_of_all_shares_are_those_of_the_whole(of, total):
    shares = [Share(index, of) for index in range(of)]
    numbers = [share.number(own) for share in shares for own in range(1, share.count(total) + 1)]
    assert sorted(numbers) == list(range(1, total + 1))


@given(COUNTS, st.integers(0, 2**32))
def test_each_share_makes_its_choices_from_a_seed_of_its_own(of, seed):
    seeds = [Share(index, of).seed(seed) for index in range(of)]
    assert seeds[0] == seed
    assert len(set(seeds)) == of


def test_the_whole_is_no_part_and_keeps_its_numbers():
    assert (WHOLE.is_part, WHOLE.number(7), WHOLE.count(7), Share(1, 2).number(0)) == (False, 7, 7, 0)
