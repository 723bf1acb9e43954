"""Long waits are put off until short cases have paid for them, and nothing is lost."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from fuzzers.wait_budget import WaitBudgetFuzzer, waiting
from harness.case import Origin, TestCase, Wait


def waits(seconds, number=0):
    return TestCase("i", f"s{number}", (Wait(seconds),) if seconds else (), Origin("f"))


def patient(cases):
    inner = SimpleNamespace(name="f", interface="i", every=1, cases=lambda: iter(cases), forecast=lambda: len(cases))
    return WaitBudgetFuzzer(inner)


def test_a_long_wait_comes_after_the_cases_that_pay_for_it():
    cases = [waits(1.0), *[waits(0, number) for number in range(30)]]
    order = [waiting(case) for case in patient(cases).cases()]
    assert 15 < order.index(1.0) < 25
    assert len(order) == 31


@given(st.lists(st.sampled_from([0.0, 0.05, 0.5, 31.0]), max_size=200))
def test_every_case_comes_once_and_the_same_way_every_time(seconds):
    cases = [waits(wait, number) for number, wait in enumerate(seconds)]
    order = [case.id for case in patient(cases).cases()]
    assert sorted(order) == sorted(case.id for case in cases)
    assert order == [case.id for case in patient(cases).cases()]
    assert patient(cases).forecast() == len(cases)


def test_an_endless_source_of_long_waits_is_held_back_only_so_far():
    source = patient(waits(31.0, number) for number in range(5000))
    assert waiting(next(source.cases())) == 31.0
