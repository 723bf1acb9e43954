"""Past-time formulas by example: windows between samples, doubt, depth, what is pending, and going back."""

import math
import random

import pytest
from figures import figures_of
from hypothesis import given, settings
from hypothesis import strategies as st
from temporal_oracle import SIGNALS, formulas, text, traces

from harness.errors import UsageError
from harness.temporal import FormulaSet, SignalDeclaration, parse
from harness.temporal.windows import LONGEST_MEMORY, SinceWithin, Sliding

DECLARED = {
    "rate": SignalDeclaration("rate", low=0.0, high=100.0, unit="ml/h"),
    "limit": SignalDeclaration("limit", low=0.0, high=100.0, unit="ml/h"),
    "alarm": SignalDeclaration("alarm", kind="boolean"),
}


def watch(*formulas):
    return FormulaSet([parse(text, DECLARED, f"R{n}") for n, text in enumerate(formulas, 1)], len(DECLARED))


def times(violations):
    return [violation.time for violation in violations]


def test_a_window_that_fills_between_samples_violates_at_that_instant():
    requirement = watch("implies(historically(rate > 10, within=2), alarm)")
    assert not requirement.push(0.0, (20.0, 0.0, False))
    assert not requirement.push(1.5, (30.0, 0.0, False))
    found = requirement.advance(100.0)
    assert [(v.requirement, v.time, v.values) for v in found] == [("R1", 2.0, (30.0, 0.0, False))]


def test_a_window_that_empties_between_samples_violates_at_that_instant():
    requirement = watch("once(alarm, within=3)")
    requirement.push(0.0, (0.0, 0.0, True))
    requirement.push(1.0, (0.0, 0.0, False))
    assert times(requirement.advance(50.0)) == [4.0]


def test_a_sample_at_the_very_instant_counts_before_the_window_does():
    long = watch("not historically(rate > 10, within=2)")
    long.push(0.0, (20.0, 0.0, False))
    assert not long.push(1.0, (20.0, 0.0, True))
    calm = watch("not historically(rate > 10, within=2)")
    calm.push(0.0, (20.0, 0.0, False))
    assert not calm.push(2.0, (0.0, 0.0, False))
    assert not calm.advance(1000.0)


def test_a_violation_is_told_once_until_it_ends():
    requirement = watch("rate <= limit")
    rates = [5.0, 15.0, 15.0, 5.0, 15.0]
    found = [violation.time for time, rate in enumerate(rates) for violation in requirement.push(time, (rate, 10.0, 0))]
    assert found == [1.0, 4.0]
    assert figures_of(requirement)["R1"].violated == 2


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_signal_is_doubt_and_never_a_violation(missing):
    requirement = watch("rate <= limit", "not alarm")
    found = requirement.push(0.0, (missing, 10.0, True))
    assert [violation.requirement for violation in found] == ["R2"]
    assert requirement.unknown() == {"R1": (0,)}
    requirement.advance(7.0)
    figures = figures_of(requirement)["R1"]
    assert (figures.observed_seconds, figures.unknown_seconds, figures.margin) == (0.0, 7.0, None)
    assert times(requirement.push(7.0, (11.0, 10.0, True))) == [7.0]
    assert not requirement.unknown()


def test_time_before_the_first_sample_is_unknown():
    requirement = watch("not alarm")
    fresh = requirement.state()
    requirement.watch_from(2.0)
    assert not requirement.advance(5.0)
    assert requirement.unknown() == {"R1": (2,)}
    requirement.push(6.0, (0.0, 0.0, False))
    requirement.advance(16.0)
    figures = figures_of(requirement)["R1"]
    assert (figures.observed_seconds, figures.unknown_seconds, figures.margin) == (10.0, 4.0, 1.0)
    requirement.restore(fresh)
    requirement.watch_from(100.0)
    requirement.advance(101.0)
    assert figures_of(requirement)["R1"].unknown_seconds == 5.0


def test_signals_that_never_had_a_value_are_known_over_all_cases():
    requirement = watch("rate <= limit", "not alarm", "limit > 0")
    fresh = requirement.state()
    assert requirement.never_told() == {"R1": (0, 1), "R2": (2,), "R3": (1,)}
    requirement.push(0.0, (math.nan, 10.0, None))
    requirement.restore(fresh)
    assert requirement.never_told() == {"R1": (0,), "R2": (2,)}
    requirement.push(1.0, (5.0, None, True))
    assert requirement.never_told() == {}


@pytest.mark.parametrize("formula", ["rate / limit < 1", "not rate / limit >= 1", "implies(rate / limit > 0, alarm)"])
def test_division_by_zero_violates_nothing(formula):
    requirement = watch(formula)
    assert not requirement.push(0.0, (50.0, 0.0, False))
    assert requirement.push(1.0, (50.0, 10.0, False))


def test_the_first_sample_has_no_previous_one():
    requirement = watch("rate == previous(rate)", "previous(not alarm)", "implies(previous(rate) < rate, alarm)")
    assert not requirement.push(0.0, (50.0, 0.0, True))
    assert [v.requirement for v in requirement.push(1.0, (60.0, 0.0, False))] == ["R1", "R2", "R3"]


def test_previous_is_held_between_samples():
    requirement = watch("implies(once(alarm, within=1), previous(rate) < 10)")
    requirement.push(0.0, (5.0, 0.0, True))
    requirement.push(0.5, (50.0, 0.0, False))
    assert not requirement.advance(1.4)
    assert not requirement.advance(9.0)


def test_margins_are_shares_of_the_declared_range():
    requirement = watch("rate <= 40", "rate <= limit + 0", "not alarm")
    requirement.push(0.0, (30.0, 80.0, False))
    margins = [figures.margin for figures in figures_of(requirement).values()]
    assert margins == pytest.approx([0.1, 0.5, 1.0])


def test_how_often_a_condition_came_true_is_counted_with_its_time():
    requirement = watch("implies(alarm, rate == 0)")
    for time, alarm in ((0.0, False), (1.0, True), (3.0, True), (4.0, False), (10.0, True)):
        requirement.push(time, (0.0, 0.0, alarm))
    requirement.advance(12.0)
    figures = figures_of(requirement)["R1"]
    assert (figures.exercised, figures.exercised_seconds, figures.observed_seconds) == (2, 5.0, 12.0)


def brute_force(values, within, time, choose):
    """Over the closed window: a value holds from its time until the next one's."""
    ends = [start for start, _ in values[1:]] + [math.inf]
    return choose(value for (_, value), end in zip(values, ends, strict=True) if end > time - within - 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_a_deep_window_keeps_its_verdict_exact(seed):
    draw = random.Random(seed)
    within = 7.0 * LONGEST_MEMORY
    memory, values = Sliding(within), []
    for step in range(20 * LONGEST_MEMORY):
        rising = 0.002 * (step % (4 * LONGEST_MEMORY)) - 0.3
        value = draw.choice([rising, draw.uniform(-1.0, 1.0)]) if step % 50 == 0 else rising
        values.append((float(step), value))
        told = memory.step(value, float(step))
        assert (told > 0) == (brute_force(values, within, float(step), min) > 0)
        assert len(memory.past) <= LONGEST_MEMORY


@pytest.mark.parametrize("seed", range(6))
def test_a_deep_since_keeps_its_verdict_exact(seed):
    draw = random.Random(seed)
    within = 3.0 * LONGEST_MEMORY
    memory, starts, held_since = SinceWithin(within), [], []
    for step in range(20 * LONGEST_MEMORY):
        start = 0.5 - 0.004 * (step % (3 * LONGEST_MEMORY)) + draw.uniform(-0.001, 0.001)
        held = 1.0 if draw.random() < 0.99 else -0.5
        held_since = [min(value, held) for value in held_since] + [1.0]
        starts.append((float(step), start))
        ends = [at for at, _ in starts[1:]] + [math.inf]
        reach = [
            min(value, kept)
            for (_, value), kept, end in zip(starts, held_since, ends, strict=True)
            if end > step - within - 1e-12
        ]
        assert (memory.step(held, start, float(step)) > 0) == (max(reach) > 0)
        assert len(memory.past) <= LONGEST_MEMORY


@settings(deadline=None, max_examples=250, derandomize=True, database=None)
@given(st.lists(formulas(), min_size=2, max_size=4), traces(), traces())
def test_going_back_and_on_again_gives_the_same(trees, before, after):
    requirements = [parse(text(tree), SIGNALS, f"R{n}") for n, tree in enumerate(trees)]
    watched = FormulaSet(requirements, len(SIGNALS))

    def push(rows, start):
        found = [violation for tick, row in enumerate(rows) for violation in watched.push(start + tick, row)]
        return [*found, *watched.advance(start + len(rows) + 20.0)]

    push(before, 0.0)
    state, pending = watched.state(), watched.pending()
    start = watched.time
    first = push(after, start)
    later = watched.state()
    watched.restore(state)
    assert watched.state() is state
    assert watched.pending() == pending
    assert push(after, start) == first
    assert watched.state() == later
    fresh = FormulaSet(requirements, len(SIGNALS))
    fresh.restore(state)
    watched = fresh
    assert push(after, start) == first


@settings(deadline=None, max_examples=400, derandomize=True, database=None)
@given(formulas(), traces())
def test_what_is_pending_comes_exactly_when_it_was_said(tree, rows):
    watched = FormulaSet([parse(text(tree), SIGNALS, "R")], len(SIGNALS))
    for tick, row in enumerate(rows):
        watched.push(float(tick), row)
    pending = watched.pending()
    assert watched.pending() == pending
    came = times(watched.advance(len(rows) + 60.0))
    assert came[:1] == [len(rows) - 1 + seconds for seconds in pending.values()]


def test_pending_names_the_soonest_first():
    requirement = watch("not historically(rate > 1, within=120)", "once(alarm, within=30)", "rate >= 0")
    requirement.push(10.0, (5.0, 0.0, True))
    requirement.push(11.0, (5.0, 0.0, False))
    assert list(requirement.pending().items()) == [("R2", 30.0), ("R1", 119.0)]


@pytest.mark.parametrize(
    ("formula", "column", "words"),
    [
        ("rate <=", 8, "invalid syntax"),
        ("rate <= limmit", 9, "'limmit' is not a declared signal. Did you mean 'limit'?"),
        ("histrically(alarm)", 1, "Did you mean 'historically'?"),
        ("historically(alarm, wihtin=2)", 1, "takes no 'wihtin'. Did you mean 'within'?"),
        ("historically(alarm, within=0)", 28, "is not a positive number of seconds"),
        ("historically(alarm, within=rate)", 28, "is not a positive number of seconds"),
        ("implies(alarm)", 1, "implies() takes 2 formulas, got 1"),
        ("alarm and rate", 11, "'rate' is a number; compare it, as in 'rate > 0'"),
        ("rate + 1", 1, "is neither true nor false"),
        ("rate in limit", 1, "only < <= > >= == != compare signals"),
        ("1 < 2", 1, "reads no signal"),
        ("rate / 0 > 1", 8, "divides by zero"),
        ("rate < 1e999", 8, "the number is too large"),
        ("rate.real > 1", 1, "is not a number, a signal"),
        ("(lambda: alarm)()", 1, "cannot be called"),
        ("__import__('os').system('true')", 1, "cannot be called"),
        ("rate < 'a'", 8, "is not a number"),
        ("", 1, "invalid syntax"),
        ("é < 1 and limmit > 0", 1, "'é' is not a declared signal"),
        ("not " * 80 + "alarm", 245, "nested deeper"),
        ("alarm and " * 500 + "alarm", 4000, "longer than 4000 characters"),
    ],
)
def test_a_malformed_formula_names_requirement_and_column(formula, column, words):
    with pytest.raises(UsageError) as caught:
        parse(formula, DECLARED, "PUMP-07")
    assert str(caught.value).startswith(f"requirement PUMP-07: column {column}: ")
    assert words in str(caught.value)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="rate limt()<>=,.+-*/ andorhisby159'\\\n\0\ud800é", max_size=60))
def test_any_text_is_a_formula_or_one_clear_error(words):
    try:
        parse(words, DECLARED, "R1")
    except UsageError as error:
        assert str(error).startswith("requirement R1: column ")
