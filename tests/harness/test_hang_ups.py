"""Whether a message was lost to a device that was hanging up, and how long it is given to do so first."""

import pytest

from harness.hang_ups import HangUps
from harness.latency import SHORTEST_QUIET


def suspected(took=0.03):
    hang_ups = HangUps()
    hang_ups.opened()
    hang_ups.answered(10.0)
    return hang_ups, hang_ups.suspected(10.0 + took)


def test_behind_an_answer_a_link_that_closes_may_have_been_on_its_way_out():
    hang_ups, is_suspected = suspected()
    assert (is_suspected, hang_ups.moment(1.0)) == (True, pytest.approx(0.12))


def test_on_a_link_without_an_answer_it_was_the_message():
    hang_ups = HangUps()
    hang_ups.opened()
    assert (hang_ups.suspected(5.0), hang_ups.moment(1.0)) == (False, 0.0)


@pytest.mark.parametrize(("longest", "again"), [(1.0, False), (0.01, True)])
def test_where_it_had_the_time_to_hang_up_and_did_not_it_was_the_message(longest, again):
    hang_ups, _is_suspected = suspected()
    hang_ups.answered(20.0)
    hang_ups.moment(longest)
    assert hang_ups.suspected(20.5) is again


def test_a_suspicion_that_never_comes_true_costs_little():
    hang_ups, moments = HangUps(), []
    for number in range(50):
        hang_ups.answered(10.0 * number)
        hang_ups.suspected(10.0 * number + 0.03)
        moments += [hang_ups.moment(1.0) for _ in range(5)]
    assert 0 < sum(moment > 0.0 for moment in moments) <= 12


def test_where_nothing_is_to_be_proven_one_look_may_be_long_until_one_comes_true():
    """A server that takes half a second to refuse by hanging up is not waited for again and again."""
    hang_ups, _is_suspected = suspected(took=0.5)
    assert [hang_ups.moment(1.0, proves=False) for _ in range(4)] == [1.0, 0.1, 0.1, 0.0]
    hang_ups.came_true()
    assert [hang_ups.moment(1.0, proves=False) for _ in range(2)] == [1.0, 0.1]


def test_one_that_comes_true_is_looked_for_from_then_on():
    hang_ups = HangUps()
    hang_ups.came_true()
    assert [hang_ups.moment(1.0) for _ in range(101)] == [SHORTEST_QUIET] * 100 + [0.0]
