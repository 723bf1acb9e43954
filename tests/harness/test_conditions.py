"""What a fault takes, in words a person can check against the firmware."""

import pytest
from test_shrink import SHRINKER, case, changed, send

from harness.finding import Condition
from harness.triage.conditions import conditions_of


def told(*steps, **state):
    return [(c.message, c.field, c.words) for c in conditions_of(SHRINKER, (case(*steps, **state),))]


def test_a_message_as_it_stands_has_none():
    assert told(send("open_session"), send("prove"), state="session") == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (9990, "9990 or more, usually 5000; 9989 is served"),
        (17, "17 or less, usually 5000; 18 is served"),
        (5001, "5001, usually 5000"),
        (4999, "4999, usually 5000"),
    ],
)
def test_a_number_says_its_boundary_and_the_neighbour_that_is_served(value, words):
    assert told(changed("program_rate", **{"body.rate": value})) == [("program_rate", "body.rate", words)]


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (b"bench-1bench-1bench", "19 bytes or more, usually 'bench-1'; 18 are served"),
        (b"", "empty, usually 'bench-1'"),
        (b"\xff\x00", "ff00, usually 'bench-1'"),
    ],
)
def test_a_text_says_its_length_or_what_is_in_it(peer, words):
    assert told(changed("open_session", **{"body.peer": peer})) == [("open_session", "body.peer", words)]


def test_a_wrong_length_is_told_beside_what_the_message_works_out():
    assert told(changed("open_session", **{"body.peer_length": 200})) == [
        ("open_session", "body.peer_length", "200 or more, what the message works out 7; 199 is served")
    ]


def test_the_same_of_two_messages_is_told_once():
    step = changed("program_rate", **{"body.rate": 1})
    assert conditions_of(SHRINKER, (case(step), case(step))) == (
        Condition("program_rate", "body.rate", "1 or less, usually 5000; 2 is served"),
    )


def test_what_is_long_is_told_by_its_beginning():
    ((_, _, words),) = told(changed("set_device_name", **{"body.name": bytes(range(1, 5))}))
    assert words == "01020304, usually 'PUMP-A'"
