"""Every planted fault shows on its own build by its shortest PDUs; the same bytes are harmless to the fixed meter."""

import pytest
from glucometer_device import ATT, GLUCOMETER, SIGNALLING, SMP, GlucoseMeter, u16

from targets.glucometer.build import Build, compile_firmware, fault_names

CRASH, HANG = ["fault", "reset"], ["hang", "reset"]
NAME = u16(3)
PAIRING = bytes([1, 3, 0, 1, 16, 0, 1])


def crashed(meter):
    return meter.wait(0.3).kinds == CRASH


def public_key(meter):
    meter.ask(SMP, b"\x0c" + bytes(range(64)))
    return crashed(meter) and meter.events[0].detail["type"] == "null pointer write"


def key_size(meter):
    meter.ask(SMP, PAIRING[:4] + b"\x11" + PAIRING[5:])
    return crashed(meter)


def att_sequence(meter):
    answers = meter.ask(ATT, *[b"\x0a" + NAME] * 2)
    meter.wait(0.1)
    silent = meter.att(b"\x02\x17\x00") == []
    meter.wait(2.5)
    return len(answers) == 1 and silent and meter.kinds == ["reset"]


def fragment_length(meter):
    meter.send(ATT, b"\x0a" + NAME, length=2)
    return crashed(meter)


def prepare_offset(meter):
    meter.att(b"\x02\x00\x02")
    for offset in range(95, 157):
        meter.att(b"\x16" + NAME + u16(offset) + b"\x00\x00")
    return crashed(meter)


def find_value(meter):
    meter.att(b"\x02\x00\x02")
    answer = meter.att(b"\x06\x01\x00\xff\xff\x00\x28" + b"\x00\x18" * 16)
    return b"PAT-0031" in answer


def mtu_small(meter):
    meter.att(b"\x02\x16\x00")
    return crashed(meter)


def signal_zero(meter):
    meter.ask(SIGNALLING, b"\x01\x01\x00\x00")
    return meter.wait(3).kinds == HANG


SHOWS = {
    show.__name__: show
    for show in (
        *(public_key, key_size, att_sequence, fragment_length, prepare_offset, find_value, mtu_small, signal_zero),
    )
}


def test_every_fault_has_a_show():
    assert sorted(SHOWS) == list(fault_names())


@pytest.mark.parametrize("fault", SHOWS)
def test_the_vulnerable_meter_has_the_fault(fault):
    assert SHOWS[fault](GlucoseMeter(GLUCOMETER / "glucometer-vulnerable.elf").connect())


@pytest.mark.parametrize("fault", SHOWS)
def test_the_fixed_meter_has_not(fault):
    meter = GlucoseMeter(GLUCOMETER / "glucometer-fixed.elf").connect()
    assert not SHOWS[fault](meter)
    assert meter.events == []
    assert meter.att(b"\x0a" + NAME) == b"\x0bGM-3"


@pytest.mark.slow
@pytest.mark.parametrize("fault", SHOWS)
def test_a_build_with_one_fault_has_that_fault_only(fault, tmp_path):
    elf = compile_firmware(Build("glucometer.elf", (fault,)), tmp_path)
    assert [shown for shown in SHOWS if SHOWS[shown](GlucoseMeter(elf).connect())] == [fault]


@pytest.mark.slow
@pytest.mark.parametrize("salt", ["a", "ward-7"])
def test_a_salt_moves_the_boundaries_and_keeps_the_faults(salt, tmp_path):
    elf = compile_firmware(Build("glucometer.elf", fault_names()), tmp_path, salt)
    assert [fault for fault in SHOWS if not SHOWS[fault](GlucoseMeter(elf).connect())] == []
