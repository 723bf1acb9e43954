"""How long an answer is waited for, where one slow answer says little of the device."""

from harness.latency import Latency


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
