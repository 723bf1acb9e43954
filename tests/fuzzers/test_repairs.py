"""Checksums and lengths that are learned from what a program compares, and kept right from then on."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzers.repairs import Repairs, counts_in, covered, kept, repairs_in
from harness.learned import Compared, Counted
from protocols.checksums import ALGORITHMS

PLACE, ELSEWHERE = 0x8000123, 0x8000200
BODIES = (b"\x01\x05hello", b"\x01\x05hxllo", b"\x01\x05heqlw")


def framed(algorithm, body, order="big", gap=b"", tail=b""):
    """A start byte, the body, its checksum."""
    found = ALGORITHMS.get(algorithm)
    return b"\xa5" + body + gap + found.compute(body).to_bytes(found.width, order) + tail


def runs_of(algorithm, datas, at, order="big", part=lambda number: number):
    """What a device compares that works it out of the bytes from the second one on, in each of the runs."""
    found = ALGORITHMS.get(algorithm)
    for data in datas:
        stands = int.from_bytes(data[at : at + found.width], order)
        noise = Compared(ELSEWHERE, data[0], 0xA5)
        yield (noise, Compared(PLACE, part(found.compute(data[1:at])), part(stands)))


def learned(algorithm, order="big", part=lambda number: number):
    base = framed(algorithm, BODIES[0], order)
    width = ALGORITHMS.get(algorithm).width
    datas = [base, *(b"\xa5" + body + base[-width:] for body in BODIES[1:])]
    return [repair for repair, _at in repairs_in(list(runs_of(algorithm, datas, 8, order, part)), datas)]


@pytest.mark.parametrize(
    ("algorithm", "order"),
    [
        *(("sum8", "big"), ("xor8", "big"), ("lrc", "big"), ("crc8", "big"), ("crc16_modbus", "little")),
        *(("crc16_ccitt_false", "big"), ("crc32", "little"), ("fletcher8", "big")),
    ],
)
def test_a_checksum_is_known_by_what_was_worked_out_and_where_it_stands(algorithm, order):
    found = learned(algorithm, order)
    assert [(one.algorithm, one.start, one.order, one.tail, one.gap) for one in found] == [(algorithm, 1, order, 0, 0)]


def test_it_is_known_where_only_one_half_is_compared_at_first():
    found = learned("crc16_modbus", "little", lambda number: number & 0xFF)
    assert ("crc16_modbus", "little") in [(one.algorithm, one.order) for one in found]


def test_digits_behind_a_star_are_read_as_a_number():
    datas = [b"$SET,1*" + b"%02X\r\n" % ALGORITHMS.get("xor8").compute(b"SET,1")]
    datas += [b"$SFT,1" + datas[0][6:], b"$SET,7" + datas[0][6:]]
    runs = [(Compared(PLACE, ALGORITHMS.get("xor8").compute(data[1:6]), int(data[7:9], 16)),) for data in datas]
    (found,) = {repair for repair, _at in repairs_in(runs, datas)}
    assert (found.algorithm, found.start, found.gap, found.tail) == ("xor8_digits", 1, 1, 2)


def test_what_is_one_byte_of_the_message_is_no_checksum():
    datas = [b"\xa5\x01\x02\x07", b"\xa5\x09\x02\x07", b"\xa5\x03\x02\x07"]
    runs = [(Compared(PLACE, data[1], 7),) for data in datas]
    assert list(repairs_in(runs, datas)) == []


@given(st.binary(min_size=4, max_size=40), st.integers(0, 10**6))
def test_bent_bytes_have_it_right_most_often_and_are_as_long_as_before(data, seed):
    repairs = Repairs()
    (repair,) = learned("sum8")
    repairs.add(repair)
    bent = [repairs.bent("", "", b"\xa5" + data, Random(seed + n)) for n in range(40)]
    right = [one for one in bent if repairs.place("", "", one) is not None]
    assert {len(one) for one in bent} == {len(data) + 1}
    assert len(right) >= 20


def test_what_is_moved_in_a_right_message_leaves_it_right():
    repairs = Repairs()
    (repair,) = learned("crc16_modbus", "little")
    repairs.add(repair)
    right = framed("crc16_modbus", BODIES[0], "little")
    found = repairs.place("", "", right)
    assert found == (repair, 8)
    assert list(covered(*found)) == [8, 9]
    assert repairs.place("", "", right[:3] + b"J" + right[4:]) is None
    assert kept(*found, right[:3] + b"J" + right[4:]) == framed("crc16_modbus", b"\x01\x05Jello", "little")


def test_the_length_that_leads_to_it_is_what_all_examples_have():
    repairs = Repairs()
    for body in (b"\x01\x05hello", b"\x06\x03abc"):
        base = framed("sum8", body)
        datas = [base, base[:4] + b"zz" + base[6:], base[:3] + b"Q" + base[4:]]
        for repair, _at in repairs_in(list(runs_of("sum8", datas, len(base) - 1)), datas):
            repairs.add(repair)
    (found,) = repairs.of("", "")
    assert found.anchors == ((2, 3),)


def lengths_of(datas, plus):
    """A device that compares its second byte, and something more, with how much it got."""
    return [(Compared(PLACE, data[1] + plus, len(data)),) for data in datas]


def test_a_number_compared_with_about_as_much_as_there_is_may_be_the_length():
    datas = [b"h\x65llo\r\n", b"h\x70llo\r\n", b"h\x67llo\r\n"]
    found = list(counts_in(lengths_of(datas, 2), datas))
    assert Counted("", "", 1, 2, "big", 2, 7) in found
    repairs = Repairs()
    for one in found:
        repairs.count(one)
    bent = {repairs.bent("", "", b"h\x65" + b"x" * 20, Random(n)) for n in range(60)}
    assert b"h\x14" + b"x" * 20 in bent


def test_a_length_that_was_one_twice_is_the_only_one():
    repairs = Repairs()
    repairs.count(Counted("", "", 0, 1, "big", 3, 9))
    for size in (7, 12):
        repairs.count(Counted("", "", 1, 2, "big", 2, size))
    bent = {repairs.bent("", "", b"h\x65" + b"x" * 20, Random(n)) for n in range(60)}
    assert bent == {b"h\x65" + b"x" * 20, b"h\x14" + b"x" * 20}
