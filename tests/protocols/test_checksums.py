"""Checksum algorithms against published check values, and the boofuzz primitive that applies them."""

import boofuzz
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from protocols.checksums import ALGORITHMS, Algorithm, BlockChecksum, live_checksum

CHECK = b"123456789"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crc16_ccitt_false", 0x29B1),
        ("crc16_modbus", 0x4B37),
        ("crc16_mcrf4xx", 0x6F91),
        ("crc16_xmodem", 0x31C3),
        ("crc8", 0xF4),
        ("crc32", 0xCBF43926),
        ("sum8", 0xDD),
        ("lrc", 0x23),
        ("xor8", 0x31),
        ("xor8_digits", int.from_bytes(b"31")),
        ("sum8_digits", int.from_bytes(b"DD")),
    ],
)
def test_published_check_values(name, value):
    assert ALGORITHMS.get(name).compute(CHECK) == value


def test_an_unknown_algorithm_names_the_nearest():
    with pytest.raises(UsageError, match="crc16_modbus"):
        ALGORITHMS.get("crc16_modbuss")


@given(st.binary(max_size=300), st.sampled_from(["big", "little"]))
def test_the_live_name_gives_what_the_primitive_renders(data, order):
    checksum = BlockChecksum("sum", ["data"], "crc16_modbus", order)
    boofuzz.Request("m", children=(boofuzz.Bytes("data", data), checksum))
    assert live_checksum(checksum.live_name, data) == checksum.render()


def test_a_checksum_covers_neighbours_in_order():
    parts = (boofuzz.Bytes("a", b"12345"), boofuzz.Bytes("b", b"6789"))
    request = boofuzz.Request("m", children=(*parts, BlockChecksum("sum", [".a", ".b"], "crc16_ccitt_false")))
    assert request.render() == CHECK + b"\x29\xb1"


def test_a_checksum_of_ones_own():
    length = Algorithm("length", 4, len)
    request = boofuzz.Request("m", children=(boofuzz.Bytes("a", b"abc"), BlockChecksum("n", [".a"], length, "little")))
    assert request.render() == b"abc\x03\0\0\0"


def test_a_name_that_is_no_live_checksum():
    assert live_checksum("token", b"") is None
    assert live_checksum("crc99/big", b"") is None
