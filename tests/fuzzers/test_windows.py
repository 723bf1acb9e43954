"""Bytes of a free field as numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzers.windows import MOST, Window, field_of, moved_in, single, window_of, windows, written


@given(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.integers(0, 40), st.sampled_from([1, 2, 4]))
def test_a_window_is_found_by_its_name_and_a_field_is_none(field, start, size):
    for order in ("little", "big"):
        window = Window(field, start, start + size, order)
        assert window_of(window.name) == window
        assert field_of(window.name) == field
    assert window_of(field) is None
    assert field_of(field) == field


@given(st.binary(min_size=4, max_size=20), st.data())
def test_another_number_stands_in_its_window_and_nowhere_else(data, draw):
    window = draw.draw(st.sampled_from(list(windows("x", len(data)))))
    number = draw.draw(st.integers(0, window.most))
    made = written(data, {window: window.scale(data).written(number)})
    assert window.number(made) == number
    assert made[: window.start] + made[window.stop :] == data[: window.start] + data[window.stop :]
    assert moved_in(window, [data, made]) == (window.number(data) != number)


def test_long_fields_are_looked_into_at_their_beginning():
    assert [window.start for window in single("x", 1000)] == list(range(MOST))
    assert max(window.stop for window in windows("x", 1000)) == MOST


@pytest.mark.parametrize("number", [-1, 256])
def test_a_number_without_room_is_not_written(number):
    assert Window("x", 1, 2, "big").scale(b"abc").written(number) is None
