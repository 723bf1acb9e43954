"""Uptime and boot counter out of a device's answers: what grows in step with time, and nothing that only looks so."""

import pytest

from harness.discovery.clocks import Answer, Clocks, clocks_in, numbers_of

TIMES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.4, 0.75, 1.1, 1.45)


def answers(**fields):
    return [Answer(at, {name: value(n, at) for name, value in fields.items()}) for n, at in enumerate(TIMES)]


@pytest.mark.parametrize(
    "value",
    [
        lambda _n, at: 50_000 + int(1000 * at),
        lambda _n, at: 50 + int(at + 0.9),
        lambda _n, at: 7 + at,
        lambda _n, at: int(32768 * at),
    ],
    ids=["milliseconds", "seconds", "fractions", "ticks"],
)
def test_what_grows_in_step_with_time_is_uptime(value):
    assert clocks_in(answers(count=value)) == Clocks(uptime="count")


@pytest.mark.parametrize(
    "value",
    [
        lambda _n, _at: 5,
        lambda n, _at: n,
        lambda n, _at: 2 * n,
        lambda _n, at: 100 - 10 * at,
        lambda n, _at: (37, 36, 38, 37, 36, 38, 37, 36, 39)[n],
        lambda n, _at: 1000 * (n > 4),
    ],
    ids=["nothing", "answers", "messages", "what is left", "a sensor", "a step"],
)
def test_what_does_not_is_none(value):
    assert clocks_in(answers(count=value)) == Clocks()


def test_a_field_that_is_called_uptime_comes_before_the_time_of_day():
    found = clocks_in(answers(clock=lambda _n, at: 1e9 + at * 1000, uptime_s=lambda _n, at: 3 + int(at)))
    assert found.uptime == "uptime_s"


def test_a_boot_counter_stands_still_and_is_called_so():
    found = clocks_in(answers(boot_count=lambda *_: 12, serial=lambda *_: 4711, resets=lambda n, _at: n))
    assert found == Clocks(boots="boot_count")


def test_a_field_that_is_not_in_every_answer_is_none():
    some = answers(uptime=lambda _n, at: at * 1000)
    assert clocks_in([*some[:-1], Answer(2.0, {})]) == Clocks()
    assert clocks_in([]) == Clocks()


def test_only_numbers_are_looked_at():
    assert numbers_of({"a": 1, "b": "2", "c": b"3", "d": True, "e": 2.5}) == {"a": 1.0, "e": 2.5}
