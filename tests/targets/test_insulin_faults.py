"""Every planted fault shows on its own build, to the monitor the README names, and not on the fixed insulin pump."""

import pytest
from insulin_device import (
    COMMAND,
    HISTORY,
    IDD_RACP,
    INSULIN,
    LOGIN,
    PATIENT,
    PIN,
    SETTINGS,
    SOCP,
    STATUS,
    UPLOAD,
    InsulinPump,
    sfloat,
)

from targets.insulin.build import Build, compile_firmware, fault_names

CRASH, HANG = ["fault", "reset"], ["hang", "reset"]
CANARIES = (b"PAT-0007", b"ZZ-CANARY-ROE", PIN)
LIMITS = bytes.fromhex("e803f4015000fa000303")


def crashed(pump):
    pump.wait(0.2)
    return pump.kinds == CRASH


def leaked(*values):
    return any(canary in value for value in values for canary in CANARIES)


def configuration(pump):
    value = pump.connect().read(STATUS)[1]
    return value[8:12], value[12:14]


def bolus_session(pump):
    pump.connect().bond()
    pump.bolus()
    return "INS-4" in pump.violated


def bolus_replay(pump):
    pump.connect().login()
    pump.bolus()
    pump.write(COMMAND, pump.sent)
    return "INS-4R" in pump.violated


def bolus_limit(pump):
    pump.connect().login()
    pump.bolus(sfloat(26), recommended=True)
    return "INS-1" in pump.violated


def pin_readable(pump):
    return leaked(pump.connect().read(SETTINGS)[1])


def nonce(pump):
    pump.connect()
    pump.control(LOGIN, b"\x01")
    pump.control(LOGIN, b"\x01")
    return "SEC-1" in pump.violated


def bond_session(pump):
    pump.connect().control(LOGIN, b"\x05" + b"K" * 16)
    return "SEC-2" in pump.violated


def temp_basal(pump):
    pump.connect().login()
    pump.command(0x0FFF, b"\x00\x33" + sfloat(66) + b"\x1e\x00")
    return "INS-2" in pump.violated


def calibration(pump):
    pump.connect().specific(4, b"\x64\x00" * 60)
    return crashed(pump)


def upload_records(pump):
    pump.connect().login()
    pump.write(UPLOAD, (b"\x02\x4b" + b"U" * 75) * 3)
    return crashed(pump)


def record_zero(pump):
    pump.connect().login()
    pump.write(UPLOAD, b"\x02\x00\x02\x00")
    pump.wait(3)
    return pump.kinds == HANG


def racp_range(pump):
    pump.connect().control(IDD_RACP, b"\x33\x5a\x0f" + (1).to_bytes(4, "little") + (60).to_bytes(4, "little"))
    pump.wait(2)
    return leaked(*pump.taken(0x82, HISTORY)) and pump.violated == {"INS-7"}


def pin_length(pump):
    pump.connect().login()
    for length in range(9, 17):
        pump.control(LOGIN, b"\x04" + b"1" * length)
        pump.wait(0.5)
    return crashed(pump)


def session_null(pump):
    pump.connect().specific(27)
    return crashed(pump)


def abort_race(pump):
    pump.connect().control(IDD_RACP, b"\x33\x33")
    pump.control(IDD_RACP, b"\x55\x0f")
    pump.wait(3)
    return pump.kinds == ["reset"]


def request_lock(pump):
    pump.connect().wait(1)  # the change of status that follows a connection is confirmed
    pump.confirm = False
    pump.control(SOCP, b"\x02")
    pump.control(LOGIN, b"\x01")
    pump.wait(3)
    return pump.kinds == ["reset"]


def patient_read(pump):
    return leaked(pump.connect().read(PATIENT)[1])


def settings_panic(pump):
    before, _writes = configuration(pump)
    pump.login()
    pump.write(SETTINGS, LIMITS)
    pump.wait(0.5)
    for _ in range(2):
        pump.write(SETTINGS, LIMITS[:-1] + b"\x09")
    pump.wait(2.5)
    return pump.kinds == ["reset"] and configuration(pump) == (before, b"\0\0")


def alert_range(pump):
    pump.connect().specific(7, sfloat(150, 1))
    return "INS-8" in pump.violated


def interval_zero(pump):
    pump.connect().specific(26)
    pump.wait(0.5)
    pump.specific(1, b"\x00")
    pump.wait(3)
    return pump.kinds == HANG


def history_delete(pump):
    pump.connect().control(IDD_RACP, b"\x3c\x33")
    return "INS-7D" in pump.violated


def crc_zero(pump):
    pump.connect().write(SOCP, b"\x1a\0\0")
    return "INS-6" in pump.violated


SHOWS = {
    show.__name__: show
    for show in (
        *(bolus_session, bolus_replay, bolus_limit, pin_readable, nonce, bond_session, temp_basal, calibration),
        *(upload_records, record_zero, racp_range, pin_length, session_null, abort_race, request_lock, patient_read),
        *(settings_panic, alert_range, interval_zero, history_delete, crc_zero),
    )
}


def test_every_fault_has_a_show():
    assert sorted(SHOWS) == list(fault_names())
    assert len(SHOWS) >= 14


@pytest.mark.parametrize("fault", SHOWS)
def test_the_vulnerable_pump_has_the_fault(fault):
    assert SHOWS[fault](InsulinPump(INSULIN / "insulin-vulnerable.elf"))


@pytest.mark.parametrize("fault", SHOWS)
def test_the_fixed_pump_has_not(fault):
    pump = InsulinPump(INSULIN / "insulin-fixed.elf")
    assert not SHOWS[fault](pump)
    assert pump.violated == set()
    assert pump.events == []
    assert pump.read(STATUS)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("fault", SHOWS)
def test_a_build_with_one_fault_has_that_fault_only(fault, tmp_path):
    pump = InsulinPump(compile_firmware(Build("insulin.elf", (fault,)), tmp_path))
    assert [shown for shown in SHOWS if SHOWS[shown](pump.again())] == [fault]


@pytest.mark.slow
@pytest.mark.parametrize("salt", ["a", "ward-7"])
def test_a_salt_moves_the_boundaries_and_keeps_the_faults(salt, tmp_path):
    pump = InsulinPump(compile_firmware(Build("insulin.elf", fault_names()), tmp_path, salt))
    assert [fault for fault in SHOWS if not SHOWS[fault](pump.again())] == []
