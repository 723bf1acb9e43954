"""Values of the GATT services: bytes as scapy builds them, examples from the specifications, flags and their fields."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.checksums import crc16_mcrf4xx
from protocols.derive import derive
from protocols.gatt import cgm, cgm_packets, ids, ids_packets, racp
from protocols.gatt.cgm_packets import LENGTHS, Measurement
from protocols.gatt.packets import Value, fields_read

MODULES = (cgm_packets, ids_packets, racp)
CLASSES = [
    cls
    for module in MODULES
    for _name, cls in inspect.getmembers(module, inspect.isclass)
    if issubclass(cls, Value) and cls.__module__ == module.__name__
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}-{cls.__name__}")
def test_derived_bytes_equal_scapys_and_are_read_back(cls):
    assert derive("m", cls()).render() == bytes(cls())
    assert bytes(cls(bytes(cls()))) == bytes(cls())


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}-{cls.__name__}")
@given(data=st.binary(max_size=40))
def test_reading_foreign_bytes_never_raises_the_wrong_thing(cls, data):
    try:
        fields_read(cls)(data)
    except Exception as error:  # noqa: BLE001  LazyFields takes any, and only that
        assert isinstance(error, Exception)


@given(st.integers(0, 255), st.booleans())
def test_a_measurement_s_flags_say_which_fields_follow(flags, protected):
    size = 6 + 2 * protected + sum(length for flag, length in LENGTHS.items() if flags & flag)
    packet = Measurement(size=size, flags=flags)
    data = bytes(packet)
    assert len(data) == size
    assert derive("m", packet).render() == data
    fields = fields_read(Measurement)(data)
    assert fields["glucose"] == "120"
    assert ("trend" in fields, "quality" in fields, "warning" in fields) == tuple(
        bool(flags & flag) for flag in (1, 2, 0x20)
    )
    assert ("e2e_crc" in fields) is protected


def test_control_points_say_what_became_of_a_request():
    (frame,), _ = cgm.PROTOCOL.split(bytes.fromhex("1d 2100 1c1a01 0000"))
    assert (frame.fields["request"], frame.fields["response"]) == (26, "success")
    (frame,), _ = ids.PROTOCOL.split(bytes.fromhex("1d 2100 550f 4b11 73 01 0000"))
    assert (frame.fields["request"], frame.fields["response"]) == (0x114B, "out of range")


def test_a_bolus_as_the_service_writes_it():
    bolus = ids.MESSAGES["set_bolus"].send(fast=0xF019).data[3:]
    assert bolus[:-2] == bytes.fromhex("4b11 00 33 19f0 0000 0000 01")
    assert bolus[-2:] == crc16_mcrf4xx(bolus[:-2]).to_bytes(2, "little")


def test_without_end_to_end_protection_there_is_no_crc():
    assert cgm.PLAIN.message("cgm_start").send().data[3:] == b"\x1a"
    assert cgm.PLAIN.message("cgm_set_start_time").send().data[3:] == bytes.fromhex("ea07 01 02 0c 00 00 04 00")


def test_the_guard_withholds_a_bolus_and_lets_its_cancelling_through():
    pattern = ids.PROTOCOL.forbidden(["set_bolus"])
    assert pattern.search(ids.MESSAGES["set_bolus"].send().data)
    assert pattern.search(ids.MESSAGES["set_extended_bolus"].send().data)
    assert not pattern.search(ids.MESSAGES["cancel_bolus"].send().data)
