"""Glucose session, alerts, stored records, end-to-end protection, control-point rules, and the mailbox itself."""

import pytest
from insulin_device import (
    COMMAND,
    HISTORY,
    IDD_RACP,
    INSULIN,
    LOGIN,
    MEASUREMENT,
    RACP,
    SOCP,
    STATUS,
    InsulinPump,
    crc,
    sfloat,
)

START, STOP = 26, 27
MISSING, INVALID, NOT_CONFIGURED, IN_PROGRESS, NOT_AUTHORIZED = 0x80, 0x81, 0xFD, 0xFE, 0x08
ALL_HISTORY = b"\x33\x33"


@pytest.fixture
def pump():
    pump = InsulinPump(INSULIN / "insulin-fixed.elf").connect()
    yield pump
    assert pump.violated == set()
    assert pump.events == []


def sampled(pump, minutes):
    assert pump.specific(START) == 1
    pump.wait(minutes * 60 + 1)
    return pump


def test_a_session_gives_a_sample_each_interval_with_its_crc(pump):
    sampled(pump, 10)
    values = pump.taken(0x82, MEASUREMENT)
    assert [int.from_bytes(value[4:6], "little") for value in values] == [0, 5, 10]
    assert all(crc(value[:-2]) == value[-2:] and value[0] == len(value) for value in values)


def test_the_interval_can_be_set_and_switched_off(pump):
    assert pump.specific(2)[:2] == b"\x03\x05"
    sampled(pump, 0)
    assert pump.specific(1, b"\x01") == 1
    pump.wait(181)
    assert pump.value("cgm_samples") == 4
    assert pump.specific(1, b"\x00") == 1
    pump.wait(181)
    assert pump.value("cgm_samples") == 4


def test_a_stopped_session_shows_in_the_status(pump):
    assert pump.read(0x2AA9)[1][2] == 1
    sampled(pump, 0)
    assert (pump.read(0x2AA9)[1][2], pump.specific(START)) == (0, 4)
    assert (pump.specific(STOP), pump.specific(STOP), pump.read(0x2AA9)[1][2]) == (1, 4, 1)


def test_alert_thresholds_keep_to_their_ranges_and_raise_alarms(pump):
    assert [pump.specific(7, sfloat(*value)) for value in ((401,), (150, 1), (0x7FF,), (200,))] == [5, 5, 5, 1]
    assert pump.specific(8)[:3] == b"\x09" + sfloat(2000, -1)
    sampled(pump, 0)
    pump.stimulate("glucose", 350, 301)
    assert pump.read(STATUS)[1][14] == 0x80
    assert pump.read(0x2AA9)[1][4] == 2


def test_a_calibration_is_kept_with_its_record_number(pump):
    record = sfloat(100) + bytes.fromhex("0a00590000000000")
    assert (pump.specific(4, record), pump.specific(4, record + b"X")) == (4, 3)
    sampled(pump, 0)
    assert pump.specific(4, record) == 1
    assert pump.specific(5, b"\xff\xff")[:7] == b"\x06" + record[:6]


def test_glucose_records_are_counted_reported_and_deleted(pump):
    sampled(pump, 30)
    assert pump.control(RACP, b"\x04\x01") == b"\x05\x00\x07\x00"
    assert pump.control(RACP, b"\x04\x04\x01\x05\x00\x0f\x00") == b"\x05\x00\x03\x00"
    pump.control(RACP, b"\x01\x03\x01\x14\x00")
    pump.wait(0.3)
    assert (len(pump.taken(0x82, MEASUREMENT)), pump.taken(0x83, RACP)) == (3, [b"\x06\x00\x01\x01"])
    assert pump.control(RACP, b"\x02\x01") == NOT_AUTHORIZED
    pump.login()
    assert pump.control(RACP, b"\x02\x01") == b"\x06\x00\x02\x01"
    assert pump.control(RACP, b"\x01\x01") == b"\x06\x00\x01\x06"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"\x09\x01", 2),
        (b"\x01\x09", 3),
        (b"\x01\x02", 5),
        (b"\x01\x02\x07\x00\x00", 9),
        (b"\x01\x00", 4),
        (b"\x03\x00", 1),
    ],
)
def test_record_access_refuses_what_it_does_not_know(pump, request_, code):
    assert pump.control(RACP, request_) == bytes([6, 0, request_[0], code])


def test_the_history_is_reported_one_record_an_interval_and_no_more_than_there_are(pump):
    pump.control(IDD_RACP, b"\x33\x5a\x0f" + (3).to_bytes(4, "little") + (99).to_bytes(4, "little"))
    pump.wait(1)
    values = pump.taken(0x82, HISTORY)
    assert [int.from_bytes(value[2:6], "little") for value in values] == list(range(3, 16))
    assert all(crc(value[:-2]) == value[-2:] for value in values)
    assert pump.taken(0x83, IDD_RACP)[0][:4] == b"\x0f\x0f\x33\xf0"


def test_an_abort_ends_a_report_and_both_are_answered(pump):
    pump.control(IDD_RACP, ALL_HISTORY)
    assert pump.control(IDD_RACP, ALL_HISTORY) == IN_PROGRESS
    pump.counters[IDD_RACP] -= 1
    pump.control(IDD_RACP, b"\x55\x0f")
    pump.wait(1)
    assert [answer[:4] for answer in pump.taken(0x83, IDD_RACP)] == [b"\x0f\x0f\x33\x08", b"\x0f\x0f\x55\xf0"]
    assert len(pump.taken(0x82, HISTORY)) <= 1


def test_end_to_end_errors_have_their_att_errors_and_no_answer(pump):
    assert pump.write(SOCP, b"\x02") == MISSING
    assert pump.write(SOCP, b"\x02\x12\x34") == INVALID
    pump.login()
    assert pump.write(COMMAND, pump.protected(COMMAND, b"\x7d\x14")[:-1] + b"\x99") == 0x80
    assert pump.taken(0x83) == []
    assert pump.write(0x2AAA, bytes(9)) == MISSING
    assert pump.write(0x2AAA, bytes(11)) == INVALID
    date = (2026).to_bytes(2, "little") + bytes((3, 4, 5, 6, 7, 0, 0))
    assert pump.write(0x2AAA, date + crc(date)) == 0
    assert pump.read(0x2AAA)[1] == date + crc(date)


def test_a_control_point_needs_a_subscription_and_answers_one_request_at_a_time(pump):
    pump.frame(0x06, LOGIN.to_bytes(2, "little") + b"\0\0")
    assert pump.write(LOGIN, b"\x01") == NOT_CONFIGURED
    pump.confirm = False
    pump.specific(2)
    assert pump.specific(2) == IN_PROGRESS
    assert pump.control(RACP, b"\x04\x01") == 0
    assert pump.taken(0x83) == []
    pump.frame(0x07, SOCP.to_bytes(2, "little"))
    pump.wait()
    assert pump.taken(0x83, RACP) == [b"\x05\x00\x00\x00"]


def test_a_peer_that_unsubscribes_waives_its_answer(pump):
    pump.control(IDD_RACP, ALL_HISTORY)
    pump.frame(0x06, IDD_RACP.to_bytes(2, "little") + b"\0\0")
    pump.wait(2)
    assert pump.taken(0x83, IDD_RACP) == []
    assert pump.value("control_accepted") == pump.value("control_answered") == 0


def test_a_peer_that_does_not_confirm_loses_its_connection(pump):
    pump.confirm = False
    pump.specific(2)
    pump.wait(31)
    assert pump.taken(0x84) == [b"\x13"]


def test_each_read_and_write_has_one_result_in_order(pump):
    pump.frames = []
    for number in (0x2A24, 0x1234, 0x2A52, 0x2A25):
        pump.frame(0x04, number.to_bytes(2, "little"))
    pump.frame(0x03, b"\x24\x2a\x01X")
    pump.wait(0.2)
    assert pump.taken(0x81) == [b"\0IP-7", b"\x01", b"\x02", b"\0SN-0007741", b"\x03"]


def test_long_frames_are_whole_wherever_the_receive_buffer_ends(pump):
    assert [pump.write(0x2A24, bytes(size)) for size in range(300, 500, 9)] == [0x03] * 23


@pytest.mark.parametrize("noise", [b"\x00\x00", b"\xff\xff" + b"N" * 700, b"\x05\x00\x03", b"\x0a", b"\x01\x00\x77"])
def test_the_mailbox_finds_its_frames_again_after_noise(pump, noise):
    pump.link.send(noise, 0)
    pump.wait(0.2)
    assert pump.read(0x2A24) == (0, b"IP-7")


def test_without_a_connection_everything_is_refused():
    pump = InsulinPump(INSULIN / "insulin-fixed.elf")
    assert pump.taken(0x85) == []
    assert (pump.read(STATUS)[0], pump.write(LOGIN, b"\x01")) == (0x0E, 0x0E)
