"""The annotated dump: every byte once, with its field; rows that only repeat are counted."""

from hypothesis import given
from hypothesis import strategies as st

from harness.case import FieldSpan
from reports.hexdump import LONGEST_DUMP, dump, is_mutated

spans = st.lists(st.builds(FieldSpan, st.sampled_from("abc"), st.integers(0, 80), st.integers(0, 40)), max_size=5)


@given(st.binary(max_size=80) | st.integers(0, 90).map(bytes), spans)
def test_every_byte_is_shown_once(data, fields):
    shown = b""
    for row in dump(data, fields).rows:
        shown += bytes.fromhex(" ".join(run.hex for run in row.runs)) * (1 + row.repeats)
    assert shown == data


def test_a_long_run_of_one_byte_is_folded():
    drawn = dump(b"head" + bytes(476), (FieldSpan("body", 0, 480),))
    assert [(row.offset, row.repeats) for row in drawn.rows] == [("0000", 0), ("0010", 27), ("01d0", 0)]


def test_the_end_of_a_very_long_message_is_left_out():
    drawn = dump(bytes(LONGEST_DUMP + 7))
    assert (drawn.length, drawn.omitted) == (LONGEST_DUMP + 7, 7)


def test_a_byte_belongs_to_the_innermost_field():
    (row,) = dump(b"abcd", (FieldSpan("message", 0, 4), FieldSpan("body", 1, 2)), "body").rows
    assert [(run.title, run.hex, run.mutated) for run in row.runs] == [
        ("message", "61", False),
        ("body", "62 63", True),
        ("message", "64", False),
    ]


def test_a_field_is_known_by_its_dotted_path():
    assert is_mutated("body.rate", "rate")
    assert is_mutated("rate", "message.rate")
    assert is_mutated("b", "a+b")
    assert is_mutated("a+b\r", "a+b\r")
    assert not is_mutated("rate_limit", "rate")
