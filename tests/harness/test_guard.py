"""No split, splice or alignment lets a forbidden message out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GuardRefused
from harness.guard import Guard

PATTERN = re.compile(rb"\xa5..[\x00-\xff]\x14", re.DOTALL)


def let_out(pieces):
    guard, out = Guard(PATTERN, ("bolus",)), b""
    for piece in pieces:
        try:
            guard.check(piece)
        except GuardRefused:
            continue
        out += piece
    return out


@given(st.lists(st.one_of(st.binary(max_size=8), st.sampled_from([b"\xa5", b"\xa5\x02", b"\x14", b"\0\0\x14"]))))
def test_what_leaves_never_holds_a_forbidden_message(pieces):
    assert PATTERN.search(let_out(pieces)) is None


def test_the_byte_that_completes_it_is_withheld_and_later_ones_are_not():
    assert let_out([b"\xa5\x02", b"\0\x01", b"\x14", b"\x01"]) == b"\xa5\x02\0\x01\x01"


def test_after_a_reset_earlier_bytes_do_not_count():
    guard = Guard(PATTERN, ("bolus",))
    guard.check(b"\xa5\x02\0\x01")
    guard.forget()
    guard.check(b"\x14")


def test_it_says_what_it_withheld():
    with pytest.raises(GuardRefused, match=r"5 bytes .*bolus"):
        Guard(PATTERN, ("bolus",)).check(b"\xa5\x02\0\x01\x14")
