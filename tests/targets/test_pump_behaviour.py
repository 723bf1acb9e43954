"""The pump behaves as one: programme, confirmation, delivery, alarms, silence, boluses, sessions, storage."""

import pytest
from pump_device import HEADER, ORDER, PATIENT, PUMP, QUERY, Pump, give

from targets.pump.protocol.packets import (
    DEFAULT_IMAGE,
    AddHistory,
    Bolus,
    Echo,
    GetSettings,
    LibraryBegin,
    OpenSession,
    ProgramRate,
    ProgramVolume,
    Prove,
    PumpFrame,
    ReadLog,
    ReadPatient,
    SelfTest,
    SetDeviceName,
    SetSettings,
    Silence,
    Start,
    Status,
    Stop,
    Subscribe,
    UpdateBegin,
    UpdateChunk,
    UpdateCommit,
    frame,
    image_mac,
)

OK, BAD_CRC, UNKNOWN, BAD_LENGTH, NO_SESSION, DENIED, BAD_VALUE, WRONG_STATE, OVER_LIMIT, REPLAYED, BUSY = range(11)
IDLE, INFUSING, BOLUS, PAUSED, KVO, ALARM = range(1, 7)


@pytest.fixture
def pump():
    pump = Pump(PUMP / "pump-fixed.elf")
    yield pump
    assert pump.violated == set()
    assert pump.events == []


def state(pump):
    return pump.ask(Status()).therapy_state


def test_it_boots_into_idle_with_its_identity(pump):
    reply = pump.ask(Status())
    assert (reply.model.rstrip(b"\0"), reply.serial, reply.firmware) == (b"MP-405", b"SN-0004711", 0x0202)
    assert (reply.therapy_state, reply.session_open, reply.pending, reply.alarms, reply.boots) == (IDLE, 0, 0, 0, 1)


def test_a_programme_takes_effect_after_the_confirm_key_only(pump):
    pump.session()
    assert pump.ask(ProgramRate(rate=5000)).status == OK
    assert pump.ask(ProgramVolume()).status == OK
    assert pump.ask(Start()).status == WRONG_STATE
    pump.wait(1)
    assert (state(pump), pump.value("motor_rate")) == (IDLE, 0)
    pump.press("confirm")
    assert (state(pump), pump.value("motor_rate"), pump.value("motor")) == (INFUSING, 5, 1)


def test_delivery_counts_what_the_rate_asks_for_and_ends_in_kvo(pump):
    pump.session()
    pump.ask(ProgramRate(drug=0, rate=360_000))
    pump.ask(ProgramVolume(volume=5000))
    pump.press("confirm")
    pump.wait(25)
    assert pump.value("infused") == pytest.approx(2.5, rel=0.05)
    pump.wait(30)
    assert (state(pump), pump.value("motor_rate"), pump.value("alarm_volume_done")) == (KVO, 1, 1)


def test_another_drug_pauses_and_the_key_resumes(pump):
    pump.infuse()
    pump.ask(ProgramRate(drug=2, rate=4000))
    pump.press("confirm")
    assert state(pump) == PAUSED
    pump.press("confirm")
    assert (state(pump), pump.value("motor_rate")) == (INFUSING, 4)


def test_stop_pauses_start_resumes_and_a_second_stop_ends(pump):
    pump.infuse()
    assert (pump.ask(Stop()).status, state(pump)) == (OK, PAUSED)
    assert (pump.ask(Start()).status, state(pump)) == (OK, INFUSING)
    pump.ask(Stop())
    assert (pump.ask(Stop()).status, state(pump)) == (OK, IDLE)
    assert pump.ask(Start()).status == WRONG_STATE


@pytest.mark.parametrize(("rate", "status"), [(99, 8), (100, 0), (20_000, 0), (20_001, 8), (0xFFFFFFFF, 8)])
def test_rates_keep_to_the_hard_limit(pump, rate, status):
    pump.session()
    assert pump.ask(ProgramRate(rate=rate)).status == status


@pytest.mark.parametrize(
    ("sensor", "value", "alarm"),
    [
        ("air", 201, "alarm_air"),
        ("occlusion", 10.1, "alarm_occlusion"),
        ("reservoir", 0, "alarm_empty"),
        ("temperature", 45.1, "alarm_temperature"),
        ("battery", 4, "alarm_depleted"),
    ],
)
def test_an_alarm_stops_delivery_and_is_acknowledged_when_its_cause_is_gone(pump, sensor, value, alarm):
    pump.infuse()
    normal = {"reservoir": 200, "battery": 240, "occlusion": 2, "temperature": 25}.get(sensor, 0)
    pump.stimulate(sensor, value)
    assert (state(pump), pump.value(alarm), pump.value("motor"), pump.value("buzzer")) == (ALARM, 1, 0, 1)
    pump.press("confirm")
    assert state(pump) == ALARM
    pump.stimulate(sensor, normal)
    pump.press("confirm")
    assert (state(pump), pump.value(alarm)) == (PAUSED, 0)


def test_a_silenced_alarm_returns(pump):
    pump.infuse()
    pump.stimulate("air", 500)
    assert pump.ask(Silence(seconds=121)).status == BAD_VALUE
    assert pump.ask(Silence(seconds=0)).status == BAD_VALUE
    assert pump.ask(Silence(seconds=20)).status == OK
    assert pump.value("buzzer") == 0
    assert pump.ask(Silence(seconds=20)).status == WRONG_STATE
    pump.wait(21)
    assert pump.value("buzzer") == 1
    pump.press("silence")
    assert pump.value("buzzer") == 0
    pump.wait(121)
    assert pump.value("buzzer") == 1


def test_a_clinician_bolus_runs_on_top_and_ends(pump):
    pump.infuse()
    assert pump.ask(Bolus(amount=1000, duration=60)).status == OK
    assert (state(pump), pump.value("motor_rate")) == (BOLUS, 65)
    pump.wait(62)
    assert (state(pump), pump.value("motor_rate")) == (INFUSING, 5)


def test_a_bolus_above_the_limit_raises_the_dose_alarm_and_delivers_nothing(pump):
    pump.infuse()
    assert pump.ask(Bolus(amount=5001)).status == OVER_LIMIT
    assert pump.ask(Bolus(amount=2000, duration=1)).status == OVER_LIMIT
    assert (pump.value("alarm_dose"), pump.value("motor_rate"), state(pump)) == (1, 5, INFUSING)


def test_patient_boluses_keep_their_spacing(pump):
    pump.infuse()
    for seconds, count in ((0, 1), (70, 1), (240, 2)):
        pump.wait(seconds)
        pump.press("bolus")
        assert pump.value("patient_boluses") == count


def test_the_hourly_maximum_leads_to_kvo(pump):
    pump.session()
    pump.ask(ProgramRate(drug=0, rate=999_000))
    pump.ask(ProgramVolume(volume=9_999_000))
    pump.press("confirm")
    pump.wait(15.5 * 60)
    assert (state(pump), pump.value("alarm_hourly"), pump.value("motor_rate")) == (KVO, 1, 1)


def test_a_replayed_command_is_refused(pump):
    pump.infuse()
    pump.ask(Bolus())
    assert PumpFrame(pump.exchange(pump.sent)).body.status == REPLAYED


def test_a_long_frame_is_whole_wherever_it_lies_in_the_receive_ring(pump):
    longest = bytes((1, 200)) + bytes(198) + bytes((1, 78)) + bytes(76)
    for _ in range(30):
        assert pump.ask(AddHistory(elements=longest)).status == NO_SESSION


def test_a_session_needs_the_right_answer_and_lapses(pump):
    assert pump.ask(GetSettings()).status == NO_SESSION
    pump.ask(OpenSession())
    assert pump.ask(Prove(answer=bytes(8))).status == DENIED
    assert pump.ask(Prove(answer=bytes(8))).status == WRONG_STATE
    pump.session()
    assert pump.ask(GetSettings()).getfieldval("name") == b"PUMP-7"
    pump.wait(31)
    assert pump.ask(GetSettings()).status == NO_SESSION


def test_the_patient_is_read_in_a_session_only(pump):
    assert pump.ask(ReadPatient()).status == NO_SESSION
    pump.session()
    assert pump.ask(ReadPatient()).identifier == b"PAT-0001"


def test_settings_and_boot_count_survive_a_restart(pump):
    pump.session()
    pump.ask(SetSettings(volume=9))
    pump.ask(SetDeviceName(name=b"WARD-12"))
    pump.wait(0.5)
    before = pump.ask(Status())
    pump.target.reset()
    pump.target.take_events()
    after = pump.ask(Status())
    assert (after.boots, after.configuration, after.configuration_writes) == (2, before.configuration, 2)
    pump.session()
    assert (pump.ask(GetSettings()).volume, pump.ask(GetSettings()).getfieldval("name")) == (9, b"WARD-12")


def test_the_log_names_event_peer_and_time(pump):
    pump.session()
    pump.ask(SetDeviceName())
    reply = pump.ask(ReadLog(first=0, count=2))
    newest = reply.data[:16]
    assert (reply.entries, newest[4], newest[8:15]) == (2, 7, b"bench-1")
    assert int.from_bytes(newest[:4], "little") >= 820_000_000


def test_an_update_needs_signature_and_a_higher_version(pump):
    pump.session()
    assert pump.ask(UpdateBegin(version=0x0202)).status == 13
    for mac, status in ((bytes(8), 12), (image_mac(0x0203, DEFAULT_IMAGE), 0)):
        assert pump.ask(UpdateBegin(version=0x0203, mac=mac)).status == OK
        assert pump.ask(LibraryBegin()).status == BUSY
        assert pump.ask(UpdateChunk()).status == OK
        assert pump.ask(UpdateCommit()).status == status
    assert pump.ask(Status()).firmware == 0x0203


def test_a_subscriber_is_told_of_an_alarm(pump):
    pump.session()
    assert pump.ask(Subscribe()).status == OK
    pump.target.stimulate("air", 300)
    told = PumpFrame(pump.exchange(b"", seconds=1.0))
    assert (told.opcode, told.sequence, told.body.alarms) == (0xE0, 0, 1)


def test_the_self_test_runs_from_idle_and_ends(pump):
    pump.session()
    assert pump.ask(SelfTest()).status == OK
    assert (state(pump), pump.ask(ProgramRate()).status) == (0, WRONG_STATE)
    pump.wait(1.5)
    assert state(pump) == IDLE


def test_frames_that_are_none_are_answered_or_dropped_in_20_ms(pump):
    good = bytes(frame(Echo(), 5))
    assert PumpFrame(pump.exchange(good[:-1] + b"\0")).body.status == BAD_CRC
    assert PumpFrame(pump.exchange(bytes(frame(Echo(), 5))[:1] + b"\x01\x00")).body.status == BAD_LENGTH
    pump.exchange(good[:7], seconds=0.03)
    assert PumpFrame(pump.exchange(good)).body.data == b"ping"
    assert PumpFrame(pump.exchange(b"noise" + good)).body.data == b"ping"


def test_frames_in_one_burst_are_all_answered(pump):
    burst = b"".join(bytes(frame(Echo(), sequence)) for sequence in range(100))
    pump.link.send(burst, 0)
    deadline, received = pump.target.now() + 1, b""
    while more := pump.link.receive(deadline):
        received += more
    assert received.count(b"ping") == 100


def test_a_status_query_is_answered_with_observations(pump):
    reply = pump.hl7(QUERY).split("\r")
    assert reply[1:3] == ["MSA|AA|MSG00002", "QRD||R|I|Q17"]
    assert "OBX|2|NM|STATE||1" in reply


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (HEADER + PATIENT + ORDER + give(), "MSA|AA"),
        (HEADER + PATIENT.replace("0001", "0009") + ORDER + give(), "207^patient"),
        (HEADER + PATIENT + ORDER + give(rate="20.001"), "207^limit"),
        (HEADER + PATIENT + ORDER + give(rate="-1"), "207^field"),
        (HEADER + PATIENT + ORDER + give(drug="9"), "207^limit"),
        (HEADER + PATIENT + ORDER, "207^segment"),
        (HEADER.replace("RGV", "ABC"), "MSA|AR"),
        (HEADER.replace("MSG00001", "C" * 21), "207^field"),
        ("x" * 1100, "MSA|AR"),
        (HEADER + "ZZZ|\r" * 20, "MSA|AR"),
    ],
)
def test_orders_are_checked_field_by_field(pump, message, answer):
    assert answer in pump.hl7(message)


def test_a_cancelled_order_has_no_effect(pump):
    pump.order()
    assert "MSA|AA" in pump.hl7(HEADER + PATIENT + ORDER.replace("NW", "CA"))
    pump.press("confirm")
    assert state(pump) == IDLE
