"""No split, splice or alignment lets a forbidden message out."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import GuardRefused
from harness.guard import OVERLAP, Guard, GuardedLink

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


class Recording:
    """A link that keeps what was sent, message by message."""

    whole, stream = True, False

    def __init__(self):
        self.sent, self.closed = [], False

    def send(self, data, deadline):
        self.sent.append((data, deadline))

    def receive(self, deadline):
        return b"got by %d" % deadline

    def close(self):
        self.closed = True

    def now(self):
        return 7.0


class Bursting(Recording):
    def burst(self, messages, deadline, *, awaited=True):
        self.sent.append((list(messages), deadline, awaited))


def guarded(link=Recording):
    inner = link()
    return inner, GuardedLink(inner, Guard(PATTERN, ("bolus", "erase")))


def test_a_guarded_link_is_the_link_with_a_guard_before_it():
    inner, link = guarded()
    link.send(b"harmless", 3.0)
    assert (link.whole, link.stream, link.now(), link.receive(4)) == (True, False, 7.0, b"got by 4")
    with pytest.raises(GuardRefused, match=r"withheld 5 bytes that would carry .* \(bolus, erase\)"):
        link.send(b"\xa5\x02\0\x01\x14", 3.0)
    link.close()
    assert (inner.sent, inner.closed) == ([(b"harmless", 3.0)], True)


def test_messages_at_once_go_out_one_by_one_where_the_link_has_no_better_way():
    inner, link = guarded()
    link.burst([b"a", b"b"], 3.0, awaited=True)
    assert inner.sent == [(b"a", 3.0), (b"b", 3.0)]


@pytest.mark.parametrize("awaited", [True, False])
def test_messages_at_once_go_out_in_one_piece_where_the_link_can(awaited):
    inner, link = guarded(Bursting)
    link.burst([b"a", b"b"], 3.0, awaited=awaited)
    assert inner.sent == [([b"a", b"b"], 3.0, awaited)]


@pytest.mark.parametrize("kind", [Recording, Bursting])
def test_of_messages_at_once_none_leaves_if_together_they_are_forbidden(kind):
    inner, link = guarded(kind)
    with pytest.raises(GuardRefused):
        link.burst([b"\xa5\x02\0", b"\x01\x14"], 3.0, awaited=True)
    assert inner.sent == []


def test_without_forbidden_messages_everything_leaves():
    guard = Guard(None, ())
    guard.check(b"\xa5\x02\0\x01\x14")
    assert guard.forbidden == ()


def test_nothing_was_sent_before_the_first_byte_and_after_a_reset():
    guard = Guard(re.compile(rb"[^a]a"), ("m",))
    guard.check(b"a")
    guard.forget()
    guard.check(b"a")
    with pytest.raises(GuardRefused):
        guard.check(b"ba")


def test_the_guard_remembers_as_many_bytes_as_a_pattern_may_need():
    for between, refused in ((OVERLAP - 1, True), (OVERLAP, False)):
        guard = Guard(re.compile(b"a[x]*b"), ("m",))
        guard.check(b"a" + b"x" * between)
        if refused:
            with pytest.raises(GuardRefused):
                guard.check(b"b")
        else:
            guard.check(b"b")
