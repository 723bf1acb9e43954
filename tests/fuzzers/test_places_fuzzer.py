"""`places`: each message of each place of a device, with the lengths and edges that matter there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzers.places import PlacesFuzzer
from fuzzers.registry import fuzzers_for
from harness.errors import UsageError
from protocols.att import PROTOCOL
from protocols.att_table import Attribute, with_table

TABLE = (
    Attribute(0x0003, (), b"name"),
    Attribute(0x0005, ("write",), b"hello"),
    Attribute(0x0008, ("command",)),
    Attribute(0x0109, ("write", "command"), b""),
)
WRITE = 0x12


def sent(seed=0, table=TABLE, **options):
    return [case.steps[-1].data for case in PlacesFuzzer(with_table(table), "att", (), seed, **options).cases()]


def test_it_is_chosen_by_itself_where_places_are_known():
    assert "places" in fuzzers_for(with_table(TABLE)) and "places" not in fuzzers_for(PROTOCOL)
    with pytest.raises(UsageError, match="tell the device's places"):
        PlacesFuzzer(PROTOCOL, "att")


def test_every_place_is_met_with_every_length_that_matters_there():
    written = {(data[1] | data[2] << 8, len(data) - 3) for data in sent() if data[0] == WRITE}
    for handle, usual in ((0x0005, 5), (0x0109, 0)):
        lengths = {length for place, length in written if place == handle}
        assert {0, 1, usual, usual + 1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257} <= lengths
    assert {place for place, _length in written} == {0x0005, 0x0109}


def test_fields_are_filled_with_ones_zeros_and_letters():
    of_place = [data[3:] for data in sent() if data[:3] == b"\x12\x05\x00"]
    assert {b"\xff" * 5, bytes(5), b"A" * 5} <= set(of_place)


def test_what_tells_the_messages_apart_is_left_alone():
    assert {data[0] for data in sent()} == {0x0A, 0x0C, 0x12, 0x16, 0x52}


def test_places_come_first_and_lengths_one_after_the_other():
    written = [data for data in sent() if data[0] == WRITE]
    first = [data[1] | data[2] << 8 for data in written[:6]]
    assert all(set(first[k : k + 2]) == {0x0005, 0x0109} for k in (0, 2, 4))


def test_each_case_is_another_one_and_all_are_forecast():
    fuzzer = PlacesFuzzer(with_table(TABLE), "att", (), 7)
    cases = list(fuzzer.cases())
    assert len(cases) == fuzzer.forecast()
    assert len({case.id for case in cases}) > 0.9 * len(cases)


@given(st.integers(0, 1 << 16), st.integers(1, 600))
def test_no_case_is_larger_than_allowed(seed, most):
    longest = max(len(data) for data in sent(seed, TABLE[1:2], max_len=most))
    assert longest <= 5 + max(most, 10)


def test_the_same_seed_gives_the_same_cases():
    assert sent(3) == sent(3)
    assert sent(3) != sent(4)
