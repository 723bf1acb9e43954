"""Green means tested: each thing that a run can have missed, and the words that say so."""

from dataclasses import replace

import pytest
from toy import case

from harness.bench_tables import FloorsTable
from harness.case import Send
from harness.events import CaseFinished
from harness.floors import BETWEEN, UNHEARD, Tally, shortfalls
from harness.floors import Tested as Reached
from harness.transcript import Exchange, Transcript
from harness.verdict import Verdict

FLOORS = FloorsTable()


def exchange(name="a", replies=(b"<A>",), *, sent=b"<a>", expected=True):
    return Exchange(name, sent, replies, (), b"", 0.0, 1.0, bool(replies), expected)


def finished(*exchanges, state="idle", mutated=(), **transcript):
    """A case that sent what the exchanges say; `mutated` are places of them."""
    sends = (Send(e.message, e.sent, mutated=n in mutated) for n, e in enumerate(exchanges) if e.message)
    tried = case(*sends, state=state)
    return CaseFinished(1, tried, Transcript(tried.id, exchanges, 0.0, 1.0, **transcript), Verdict.PASS, 1.0, 0)


def tally(cases=100, asked=100, answered=100, **rest):
    return Tally("probe", cases=cases, asked=asked, answered=answered, **rest)


def told(interfaces, floors=FLOORS, **rest):
    return shortfalls(Reached(interfaces, **rest), floors)


def test_what_is_asked_and_answered_is_counted_without_the_probe_and_what_needs_no_answer():
    count = Tally("probe")
    count.add(finished(exchange(), exchange(replies=()), exchange("probe"), exchange(expected=False)))
    count.add(finished(exchange("", sent=b""), exchange("b", (b"<B>", b"<a>"))))
    assert (count.cases, count.asked, count.answered, count.echoed) == (2, 3, 2, 0)
    assert (count.states["idle"], count.unreached) == (2, {})


def test_an_answer_that_is_what_was_sent_is_an_echo_and_one_behind_the_answer_is_not():
    count = Tally("probe")
    count.add(finished(exchange(replies=(b"<a>", b"<A>")), exchange(replies=(b"<A>", b"<a>"))))
    assert (count.answered, count.echoed) == (2, 1)


def test_what_the_device_said_by_itself_and_the_probe_behind_the_case_are_not_asked():
    count = Tally("probe")
    own, probe = exchange(), exchange("probe")
    unasked = exchange("", sent=b"")
    event = finished(unasked, own)
    count.add(replace(event, transcript=replace(event.transcript, exchanges=(unasked, own, probe, probe))))
    assert (count.asked, count.answered) == (1, 1)


def test_of_what_nobody_mutated_the_answered_ones_are_counted():
    count = Tally("probe")
    silent = exchange(replies=())
    count.add(finished(exchange(), exchange(), silent, exchange(), silent, silent, silent, mutated=(3, 4, 5, 6)))
    assert (count.asked, count.answered, count.valid, count.accepted) == (7, 3, 3, 2)


def test_a_device_that_answers_only_what_is_malformed_is_not_green():
    words = (f"'toy': answered 0 of 5 valid messages, besides the probe{UNHEARD}",)
    assert told({"toy": tally(valid=5, accepted=0)}) == words
    assert told({"toy": tally(valid=4, accepted=0)}) == ()
    assert told({"toy": tally(valid=100, accepted=9)}) != () == told({"toy": tally(valid=100, accepted=10)})
    assert len(told({"toy": tally(answered=0, valid=50, accepted=0)})) == 1


def test_a_state_that_was_not_reached_is_kept_with_what_was_wanted():
    count = Tally("probe")
    count.add(finished(state="in", state_reached=False, proof="wanted s; got i"))
    assert (count.cases, count.states["in"], count.unreached) == (1, 0, {"in": "wanted s; got i"})


def test_a_run_that_tested_everything_is_green():
    assert told({"toy": tally(states={"idle": 100})}, watched=3, exercised=3) == ()


@pytest.mark.parametrize(
    ("cases", "budget", "wanted"), [(9, None, 10), (9, 1000, 10), (4, 10, 5), (5, 10, 0), (10, None, 0)]
)
def test_fewer_cases_than_the_floor_are_not_green_and_a_small_budget_counts(cases, budget, wanted):
    expected = (f"'toy': {cases} cases, {wanted} are the least ([floors] cases): give it more time",) if wanted else ()
    assert told({"toy": tally(cases)}, budget=budget) == expected


def test_the_budget_is_shared_by_the_interfaces():
    assert told({"toy": tally(3), "other": tally(2)}, budget=12) == (
        "'other': 2 cases, 3 are the least ([floors] cases): give it more time",
    )


def test_a_device_that_answers_nothing_but_the_probe_is_not_green():
    assert told({"toy": tally(answered=0)}) == (f"'toy': answered 0 of 100 messages, besides the probe{UNHEARD}",)
    assert told({"toy": tally(answered=9)}) != () == told({"toy": tally(answered=10)})
    assert told({"toy": tally(asked=0, answered=0)}) == ()


def test_an_echo_is_not_green():
    assert told({"toy": tally(echoed=95)}) == ("'toy': 95 of 100 answers are what was sent: is it an echo?",)
    assert told({"toy": tally(echoed=94)}) == ()
    assert told({"toy": tally(echoed=95, echoes=True)}) == ()


def test_a_state_that_was_never_reached_is_not_green_unless_the_bench_says_so():
    missed = tally(states={"idle": 9, "in": 0}, unreached={"in": "wanted s; got i", "idle": ""})
    assert told({"toy": missed}) == ("'toy': state 'in' was never reached (wanted s; got i)",)
    missed.unreached["in"] = ""
    assert told({"toy": missed}) == ("'toy': state 'in' was never reached",)
    assert told({"toy": missed}, FloorsTable(states=False)) == ()


def test_what_the_guard_withheld_is_shown_against_all_that_were_to_run():
    assert told({"toy": tally(10)}, withheld=11) == ("11 of 21 cases were withheld by the guard or a limit",)
    assert told({"toy": tally(10)}, withheld=10) == ()
    assert told({}, FloorsTable(cases=0), withheld=1) == ("1 of 1 cases were withheld by the guard or a limit",)


def test_what_was_left_out_is_shown_against_all_that_were_to_run():
    words = "11 of 51 cases were left out: their state or link was not there"
    assert told({"toy": tally(20), "other": tally(20)}, left_out=11) == (words,)
    assert told({"toy": tally(20), "other": tally(20)}, left_out=10) == ()
    assert told({}, FloorsTable(cases=0, left_out=0.5), left_out=1) == (
        "1 of 1 cases were left out: their state or link was not there",
    )


def test_nothing_at_all_is_no_share_of_anything():
    zero = FloorsTable(withheld=0, left_out=0, cases=0)
    assert told({}, zero) == ()
    assert told({}, FloorsTable(withheld=1, left_out=1, cases=0), withheld=1, left_out=1) == ()


def test_signals_that_never_came_are_named_once_and_in_order():
    words = "2 requirements were not judged: no value of bolus, rate ever came"
    missing = {"R-1": ("rate", "bolus"), "R-2": ("rate",)}
    assert told({"toy": tally()}, missing=missing, watched=4, exercised=0) == (words,)


def test_requirements_that_were_not_exercised_are_not_green_where_the_bench_wants_them():
    half = FloorsTable(exercised=0.5)
    assert told({"toy": tally()}, half, watched=4, exercised=1) == ("only 1 of 4 requirements were exercised",)
    assert told({"toy": tally()}, half, watched=4, exercised=2) == ()


def test_the_gravest_comes_first():
    words = told({"toy": tally(1, answered=0)}, withheld=50, left_out=50, missing={"R": ("s",)})
    assert [word.split(":")[0].split(" ")[-1] for word in words][:2] == ["'toy'", "'toy'"]
    assert ["withheld" in words[2], "left out" in words[3], "not judged" in words[4]] == [True, True, True]


def test_what_became_of_each_message_is_counted_by_state():
    count = Tally("probe")
    no, silent, quiet = exchange(replies=(b"<no>",)), exchange(replies=()), exchange("b", (), expected=False)
    count.add(finished(exchange(), no, silent, quiet), lambda reply: reply == b"<no>")
    count.add(finished(exchange(), state="open"))
    assert {tuple(key.split(BETWEEN)): times for key, times in count.messages.items()} == {
        ("a", "idle", "accepted"): 1,
        ("a", "idle", "refused"): 1,
        ("a", "idle", "unanswered"): 1,
        ("b", "idle", "sent"): 1,
        ("a", "open", "accepted"): 1,
    }
