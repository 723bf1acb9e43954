"""A deck that is brought to another one's place deals the same cases from there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import case, message

from harness.deck import Deck
from harness.errors import UsageError


class Counting:
    interface, every = "toy", 1

    def __init__(self, name, count, fails_at=-1):
        self.name, self._count, self._fails_at = name, count, fails_at

    def cases(self):
        for number in range(self._count):
            if number == self._fails_at:
                raise ValueError("no more")
            yield case(message(b"%s%d" % (self.name.encode(), number)), state=("idle", "in")[number % 2])


def deck(*fuzzers, saves=False, failed=None):
    return Deck(fuzzers or [Counting("a", 90), Counting("b", 200)], failed or (lambda *_: None), saves=saves)


@given(at=st.integers(0, 290), saves=st.booleans(), wanted=st.frozensets(st.integers(0, 289)))
def test_what_follows_is_the_same(at, saves, wanted):
    one, other = deck(saves=saves), deck(saves=saves)
    dealt = [next(one) for _ in range(at)]
    kept = other.skip(one.state(), wanted)
    assert {place: planned.case for place, planned in kept.items()} == {
        planned.place: planned.case for planned in dealt if planned.place in wanted
    }
    assert [(p.place, p.case.id) for p in one] == [(p.place, p.case.id) for p in other]


def test_other_cases_are_refused():
    one = deck()
    for _ in range(9):
        next(one)
    with pytest.raises(UsageError, match="not those of the run any more"):
        deck(Counting("a", 90), Counting("c", 200)).skip(one.state(), ())
    with pytest.raises(UsageError, match="not those of the run any more"):
        deck(Counting("a", 2)).skip(one.state(), ())


def test_a_fuzzer_that_has_failed_before_is_not_told_again():
    told = []
    one, other = (
        deck(Counting("a", 9, fails_at=3), Counting("b", 9), failed=lambda f, e: told.append(f.name)) for _ in range(2)
    )
    for _ in range(10):
        next(one)
    other.skip(one.state(), ())
    assert told == ["a"]
    assert [p.case.id for p in one] == [p.case.id for p in other]
