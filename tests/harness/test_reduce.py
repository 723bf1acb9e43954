"""Algorithms that make things smaller: what they end with, and how many questions they need for it."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.triage.reduce import fewest, mapped, nearest

drawn = settings(deadline=None, derandomize=True, database=None)


def driven(asks, shows):
    """What it ends with, and the questions with their answers."""
    asked = []
    try:
        question = next(asks)
        while True:
            asked.append((question, shows(question)))
            question = asks.send(asked[-1][1])
    except StopIteration as done:
        return done.value, asked


@drawn
@given(st.integers(0, 200), st.data())
def test_what_is_needed_is_left_and_nothing_else(size, data):
    needed = data.draw(st.sets(st.integers(0, max(0, size - 1)), max_size=5)) if size else set()
    kept, asked = driven(fewest(range(size)), lambda items: needed <= set(items))
    assert set(kept) == needed
    assert list(kept) == sorted(kept)
    assert len(asked) <= 3 * (len(needed) + 1) * (math.log2(size + 1) + 2)


@drawn
@given(st.integers(1, 12), st.integers(0, 2**32), st.integers(0, 2))
def test_of_any_fault_no_item_can_be_left_out_at_the_end(size, chance, least):
    def shows(items):
        return len(items) == size or hash((chance, *items)) % 3 == 0

    kept, asked = driven(fewest(range(size), least=least), shows)
    assert len(kept) >= min(least, size)
    assert len(kept) == size or shows(kept)
    if len(kept) > least:
        assert not any(shows(kept[:n] + kept[n + 1 :]) for n in range(len(kept)))
    smallest = size
    for items, shown in asked:
        assert len(items) < smallest
        smallest = len(items) if shown else smallest


@drawn
@given(st.integers(-(2**64), 2**64), st.integers(-(2**64), 2**64), st.data())
def test_the_boundary_is_exact_on_either_side(good, bad, data):
    low, high = sorted((good, bad))
    edge = data.draw(st.integers(low + 1, high) if good < bad else st.integers(low, high - 1)) if low < high else bad

    def shows(number):
        return number >= edge if good < bad else number <= edge

    found, asked = driven(nearest(good, bad), shows)
    far = abs(edge - good).bit_length()
    assert found == edge
    assert len(asked) <= 2 * far + 2
    assert sum(shown for _number, shown in asked) <= far + 1


def test_questions_are_built_into_what_can_be_asked_and_the_end_is_handed_on():
    found, asked = driven(mapped(nearest(0, 600), lambda n: "A" * n), lambda text: len(text) >= 19)
    assert found == 19
    assert [len(text) for text, _shown in asked] == [1, 3, 7, 15, 31, 23, 19, 17, 18]
    assert ("A" * 18, False) in asked


@pytest.mark.parametrize(
    ("ask", "end"),
    [
        (lambda: fewest(()), ()),
        (lambda: fewest("a", least=1), ("a",)),
        (lambda: nearest(4, 5), 5),
        (lambda: nearest(5, 5), 5),
    ],
)
def test_where_nothing_can_be_smaller_nothing_is_asked(ask, end):
    assert driven(ask(), lambda _: 1 / 0) == (end, [])
