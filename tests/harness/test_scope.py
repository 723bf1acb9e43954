"""Which cases are left out, and when the whole campaign is: states that cannot be reached, interfaces that are lost."""

import pytest
from toy import case, message

from harness.errors import BenchError
from harness.scope import REMEDY, UNREACHED_IN_A_ROW, Scope, unreached

IN, IDLE = case(message(b"a"), state="in"), case(message(b"a"))
OTHER = case(message(b"a"), state="in", interface="other")


def unreachable(scope, case, times=UNREACHED_IN_A_ROW):
    return [scope.note_unreached(case, "wanted s; got i") for _ in range(times)]


def test_a_state_is_left_out_after_five_cases_in_a_row_and_that_is_told_once():
    scope = Scope()
    assert scope.left_out(IN) == ""
    assert unreachable(scope, IN, 4) == [""] * 4
    assert scope.left_out(IN) == ""
    (told,) = unreachable(scope, IN, 1)
    assert told == (
        f"state 'in' of 'toy' cannot be reached: wanted s; got i. Its cases are left out until it can be. {REMEDY}"
    )
    assert unreachable(scope, IN, 1) == [""]
    assert scope.left_out(IN) == "state 'in' of 'toy' cannot be reached: wanted s; got i"


def test_another_state_and_the_same_state_of_another_interface_are_still_tried():
    scope = Scope()
    unreachable(scope, IN)
    assert (scope.left_out(IDLE), scope.left_out(OTHER)) == ("", "")


def test_of_what_is_left_out_every_25th_case_is_tried_all_the_same():
    scope = Scope()
    unreachable(scope, IN)
    tried = [number for number in range(1, 76) if scope.left_out(IN) == ""]
    assert tried == [25, 50, 75]


def test_a_state_that_is_reached_again_is_left_out_no_more():
    scope = Scope()
    unreachable(scope, IN)
    scope.note_reached(IN)
    assert scope.left_out(IN) == ""
    assert unreachable(scope, IN, 4) == [""] * 4
    scope.note_reached(IN)
    assert scope.reached[("toy", "in")] == 2


def test_twenty_cases_in_a_row_that_reached_nothing_end_the_campaign_and_a_reached_one_starts_the_row_anew():
    scope = Scope()
    unreachable(scope, IN, 19)
    scope.note_reached(IDLE)
    unreachable(scope, IN, 10)
    unreachable(scope, OTHER, 9)
    with pytest.raises(BenchError) as caught:
        unreachable(scope, OTHER, 1)
    words = "state 'in' of 'other' cannot be reached: wanted s; got i"
    assert str(caught.value) == f"20 cases in a row were not tested: {words}. {REMEDY}"


def test_the_words_without_a_proof_end_with_the_state():
    scope = Scope()
    scope.note_unreached(IN, "")
    assert scope.why == {("toy", "in"): unreached("in", "toy")}


def test_a_lost_interface_is_out_at_once_and_the_others_are_not():
    scope = Scope()
    scope.lose("toy", "its cable is out")
    assert (scope.left_out(IDLE), scope.left_out(OTHER)) == ("its cable is out", "")
    assert (scope.is_lost("toy"), scope.is_lost("other")) == (True, False)


def test_a_campaign_that_reached_no_state_tested_nothing():
    scope = Scope()
    scope.require_any()
    scope.note_unreached(IN, "")
    scope.note_unreached(OTHER, "")
    with pytest.raises(BenchError) as caught:
        scope.require_any()
    assert str(caught.value) == (
        "nothing was tested: state 'in' of 'toy' cannot be reached; state 'in' of 'other' cannot be reached. " + REMEDY
    )
    scope.note_reached(IDLE)
    scope.require_any()
