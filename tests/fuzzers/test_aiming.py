"""Aims: what a program compares leads to the numbers that it waits for, whatever stands between."""

import re
from dataclasses import replace
from itertools import islice

import boofuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzers.guided import GuidedFuzzer
from fuzzers.operands import Hit, hits, line_of
from fuzzers.scales import scales_of
from harness.case import Send
from harness.deck import Deck
from harness.interfaces import State
from harness.learned import Compared, Learned
from harness.outcome import Measures, Outcome
from harness.serialize import dumps, loads
from harness.transcript import Transcript
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.wire import Wire

WORD = 1 << 32
SIGNED = st.integers(-50, 50).filter(bool)


def request(name):
    fields = (
        boofuzz.Byte("code", 1),
        boofuzz.Word("dose", 500, endian="<"),
        boofuzz.String("rate", "5.0", max_len=40),
        boofuzz.String("name", "drug", max_len=40),
    )
    return boofuzz.Request(name, children=fields)


def small():
    messages = messages_by_name(Message(request(name)) for name in ("hello", "start"))
    edges = edges_of(["hello"], [("hello", "start")])
    return Protocol("small", messages, edges, Wire(), {"off": State("off", ())}, messages["hello"].send(), max_len=64)


def program(send):
    """What it does with a message: code 1 or nothing; a dose scaled, a rate in digits, the length of a name."""
    given = {span.name: send.data[span.offset : span.offset + span.length] for span in send.spans}
    code, dose, rate, name = (given.get(field, b"") for field in ("code", "dose", "rate", "name"))
    yield Compared(0x10, int.from_bytes(code, "big"), 1)
    if code == b"\1":
        yield Compared(0x20, int.from_bytes(dose, "little") * 24 + 7, 96_007)
        yield Compared(0x30, len(name), 12)
        yield from [Compared(place, 0, 0) for place in range(0x100, 0x140)]
        yield Compared(0x40, round(float(rate) * 1000) if re.fullmatch(rb"\d+\.\d+", rate) else 0, 7700)


def ran(case, looks):
    compared = [one for step in case.steps if isinstance(step, Send) for one in program(step)] if looks else ()
    return Outcome(Transcript(case.id, (), 0.0, 0.1), (), Measures(compared=tuple(compared)))


def fuzzer():
    return GuidedFuzzer(small(), "link", seed=1, compares=True)


def dealt(one, count):
    for case in islice(one.cases(), count):
        yield case
        one.learn(case, ran(case, one.looks(case)))


def aimed(field):
    """Bytes of the messages at which a case aimed with one of their fields."""
    cases = [case for case in dealt(fuzzer(), 200) if case.origin.field == field]
    return {step.data for case in cases for step in case.steps if isinstance(step, Send)}


def test_a_scaled_number_is_solved_for_what_it_is_compared_with():
    doses = {int.from_bytes(data[1:3], "little") for data in aimed("dose")}
    assert {3999, 4000, 4001} <= doses


def test_digits_are_solved_with_their_decimal_places():
    assert any(b"7.7drug" in data for data in aimed("rate"))


def test_a_text_gets_the_length_that_it_is_compared_with():
    names = {data.partition(b"5.0")[2] for data in aimed("name")}
    assert {11, 12, 13} <= set(map(len, names))


def test_a_field_that_leads_another_way_hides_no_other():
    """With another code nothing else is compared: the code is looked into by itself, and not moved any more."""
    one = fuzzer()
    cases = list(dealt(one, 200))
    assert any(case.origin.field == "code" for case in cases)
    assert any(looked.broken for looked in one.state().looked)


def test_nothing_is_probed_where_nothing_tells_what_is_compared():
    one = GuidedFuzzer(small(), "link", seed=1)
    assert not any(one.looks(case) for case in islice(one.cases(), 100))


@given(st.integers(1, 60), st.integers(-60, 60).filter(bool), st.integers(0, WORD - 1), st.integers(0, WORD - 1))
def test_whatever_line_there_is_is_found(slope, shift, value, base):
    numbers = (value, value + shift, value + 2 * shift + 1)
    line = line_of(tuple((slope * number + base) % WORD for number in numbers), numbers)
    assert line is not None
    assert line.slope == slope
    assert (line.slope * value + line.base - slope * value - base) % WORD == 0


@given(st.integers(0, 1000), SIGNED, SIGNED)
def test_an_operand_that_moves_otherwise_is_no_line(value, one, other):
    numbers = (value, value + one, value + one + other)
    assert line_of((5, 5 + one, 6 + one + other), numbers) is None or one + other == 0


def test_a_product_that_no_word_holds_is_aimed_at_too():
    runs = [[Compared(1, 100_000 * dose, 400_000)] for dose in (50, 57, 61)]
    found = set(hits(runs, {"dose": (50, 57, 61)}, {"dose": False}))
    assert {Hit("dose", number, 400_000) for number in (3, 4, 5, 42949, 42950)} <= found


@pytest.mark.parametrize(("number", "written"), [(77, b"7.7"), (5, b"0.5"), (1234, b"123.4")])
def test_digits_keep_their_decimal_places(number, written):
    message = small().message("hello")
    digits, length = scales_of(message, message.layout.leaf("rate"), b"5.0", 64)
    assert digits.written(number) == written
    assert (length.value, length.written(70), length.written(5)) == (3, None, b"5.000")


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 120), st.integers(1, 60))
def test_another_run_goes_on_with_the_same_aims(before, later):
    """Wherever it was stopped, in the middle of a probe too."""
    one, other = fuzzer(), fuzzer()
    deck, again = (Deck([each], pytest.fail, saves=False) for each in (one, other))
    for _ in range(before):
        case = next(deck).case
        one.learn(case, ran(case, one.looks(case)))
    again.skip(replace(deck.state(), learned=(loads(Learned, dumps(one.state())),)), ())
    for _ in range(later):
        case = next(deck).case
        assert case.id == next(again).case.id
        for each in (one, other):
            each.learn(case, ran(case, each.looks(case)))
