"""The insulin pump behaves as one: login, boluses, basal rates, limits, alarms, keys, bonds, storage."""

import pytest
from insulin_device import (
    COMMAND,
    INSULIN,
    LOG,
    LOGIN,
    PATIENT,
    READER,
    SETTINGS,
    STATUS,
    SUCCESS,
    UPLOAD,
    InsulinPump,
    sfloat,
)

NOT_AUTHORIZED, NOT_ENCRYPTED, BAD_LENGTH, NOT_ALLOWED, IN_PROGRESS = 0x08, 0x0F, 0x0D, 0x13, 0xFE
RANGE, NOT_APPLICABLE, TOO_MANY = 0x73, 0x74, 0x76
STOPPED, RUNNING, PAUSED, PRIMING, ALARM = range(1, 6)
RUN, PAUSE, STOP = b"\x55", b"\x3c", b"\x33"
DENIED, LOCKED, BAD_PIN, NO_SESSION = 4, 5, 6, 7
LIMITS = bytes.fromhex("e803f4015000fa000303")


@pytest.fixture
def pump():
    pump = InsulinPump(INSULIN / "insulin-fixed.elf").connect()
    yield pump
    assert pump.violated == set()
    assert pump.events == []


@pytest.fixture
def session(pump):
    assert pump.login() == 0
    return pump


def state(pump):
    return pump.read(STATUS)[1][6]


def test_it_boots_running_with_its_identity_and_advertises(pump):
    assert [pump.read(number)[1] for number in (0x2A24, 0x2A25, 0x2A26)] == [b"IP-7", b"SN-0007741", b"1.4.2"]
    assert (state(pump), pump.read(STATUS)[1][4:6], len(pump.read(STATUS)[1])) == (RUNNING, b"\x01\x00", 16)
    assert pump.value("basal_rate") == pytest.approx(0.8)
    pump.frame(0x02, b"\x13")
    pump.wait()
    assert pump.taken(0x85) == [b"\x01"]


def test_a_login_needs_the_pin_and_five_wrong_ones_lock(pump):
    assert pump.control(LOGIN, b"\x02" + bytes(8)) == b"\x82\x03"
    assert [pump.login(b"000000") for _ in range(5)] == [DENIED] * 5
    assert pump.control(LOGIN, b"\x01") == bytes([0x81, LOCKED])
    pump.wait(61)
    assert pump.login() == 0
    assert pump.read(STATUS)[1][7] == 1


def test_a_session_ends_with_logout_time_and_connection(session):
    assert session.control(LOGIN, b"\x03") == b"\x83\x00"
    assert session.bolus() == NOT_AUTHORIZED
    session.login()
    session.wait(121)
    assert session.bolus() == NOT_AUTHORIZED
    session.login()
    session.connect()
    assert session.bolus() == NOT_AUTHORIZED


def test_a_changed_pin_survives_a_reset(session):
    assert session.control(LOGIN, b"\x04123") == bytes([0x84, BAD_PIN])
    assert session.control(LOGIN, b"\x0412a4") == bytes([0x84, BAD_PIN])
    assert session.control(LOGIN, b"\x04123456789") == bytes([0x84, BAD_PIN])
    assert session.control(LOGIN, b"\x042468") == b"\x84\x00"
    session.wait(0.5)
    session.target.reset()
    assert (session.connect().login(), session.login(b"2468")) == (DENIED, 0)


def test_nothing_of_therapy_or_patient_without_encryption_or_session():
    pump = InsulinPump(INSULIN / "insulin-fixed.elf").connect(flags=0)
    assert (pump.bolus(), pump.read(SETTINGS)[0], pump.write(UPLOAD, b"\x01\x01X")) == (NOT_ENCRYPTED,) * 3
    pump.frame(0x05, b"\x01")
    values = [pump.read(number) for number in (SETTINGS, PATIENT, LOG)]
    assert (pump.bolus(), values) == (NOT_AUTHORIZED, [(NOT_AUTHORIZED, b"")] * 3)


def test_a_bolus_runs_on_top_of_the_basal_rate_and_ends(session):
    assert session.bolus(sfloat(15, -1)) == b"\x77\x11\x01\x00"
    assert session.value("motor_rate") == pytest.approx(90.8)
    assert session.control(READER, b"\x30\x03") == b"\x3f\x03\x01\x01\x00"
    session.wait(62)
    assert (session.value("bolus_remaining"), session.value("motor_rate")) == (0, pytest.approx(0.8))


def test_an_extended_bolus_takes_its_time(session):
    operand = b"\x00\x3c" + sfloat(0) + sfloat(2) + b"\x1e\x00"
    assert session.command(0x114B, operand) == b"\x77\x11\x01\x00"
    assert session.value("motor_rate") == pytest.approx(4.8)


@pytest.mark.parametrize(
    ("amount", "answer"),
    [
        (sfloat(15), b"\x77\x11\x01\x00"),
        (sfloat(1501, -2), RANGE),
        (sfloat(2, 6), RANGE),
        (sfloat(0x7FF), RANGE),
        (sfloat(-1), RANGE),
    ],
)
def test_a_bolus_keeps_to_the_configured_maximum(session, amount, answer):
    assert session.bolus(amount) == answer


def test_boluses_keep_to_the_maximum_together_and_are_three_at_most(session):
    assert session.bolus(sfloat(14))[:2] == b"\x77\x11"
    assert session.bolus(sfloat(2)) == RANGE
    assert [session.bolus(sfloat(1, -1)) for _ in range(3)][-1] == TOO_MANY
    assert session.command(0x1178, b"\x01\x00") == b"\x87\x11\x01\x00"
    assert session.command(0x1178, b"\x01\x00") == NOT_APPLICABLE


def test_the_maximum_is_set_within_thirty_units(session):
    assert session.command(0x148D, sfloat(31)) == RANGE
    assert session.command(0x148D, sfloat(4)) == SUCCESS
    assert session.command(0x147D) == b"\x82\x14" + sfloat(400, -2)
    assert session.bolus(sfloat(5)) == RANGE


def test_temporary_basal_rates_run_out(session):
    assert session.command(0x0FFF, b"\x00\x33" + sfloat(2) + b"\x01\x00") == SUCCESS
    assert session.value("basal_rate") == 2
    session.wait(61)
    assert session.value("basal_rate") == pytest.approx(0.8)
    assert session.command(0x0FFF, b"\x00\x3c" + sfloat(150) + b"\x1e\x00") == SUCCESS
    assert session.value("basal_rate") == pytest.approx(1.2)
    assert (session.command(0x1111), session.command(0x1111)) == (SUCCESS, NOT_APPLICABLE)
    assert session.command(0x0FFF, b"\x00\x33" + sfloat(6) + b"\x1e\x00") == RANGE


def test_a_basal_profile_takes_effect_when_it_fills_a_day(session):
    first = b"\x02\x01\x01" + (720).to_bytes(2, "little") + sfloat(1) + (300).to_bytes(2, "little") + sfloat(2)
    assert session.command(0x0FCC, first) == b"\xf0\x0f\x00\x01\x01"
    assert session.command(0x0FCC, b"\x01\x01\x03" + (60).to_bytes(2, "little") + sfloat(3)) == 0x75
    assert session.command(0x0FCC, b"\x01\x01\x04" + (360).to_bytes(2, "little") + sfloat(3)) == b"\xf0\x0f\x01\x01\x04"
    assert session.value("basal_rate") in (1, 2, 3)


def test_suspend_resume_stop_and_prime(session):
    assert (session.command(0x0F5A, PAUSE), state(session), session.value("motor")) == (SUCCESS, PAUSED, 0)
    assert session.bolus() == NOT_APPLICABLE
    assert (session.command(0x0F5A, RUN), state(session)) == (SUCCESS, RUNNING)
    assert session.command(0x127B, sfloat(1)) == NOT_APPLICABLE
    assert (session.command(0x0F5A, STOP), session.command(0x127B, sfloat(1)), state(session)) == (
        *(SUCCESS, SUCCESS),
        PRIMING,
    )
    session.wait(45)
    assert state(session) == STOPPED


@pytest.mark.parametrize(
    ("sensor", "value", "normal"), [("occlusion", 11, 2), ("reservoir", 0, 200), ("battery", 1, 90)]
)
def test_an_alarm_stops_delivery_until_it_is_confirmed(session, sensor, value, normal):
    session.bolus()
    session.stimulate(sensor, value)
    assert (state(session), session.value("motor"), session.value("buzzer")) == (ALARM, 0, 1)
    flags, number = session.read(0x2B22)[1][:1], session.read(0x2B22)[1][1:3]
    assert (flags, session.command(0x0F99, number)) == (b"\x01", NOT_APPLICABLE)
    session.stimulate(sensor, normal)
    assert session.command(0x0F99, number) == b"\xa5\x0f" + number
    assert (state(session), session.command(0x0F5A, RUN)) == (PAUSED, SUCCESS)


def test_the_stop_key_suspends(pump):
    pump.stimulate("keypad_stop", 1)
    assert (state(pump), pump.value("motor")) == (PAUSED, 0)


def test_a_replayed_or_skipped_counter_is_refused(session):
    session.bolus()
    assert session.write(COMMAND, session.sent) == 0x81
    session.counters[COMMAND] += 1
    assert session.bolus() == 0x81
    assert session.value("boluses") == 1


def test_settings_are_checked_and_survive_a_reset(session):
    assert session.write(SETTINGS, LIMITS[:-1]) == BAD_LENGTH
    assert session.write(SETTINGS, b"\xb9\x0b" + LIMITS[2:]) == NOT_ALLOWED
    assert session.write(SETTINGS, LIMITS) == 0
    checksum = session.read(STATUS)[1][8:14]
    session.wait(0.5)
    session.target.reset()
    assert session.connect().login() == 0
    assert session.read(SETTINGS)[1] == LIMITS + b"\x05PUMP7"
    assert session.read(STATUS)[1][8:14] == checksum


def test_an_upload_sets_the_name_and_is_taken_whole_or_not(session):
    assert session.write(UPLOAD, b"\x01\x03ABC\x02\x02hi") == 0
    assert session.write(UPLOAD, b"\x01\x03XYZ\x02") == NOT_ALLOWED
    assert session.write(UPLOAD, (b"\x02\x40" + b"n" * 64) * 2) == NOT_ALLOWED
    assert session.read(SETTINGS)[1].endswith(b"\x03ABC")


def test_patient_and_log_are_for_a_session(session):
    assert b"PAT-0007" in session.read(PATIENT)[1]
    assert len(session.read(LOG)[1]) % 8 == 0


def test_four_bonds_are_kept_over_a_reset_and_the_oldest_makes_room(pump):
    peers = [bytes([number]) * 6 for number in range(1, 6)]
    for peer in peers:
        pump.connect(peer=peer).bond(peer)
    pump.wait()
    pump.target.reset()
    pump.connect(peer=peers[0])
    pump.frames = []
    pump.bond(peers[0])
    assert pump.taken(0x86) == [peers[1]]


def test_a_bond_without_encryption_is_given_back():
    pump = InsulinPump(INSULIN / "insulin-fixed.elf").connect(flags=0)
    pump.frames = []
    pump.bond()
    assert (len(pump.taken(0x86)), pump.value("bonds_paired")) == (1, 0)
