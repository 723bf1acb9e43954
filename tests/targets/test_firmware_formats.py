"""Firmware files: Intel HEX, raw binaries whose base their pointers tell, and the memory map of an image."""

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BenchError
from targets.board.formats import base_of, intel_hex
from targets.board.image import Image
from targets.board.layout import extended, memory_of


def record(kind, offset, data):
    body = bytes((len(data),)) + offset.to_bytes(2, "big") + bytes((kind,)) + data
    return ":" + (body + bytes((-sum(body) & 0xFF,))).hex().upper()


def as_hex(base, data):
    lines = [record(4, 0, (base >> 16).to_bytes(2, "big"))]
    lines += [record(0, (base & 0xFFFF) + i, data[i : i + 16]) for i in range(0, len(data), 16)]
    return "\n".join([*lines, record(1, 0, b"")])


@given(st.binary(min_size=1, max_size=200), st.sampled_from([0, 0x08000000, 0x00080000, 0x1FFF0000]))
def test_a_hex_file_gives_its_bytes_back(data, base):
    assert intel_hex(as_hex(base, data)) == ((base, data),)


@pytest.mark.parametrize("text", [":00000001FE", "hello", ":0000"])
def test_a_wrong_record_is_named(text):
    with pytest.raises(BenchError, match="line 1 is no record"):
        intel_hex(text)


def firmware(base, functions=12):
    """A vector table and functions that save registers, one behind the other."""
    table = [0x20004000, *(base + 0x101 + 0x20 * n for n in range(functions)), *[0] * (63 - functions)]
    code = (b"\x10\xb5" + b"\x00\xbf" * 14 + b"\x10\xbd") * functions
    return struct.pack("<64I", *table) + code


@pytest.mark.parametrize("base", [0, 0x08000000, 0x08005000, 0x00080400])
def test_a_raw_binary_is_put_where_its_pointers_meet_functions(base):
    assert base_of(firmware(base)) == base


def test_a_file_without_a_vector_table_wants_an_address(tmp_path):
    file = tmp_path / "device.bin"
    file.write_bytes(bytes(range(1, 256)) * 4)
    with pytest.raises(BenchError, match=r"\[target\] base"):
        Image(file)


def test_the_map_of_a_raw_binary(tmp_path):
    file = tmp_path / "device.bin"
    file.write_bytes(firmware(0x08005000))
    memory = memory_of(Image(file))
    assert (memory.rom, memory.vectors, memory.ram) == (0x08005000, 0x08005000, 0x20000000)
    assert memory.in_ram(0x20003FFF)


@pytest.mark.parametrize("address", [0x08004FF0, 0x20010000, 0x1000FFFC, 0xF0000FE0, 0x00000004])
def test_what_is_added_to_the_map_holds_the_address_and_overlaps_nothing(tmp_path, address):
    file = tmp_path / "device.bin"
    file.write_bytes(firmware(0x08005000))
    memory = extended(memory_of(Image(file)), address)
    regions = [(memory.rom, memory.rom_size), (memory.ram, memory.ram_size), *memory.more, *memory.blank]
    regions += memory.registers
    assert sum(base <= address < base + size for base, size in regions) == 1
    ordered = sorted(regions)
    assert all(base + size <= after for (base, size), (after, _size) in pairwise(ordered))


def test_code_without_symbols_is_named_by_where_its_function_begins(tmp_path):
    file = tmp_path / "device.bin"
    file.write_bytes(firmware(0))
    assert Image(file).function_at(0x12A) == "at_00000120"
