"""How long an answer is waited for, where one slow answer says little of the device."""

import pytest

from harness.latency import SHORTEST_QUIET, Latency


def test_one_slow_answer_no_more_than_doubles_what_is_usual_where_a_device_waits_for_us():
    steady, other = Latency(5.0, steady=True), Latency(5.0)
    for latency in (steady, other):
        latency.answered("a", 0.1)
        latency.answered("a", 1.0)
    assert steady.quiet("b") == 4 * 0.2
    assert other.quiet("b") == 4.0


def test_answers_that_stay_slow_are_learned_all_the_same():
    latency = Latency(5.0, steady=True)
    for _ in range(6):
        latency.answered("a", 1.0 if latency.known else 0.1)
    assert latency.quiet("b") == 4.0


def test_a_line_is_as_slow_as_the_quickest_of_three_answers_and_no_slower_than_1200_baud():
    latency = Latency(1.0)
    paces = []
    for pace in (0.002, 0.001, 0.003, 0.5, 0.5, 0.5, 0.0, 0.002):
        latency.trickled(pace)
        paces.append(latency.pace)
    assert paces == [0.0, 0.0, 0.001, 0.001, 0.003, 10 / 1200, 0.0, 0.0]


def test_an_answer_that_is_not_due_is_waited_for_as_most_take_and_hardly_where_none_ever_came():
    latency = Latency(1.0)
    assert latency.unasked_wait("told") == 1.0
    for seconds in (0.3, *[0.01] * 4):
        latency.answered("a", seconds)
    assert latency.unasked_wait("told") == pytest.approx(0.04)
    for _ in range(3):
        latency.unasked("told", answered=False)
    assert latency.unasked_wait("told") == SHORTEST_QUIET
    latency.unasked("told", answered=True)
    assert latency.unasked_wait("told") == pytest.approx(0.04)


def test_an_answer_behind_its_time_says_nothing_of_the_others():
    latency = Latency(3.0)
    latency.answered("a", 0.01)
    latency.late("slow", 0.5)
    assert (latency.quiet("a"), latency.quiet("slow")) == (pytest.approx(0.04), pytest.approx(2.0))
