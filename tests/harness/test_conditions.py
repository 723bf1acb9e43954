"""What a fault takes, in words a person can check against the firmware."""

from dataclasses import replace
from random import Random

import pytest
from test_reduce import driven
from test_shrink import LINK, SHRINKER, case, changed, send

from harness.finding import Condition
from harness.triage import boundary
from harness.triage.boundary import reaches_in, scale_of, value_of
from harness.triage.conditions import conditions_of
from protocols.render import Change


def numbers(window):
    """What can be counted in each unusual field of the last message."""
    parts = LINK.parts(window[-1].steps[-1])
    return [value_of(p.data, p.number) if p.number else len(p.data) for p in parts if scale_of(p) is not None]


def conditions(*steps, shows=None, **state):
    """Those of a device that shows a fault where a number is as far from the usual one, or as `shows` says."""
    window = (case(*steps, **state),)
    given = numbers(window) if steps[-1].mutated else []

    def alike(candidate):
        here = numbers(candidate)
        if shows is not None:
            return all(map(shows, here))
        scales = [scale_of(p) for p in LINK.parts(steps[-1]) if scale_of(p) is not None]
        return len(here) == len(given) and all(
            n >= g if g > s.usual else n <= g for n, g, s in zip(here, given, scales, strict=True)
        )

    reaches, _asked = driven(reaches_in(SHRINKER, window), alike)
    return conditions_of(SHRINKER, window, reaches)


def told(*steps, **options):
    return [(c.message, c.field, c.words) for c in conditions(*steps, **options)]


def test_a_message_as_it_stands_has_none():
    assert told(send("open_session"), send("prove"), state="session") == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (9990, "9990 or more, usually 5000; 9989 is served"),
        (17, "17 or less, usually 5000; 18 is served"),
        (5001, "5001 or more, usually 5000"),
        (4999, "4999 or less, usually 5000"),
        (0, "0, usually 5000; 1 is served"),
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


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (bytes.fromhex("8813"), "2 bytes 8813, usually 4 bytes 88130000"),
        (b"\x88", "1 byte 88, usually 4 bytes 88130000"),
        (bytes(8), "8 bytes 0000000000000000, usually 4 bytes 88130000"),
    ],
)
def test_a_number_that_is_too_wide_or_narrow_is_told_by_its_bytes(rate, words):
    step = LINK.message("program_rate").mutated([Change("body.rate", rate, rate)])
    assert told(step) == [("program_rate", "body.rate", words)]


def test_the_same_of_two_messages_is_told_once():
    step = changed("program_rate", **{"body.rate": 1})
    assert conditions_of(SHRINKER, (case(step), case(step)), {}) == (
        Condition("program_rate", "body.rate", "1, usually 5000"),
    )


def test_what_is_long_is_told_by_its_beginning():
    ((_, _, words),) = told(changed("set_device_name", **{"body.name": bytes(range(1, 5))}))
    assert words == "01020304, usually 'PUMP-A'"


@pytest.mark.parametrize(
    ("shows", "words", "ends"),
    [
        (lambda n: n == 9000, "9000 exactly, usually 5000; 8999 and 9001 are served", (9000, 9000)),
        (lambda n: 9000 <= n < 9100, "9000 to 9099, usually 5000; 8999 and 9100 are served", (9000, 9099)),
        (
            lambda n: n >= 8000,
            "8000 or more, usually 5000; 7999 is served, and it shows in this way at 9000",
            (8000, None),
        ),
        (
            lambda n: n >= 0x2000 and not n & 0x800,
            "8192 to 10239, usually 5000; 8191 and 10240 are served, and it shows in this way at 9000",
            (8192, 10239),
        ),
        (
            lambda n: 9000 <= n < 0xFFFFFFFF,
            "9000 to 4294967294, usually 5000; 8999 and 4294967295 are served",
            (9000, 0xFFFFFFFE),
        ),
    ],
)
def test_both_ends_are_asked_of_the_device(shows, words, ends):
    (condition,) = conditions(changed("program_rate", **{"body.rate": 9000}), shows=shows)
    assert (condition.words, (condition.least, condition.most)) == (words, ends)


@pytest.mark.parametrize(
    ("shows", "words"),
    [
        (lambda n: n == 13, "13 bytes exactly, usually 'bench-1'; 12 and 14 are served"),
        (lambda n: 13 <= n < 20, "13 to 19 bytes, usually 'bench-1'; 12 and 20 are served"),
    ],
)
def test_a_length_may_have_two_ends(shows, words):
    (condition,) = conditions(changed("open_session", **{"body.peer": b"A" * 13}), shows=shows)
    assert condition.words == words
    assert condition.of_length


@pytest.mark.parametrize(
    ("shows", "words", "ends"),
    [
        (
            lambda n: n >= 5001 and not 5010 <= n <= 5021,
            "5001 to 5009, usually 5000; 5010 is served, and it shows in this way at 9000",
            (5001, 5009),
        ),
        (lambda n: n != 5000, "any other number, usually 5000, and it shows in this way at 9000", (5001, None)),
        (lambda n: n > 5000, "5001 or more, usually 5000, and it shows in this way at 9000", (5001, None)),
        (lambda n: n not in (0, 5000), "5001 or more, usually 5000, and it shows in this way at 9000", (5001, None)),
    ],
)
def test_a_code_may_have_a_meaning_anywhere(shows, words, ends):
    (condition,) = conditions(changed("program_rate", **{"body.rate": 9000}), shows=shows)
    assert (condition.words, (condition.least, condition.most)) == (words, ends)


def of_peer(data, shows):
    window = (case(changed("open_session", **{"body.peer": data})),)
    reaches, asked = driven(reaches_in(SHRINKER, window), lambda w: shows(LINK.parts(w[0].steps[-1])[0].data))
    return [(c.words, c.least) for c in conditions_of(SHRINKER, window, reaches)], asked


def test_a_text_of_which_the_content_counts_has_no_length():
    told, _asked = of_peer(b"bench-1b\xffnch", lambda data: b"\xff" in data)
    assert told == [("62656e63682d3162ff6e6368, usually 'bench-1'", None)]


def test_a_text_of_which_the_length_counts_is_asked_for_with_the_usual_content():
    told, asked = of_peer(b"%n" * 10, lambda data: len(data) > 12)
    assert told == [("13 bytes or more, usually 'bench-1'; 12 are served, and it shows in this way at 20", 13)]
    assert not any(b"%n" in LINK.parts(window[0].steps[-1])[0].data for window, _shown in asked)


def test_what_a_valid_message_says_is_no_condition_where_it_only_looks():
    bent, valid = changed("program_rate", **{"body.rate": 1}), changed("program_rate", **{"body.rate": 7})
    window = (case(replace(valid, mutated=False), bent),)
    reaches, _asked = driven(reaches_in(SHRINKER, window, valid=False), lambda _window: True)
    (condition,) = conditions_of(SHRINKER, window, reaches, valid=False)
    assert (condition.field, condition.words) == (
        "body.rate",
        "any other number, usually 5000, and it shows in this way at 1",
    )


def test_what_a_valid_message_asks_for_is_a_condition_like_any_other():
    window = (case(replace(changed("program_rate", **{"body.rate": 9000}), mutated=False)),)
    reaches, _asked = driven(reaches_in(SHRINKER, window), lambda w: numbers(w) >= [8000])
    (condition,) = conditions_of(SHRINKER, window, reaches)
    assert condition.words.startswith("8000 or more, usually 5000; 7999 is served")


def test_beside_what_an_answer_shows_something_else_may_be_wrong():
    step = changed("program_rate", **{"body.rate": 9000})
    window = (case(step),)
    reaches, _asked = driven(reaches_in(SHRINKER, window), lambda w: numbers(w) >= [8000])
    (condition,) = conditions_of(SHRINKER, window, reaches, served=False)
    assert condition.words == "8000 or more, usually 5000; 7999 does not show it, and it shows in this way at 9000"


def exact_ends(seed):
    """Both ends as they are told where one question of four about what shows the fault is not answered by it."""
    random = Random(seed)

    def seen(candidate):
        return all(9000 <= n < 9100 for n in numbers(candidate)) and random.random() < 3 / 4

    window = (case(changed("program_rate", **{"body.rate": 9050})),)
    (reach,) = driven(reaches_in(SHRINKER, window), seen)[0].values()
    return (reach.near, reach.far) == (9000, 9099)


@pytest.mark.parametrize(("asked", "least", "most"), [(boundary._ASKED, 85, 100), (1, 0, 60)])
def test_what_lies_beside_an_end_is_asked_again(monkeypatch, asked, least, most):
    monkeypatch.setattr(boundary, "_ASKED", asked)
    assert least <= sum(map(exact_ends, range(100))) <= most
