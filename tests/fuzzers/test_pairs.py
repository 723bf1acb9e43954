"""Covering arrays hold every pair in few rows, and the fuzzer that is made of them bends every pair of fields."""

import math
from itertools import combinations, islice, product

import boofuzz
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_enumerate import HL7, PUMP, small

from fuzzers import FUZZERS
from fuzzers.covering import FREE, covering
from fuzzers.pairs import PairsFuzzer, in_every, pairs
from fuzzers.pools import classes_of
from fuzzers.registry import fuzzers_for
from harness.errors import UsageError
from harness.interfaces import State
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.wire import Wire


def pairs_in(rows):
    """Of (factor, level) and (factor, level)."""
    return {pair for row in rows for pair in combinations([(f, x) for f, x in enumerate(row) if x != FREE], 2)}


@given(st.lists(st.integers(1, 7), min_size=2, max_size=9))
def test_every_two_levels_of_every_two_factors_meet(sizes):
    wanted = {
        ((a, x), (b, y))
        for a, b in combinations(range(len(sizes)), 2)
        for x, y in product(range(sizes[a]), range(sizes[b]))
    }
    rows = covering(sizes)
    assert pairs_in(rows) == wanted
    assert all(FREE <= level < size for row in rows for level, size in zip(row, sizes, strict=True))


@pytest.mark.parametrize("factors", [4, 16, 64])
def test_the_rows_grow_with_the_logarithm_of_the_factors(factors):
    assert len(covering([5] * factors)) <= 25 * (1 + math.log2(factors)) / 1.9


def test_there_are_no_pairs_of_one_factor():
    assert covering([4]) == covering([]) == []


def bent_classes(message, send, classes):
    """Which classes of which fields a message may have been bent by: (field, kind), by the bytes that they give."""
    parts = {part.name: part.data for part in PROTOCOL.parts(send)}
    return {
        (name, values.kind)
        for name, found in classes.items()
        for values in found
        if parts.get(name) in {change.data for k in range(values.count) for change in values.at(k)}
    }


def protocol(*fields):
    message = Message(boofuzz.Request("set", children=fields))
    other = Message(boofuzz.Request("get", children=(boofuzz.Byte("start", 0x77),)))
    return Protocol(
        "pairs",
        messages_by_name([message, other]),
        (Edge("", "set"), Edge("", "get")),
        Wire(),
        {name: State(name, ()) for name in ("off", "on")},
        other.send(),
    )


PROTOCOL = protocol(boofuzz.Byte("start", 0x77), boofuzz.Word("dose", 777), boofuzz.Bytes("note", b"hi there"))


def test_each_class_of_a_field_meets_each_class_of_another_within_one_turn():
    message = PROTOCOL.messages["set"]
    classes = classes_of(message, 1, 64)
    turn = pairs(message, 1, 64, in_every(PROTOCOL.messages.values())).count
    found = [case.steps[-1] for case in islice(PairsFuzzer(PROTOCOL, "link", seed=1, max_len=64).cases(), turn)]
    met = {pair for send in found for pair in combinations(sorted(bent_classes(message, send, classes)), 2)}
    for one, other in combinations(classes, 2):
        for a, b in product(classes[one], classes[other]):
            assert tuple(sorted([(one, a.kind), (other, b.kind)])) in met


def test_the_frame_is_left_alone_until_the_rest_is_through():
    message = PROTOCOL.messages["set"]
    frame = in_every(PROTOCOL.messages.values())
    assert frame == {"start"}
    made = pairs(message, 1, 64, frame)
    own = math.prod(len(classes_of(message, 1, 64)[name]) for name in ("dose", "note"))
    bends_it = [any(change.name == "start" for change in made.at(k)) for k in range(made.count)]
    assert not any(bends_it[:own])
    assert any(bends_it[own:])
    assert in_every([message]) == frozenset()


@pytest.mark.parametrize("protocol", [PUMP, HL7], ids=["pump_link", "pump_hl7"])
def test_the_same_seed_gives_the_same_cases(protocol):
    first, second, other = (list(islice(PairsFuzzer(protocol, "link", seed=s).cases(), 300)) for s in (1, 1, 2))
    assert [case.id for case in first] == [case.id for case in second]
    assert len({case.id for case in first} & {case.id for case in other}) < 30
    assert {case.origin.path[-1] for case in first} <= set(protocol.messages)
    assert all(case.origin.fuzzer == "pairs" and ", " in case.origin.field for case in first)


def test_the_forecast_is_exact():
    fuzzer = PairsFuzzer(small(), "link", seed=3, max_len=32)
    assert len(list(fuzzer.cases())) == fuzzer.forecast()


def test_it_runs_where_it_is_asked_for_and_where_there_are_pairs():
    assert FUZZERS.get("pairs") is PairsFuzzer
    assert "pairs" not in fuzzers_for(PUMP)
    with pytest.raises(UsageError, match="two fields"):
        PairsFuzzer(protocol(boofuzz.Byte("start", 1)), "link")
