"""Every planted fault shows on its own build, to the monitor the README names, and not on the fixed pump."""

import pytest
from pump_device import BENCH, HEADER, ORDER, PATIENT, PUMP, QUERY, Pump, give, watched

from targets.pump.build import Build, compile_firmware, fault_names
from targets.pump.protocol.packets import (
    DEFAULT_IMAGE,
    AddHistory,
    Bolus,
    Echo,
    LibraryBegin,
    LibraryCommit,
    LibraryPart,
    OpenSession,
    ProgramRate,
    SetClock,
    SetDeviceName,
    SetSettings,
    Silence,
    Status,
    UpdateBegin,
    UpdateChunk,
    UpdateCommit,
    crc16,
    image_mac,
)

CRASH, HANG = ["fault", "reset"], ["hang", "reset"]
CANARIES = (b"PAT-0001", b"ZZ-CANARY-DOE", b"PIN-739184")


def crashed(pump):
    pump.wait(0.2)
    return pump.kinds == CRASH


def leaked(*replies):
    return any(canary in reply for reply in replies for canary in CANARIES)


def device_name(pump):
    pump.session()
    pump.ask(SetDeviceName(name=b"N" * 120))
    return crashed(pump)


def echo(pump):
    pump.ask(Echo(count=200))
    return leaked(pump.exchange(pump.sent))


def drug_name(pump):
    pump.session()
    pump.ask(LibraryBegin())
    for length in range(8, 17):
        pump.ask(LibraryPart(name=b"D" * length))
    return crashed(pump)


def history(pump):
    pump.session()
    pump.ask(AddHistory(elements=b"\x01\x06note\x02\x00"))
    pump.wait(3)
    return pump.kinds == HANG


def upload_lock(pump):
    pump.session()
    pump.ask(LibraryBegin())
    pump.ask(UpdateBegin())
    answered = pump.ask(Status()) is not None
    pump.wait(3)
    return not answered and pump.kinds == ["reset"]


def console_format(pump):
    pump.hl7((HEADER + PATIENT).replace("GATEWAY", "%s" * 100))
    return crashed(pump)


def patient_line(pump):
    pump.hl7(HEADER + PATIENT.replace("DOE", "D" * 300))
    return crashed(pump)


def patient_segment(pump):
    pump.hl7(HEADER + ORDER)
    return crashed(pump)


def order_repeated(pump):
    pump.order()
    pump.press("confirm")
    pump.order(rate="19.5")
    return "PUMP-21" in pump.violated


def control_id(pump):
    return leaked(*(pump.hl7(QUERY.replace("MSG00002", "C" * length)).encode() for length in range(1, 40)))


def rate_limit(pump):
    pump.session()
    pump.ask(ProgramRate(rate=0x80000005))
    return "PUMP-20" in pump.violated


def bolus_rate(pump):
    pump.infuse()
    pump.ask(Bolus(amount=2000, duration=1))
    return "PUMP-04" in pump.violated


def bolus_state(pump):
    pump.infuse()
    pump.stimulate("air", 500)
    pump.ask(Bolus())
    return "PUMP-06" in pump.violated


def command_replay(pump):
    pump.infuse()
    pump.ask(Bolus())
    pump.exchange(pump.sent)
    return "ICD-6" in pump.violated


def library_session(pump):
    pump.ask(LibraryBegin())
    pump.ask(LibraryPart())
    pump.ask(LibraryCommit())
    return "PUMP-20L" in pump.violated


def silence(pump):
    pump.infuse()
    pump.stimulate("air", 500)
    pump.ask(Silence(seconds=0))
    pump.wait(130)
    return "PUMP-14" in pump.violated


def update_unsigned(pump):
    pump.session()
    pump.ask(UpdateBegin(size=0))
    pump.ask(UpdateCommit())
    return "SEC-1" in pump.violated


def update_rollback(pump):
    pump.session()
    pump.ask(UpdateBegin(version=0x0109, mac=image_mac(0x0109, DEFAULT_IMAGE)))
    pump.ask(UpdateChunk())
    pump.ask(UpdateCommit())
    return "SEC-2" in pump.violated


def settings_panic(pump):
    pump.session()
    before = pump.ask(Status())
    pump.ask(SetSettings())
    pump.wait(0.5)
    pump.ask(SetSettings(volume=3))
    pump.ask(SetSettings(volume=3))
    pump.wait(2)
    after = pump.ask(Status())
    return pump.kinds == ["reset"] and after.configuration == before.configuration and after.configuration_writes == 0


def peer_name(pump):
    pump.ask(OpenSession(peer=b"P" * 60))
    return crashed(pump)


def calendar(pump):
    pump.infuse()
    pump.ask(SetClock(seconds=700_000_000))
    pump.wait(910)
    return "PUMP-02" in pump.violated


SHOWS = {
    show.__name__: show
    for show in (
        *(device_name, echo, drug_name, history, upload_lock, console_format, patient_line, patient_segment),
        *(order_repeated, control_id, rate_limit, bolus_rate, bolus_state, command_replay, library_session, silence),
        *(update_unsigned, update_rollback, settings_panic, peer_name, calendar),
    )
}


def test_every_fault_has_a_show():
    assert sorted(SHOWS) == list(fault_names())
    assert len(SHOWS) >= 16


@pytest.mark.parametrize("fault", SHOWS)
def test_the_vulnerable_pump_has_the_fault(fault):
    assert SHOWS[fault](Pump(PUMP / "pump-vulnerable.elf"))


@pytest.mark.parametrize("fault", SHOWS)
def test_the_fixed_pump_has_not(fault):
    pump = Pump(PUMP / "pump-fixed.elf")
    assert not SHOWS[fault](pump)
    assert pump.violated == set()
    assert pump.events == []
    assert pump.ask(Status()).status == 0


@pytest.mark.slow
@pytest.mark.parametrize("fault", SHOWS)
def test_a_build_with_one_fault_has_that_fault_only(fault, tmp_path):
    pump = Pump(compile_firmware(Build("pump.elf", (fault,)), tmp_path))
    assert [shown for shown in SHOWS if SHOWS[shown](pump.again())] == [fault]


@pytest.mark.slow
@pytest.mark.parametrize("salt", ["a", "ward-7"])
def test_a_salt_moves_the_boundaries_and_keeps_the_faults(salt, tmp_path):
    pump = Pump(compile_firmware(Build("pump.elf", fault_names()), tmp_path, salt))
    assert [fault for fault in SHOWS if not SHOWS[fault](pump.again())] == []


def test_a_library_part_that_is_signed_for_is_taken():
    pump = Pump(PUMP / "pump-fixed.elf")
    pump.session()
    part = LibraryPart(name=b"KETAMINE")
    assert pump.ask(LibraryBegin()).status == 0
    assert pump.ask(part).status == 0
    assert pump.ask(LibraryCommit(digest=crc16(bytes(part)[4:]))).status == 0
    assert pump.value("library_writes") == 1


def test_the_network_order_runs_after_the_confirm_key():
    pump = Pump(PUMP / "pump-fixed.elf")
    assert "MSA|AA|MSG00001" in pump.hl7(HEADER + PATIENT + ORDER + give(rate="7.25"))
    assert pump.value("motor_rate") == 0
    pump.press("confirm")
    assert pump.value("motor_rate") == 7.25


@pytest.mark.parametrize(("counter", "violated"), [(2, True), (3, False), (0, False), (None, True)])
def test_a_bolus_needs_its_own_step_of_the_counter_unless_a_session_was_opened_meanwhile(counter, violated):
    names, safety = list(BENCH.signals), watched()

    def seen(time, **changed):
        told = dict.fromkeys(names, 0.0) | {"therapy_state": 2.0} | changed
        return {one.requirement for one in safety.push(time, tuple(told.values()))}

    seen(1.0, command_counter=2.0)
    now = 2.0 if counter is None else float(counter)
    boluses = 2.0 if counter is None else 1.0
    assert ("ICD-6" in seen(2.0, clinician_boluses=boluses, command_counter=now)) == violated
