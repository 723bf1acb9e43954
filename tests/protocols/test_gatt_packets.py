"""Values of the GATT services: bytes as scapy builds them, examples from the specifications, flags and their fields."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.checksums import crc16_mcrf4xx
from protocols.derive import derive
from protocols.gatt import blood_pressure, cgm, cgm_packets, heart_rate, ids, ids_packets, plx, racp, thermometer
from protocols.gatt.cgm_packets import LENGTHS, Measurement
from protocols.gatt.packets import Value, fields_read
from protocols.load import load_protocol
from targets.insulin.protocol import packets as insulin_packets

MODULES = (cgm_packets, ids_packets, insulin_packets, racp, heart_rate, blood_pressure, plx, thermometer)
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


FLAGGED = [cls for cls in CLASSES if "flags" in {field.name for field in cls.fields_desc} and cls is not Measurement]


@pytest.mark.parametrize("cls", FLAGGED, ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}-{cls.__name__}")
@given(flags=st.integers(0, 255))
def test_whatever_the_flags_say_is_built_derived_and_read_back(cls, flags):
    packet = cls(flags=flags)
    data = bytes(packet)
    assert derive("m", packet).render() == data
    assert bytes(cls(data)) == data
    assert fields_read(cls)(data)["flags"] == flags


EXAMPLES = [
    ("gatt_heart_rate", "1b 2100 16 48 0004 f803", {"rate": 72, "intervals": "[1024, 1016]"}),
    ("gatt_heart_rate", "1b 2100 09 2c01 0500", {"rate": 300, "energy": 5}),
    (
        "gatt_blood_pressure",
        "1d 2100 1e 7800 5000 5d00 ea07 0102 0c00 00 4800 01 0400",
        {"systolic": "120", "mean": "93", "year": 2026, "pulse": "72", "user": 1, "status": 4},
    ),
    ("gatt_blood_pressure", "1b 2100 01 a0f0 ff07 ff07", {"systolic": "16", "diastolic": "NaN"}),
    ("gatt_plx", "1d 2100 08 6200 4800 32f0", {"saturation": "98", "amplitude": "5"}),
    ("gatt_plx", "1b 2100 02 6200 4800 6100 4700", {"slow_saturation": "97", "slow_pulse": "71"}),
    ("gatt_thermometer", "1d 2100 04 6c0100ff 02", {"temperature": "36.4", "type": 2}),
    ("gatt_thermometer", "1d 2100 00 ffff7f00", {"temperature": "NaN"}),
    ("gatt_cgm", "1b 2100 09 20 e001 0500 02 c9c1", {"glucose": "480", "warning": 2}),
]


@pytest.mark.parametrize(("name", "pdu", "expected"), EXAMPLES)
def test_measurements_are_read(name, pdu, expected):
    (frame,), _ = load_protocol(name).split(bytes.fromhex(pdu))
    assert {key: frame.fields[key] for key in expected} == expected


@pytest.mark.parametrize(("name", "pdu", "expected"), [e for e in EXAMPLES if e[0] != "gatt_heart_rate"])
def test_a_measurement_that_is_cut_or_too_long_is_not_read(name, pdu, expected):
    for data in (bytes.fromhex(pdu)[:-1], bytes.fromhex(pdu) + b"\0"):
        (frame,), _ = load_protocol(name).split(data)
        assert not set(expected) & set(frame.fields)
        assert frame.fields["opcode"] == data[0]
