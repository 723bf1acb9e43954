"""The insulin protocol, spoken by the executor to the firmware itself; its mailbox stands in for radio and server."""

import pytest

from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import Conversation
from protocols.gatt.values import SFLOAT
from targets.insulin.protocol.packets import PumpStatus, proof
from targets.insulin.protocol.services import MESSAGES, PROTOCOL, SESSION_STATES
from tests.targets.insulin_device import INSULIN, InsulinPump

READ, WRITE, CONFIRMATION = 0x0A, 0x12, 0x1E


class MailboxLink:
    """ATT PDUs on one side, the mailbox on the other; a handle is the 16-bit UUID."""

    whole, stream = False, False

    def __init__(self, pump):
        self.pump, self.seen = pump, 0

    def handle(self, uuid):
        return int(uuid[4:8] if "-" in uuid else uuid, 16)

    def fresh(self, _timeout):
        return False

    def send(self, data, deadline):
        pump, attribute = self.pump, data[1:3]
        if data[0] == CONFIRMATION:
            pump.frame(0x07, self.indicated)
        else:
            self.request = data
            pump.frame(0x04, attribute) if data[0] == READ else pump.frame(0x03, attribute + b"\x01" + data[3:])

    def receive(self, deadline):
        while self.seen == len(self.pump.frames):
            came = self.pump.link.receive(deadline)
            if not came:
                return b""
            self.pump.received += came
            self.pump._take_frames()
        self.seen += 1
        frame = self.pump.frames[self.seen - 1]
        return self.pdu(frame) or self.receive(deadline)

    def pdu(self, frame):
        if frame[0] == 0x81 and frame[1]:
            return bytes([1, self.request[0]]) + self.request[1:3] + frame[1:2]
        if frame[0] == 0x81:
            return bytes([self.request[0] + 1]) + frame[2:]
        if frame[0] == 0x83:
            self.indicated = frame[1:3]
        return {0x82: b"\x1b", 0x83: b"\x1d"}[frame[0]] + frame[1:] if frame[0] in (0x82, 0x83) else b""

    def close(self):
        pass

    def now(self):
        return self.pump.target.now()


class MailboxTransport:
    moniker = "mailbox:"

    quiet_gap = byte_seconds = 0.0

    def __init__(self, pump):
        self.pump = pump

    def open(self, timeout):
        self.pump.connect()
        self.pump.frames.clear()
        self.pump.confirm = False
        return MailboxLink(self.pump)


@pytest.fixture(scope="module")
def booted():
    return InsulinPump(INSULIN / "insulin-fixed.elf")


@pytest.fixture
def executor(booted):
    return spoken_to(booted.again())


def spoken_to(pump):
    made = Executor(
        PROTOCOL,
        MailboxTransport(pump),
        pump.target,
        Guard(None, ()),
        reply_timeout=PROTOCOL.reply_timeout,
        open_timeout=1.0,
        adaptive=False,
    )
    made.begin(Conversation())
    return made


def status(executor):
    return executor.probe().fields


@pytest.mark.parametrize("name", PROTOCOL.states)
def test_every_state_is_reached_and_its_proof_given(executor, name):
    state = PROTOCOL.states[name]
    executor.run(state.preamble)
    fields = status(executor)
    assert {key: fields[key] for key in state.proof} == dict(state.proof)
    assert all(exchange.answered for exchange in executor.exchanges if exchange.sent)


def refusals(executor, *steps):
    """What was refused: ATT errors and response codes other than success."""
    executor.run(steps)
    fields = [frame.fields for frame in executor.frames]
    return [
        f.get("error") or f["response"]
        for f in fields
        if "error" in f or f.get("response", "ok") not in ("ok", "success")
    ]


NOTHING_THERE = {
    "set_therapy_state": "not applicable",
    "confirm_annunciation": "not applicable",
    "get_active_boluses": "not applicable",
    "get_bolus_delivery": "not applicable",
    "cgm_get_calibration": "out of range",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_accepted_where_it_says(executor, name):
    message = MESSAGES[name]
    state = message.accepted_in[0] if message.accepted_in else "session"
    executor.run(PROTOCOL.states[state].preamble)
    executor.begin()
    found = refusals(executor, *PROTOCOL.lead_in(name), message.send())
    assert executor.exchanges[-1].answered
    assert set(found) <= {NOTHING_THERE.get(name)}


@pytest.mark.parametrize("name", ["set_bolus", "set_settings", "upload", "patient", "history_delete"])
def test_without_a_session_it_is_refused(executor, name):
    assert refusals(executor, MESSAGES[name].send()) == ["insufficient authorization"]
    (frame,) = [frame for frame in executor.frames if PROTOCOL.session_lapsed(frame)]
    assert frame.data[0] == 1


def test_commands_are_carried_out_one_after_the_other(executor):
    executor.run(PROTOCOL.states["session"].preamble)
    executor.begin()
    one = SFLOAT.raw("1", -1)
    assert refusals(executor, *(MESSAGES["set_bolus"].send(fast=one) for _ in range(3))) == []
    assert executor.exchanges[-1].replies[0][3:5] == bytes.fromhex("7711")
    assert refusals(executor, MESSAGES["set_bolus"].send(fast=one)) == ["too many boluses"]


@pytest.mark.parametrize(
    "name", ["set_bolus", "set_temp_basal", "set_max_bolus", "cgm_set_low", "cgm_set_high", "set_settings"]
)
def test_the_ends_of_the_declared_ranges_are_accepted(booted, executor, name):
    message = MESSAGES[name]
    for send in message.valid:
        executor.run(PROTOCOL.states["session"].preamble)
        executor.begin()
        assert refusals(executor, send) == [], send.data.hex()
        booted.again()
        executor.close()
        executor.begin(Conversation())


def test_a_wrong_crc_does_not_put_the_counter_out_of_step(executor):
    executor.run(PROTOCOL.states["session"].preamble)
    executor.begin()
    layout = MESSAGES["set_bolus"].layout
    wrong = MESSAGES["set_bolus"].mutated([layout.change(layout.leaf("e2e_crc"), b"\1\2")])
    assert refusals(executor, wrong) == ["application error 0x80"]
    executor.begin()
    assert refusals(executor, MESSAGES["set_bolus"].send()) == []


def test_after_a_lost_connection_the_counter_starts_anew(executor):
    executor.run(PROTOCOL.states["session"].preamble)
    executor.close()
    executor.run(PROTOCOL.states["session"].preamble)
    executor.run(PROTOCOL.states["session"].preamble)
    executor.begin()
    assert refusals(executor, MESSAGES["set_bolus"].send()) == []


def test_glucose_comes_as_notifications_and_as_a_report(executor):
    executor.run(PROTOCOL.states["cgm_session"].preamble)
    assert "90" in [frame.fields.get("glucose") for frame in executor.frames]
    executor.begin()
    executor.run((MESSAGES["cgm_report"].send(),))
    assert executor.exchanges[-1].replies[0][3:] == bytes.fromhex("06 00 01 01")
    assert [frame.fields["glucose"] for frame in executor.frames if frame.data[0] == 0x1B] == ["90"]


@pytest.mark.parametrize(
    "names", [("history_report_begin", "history_abort"), ("get_delivered_begin", "cgm_get_interval")]
)
@pytest.mark.parametrize(("elf", "answered"), [("fixed", True), ("vulnerable", False)])
def test_what_goes_out_within_a_procedure_finds_the_deadlocks(names, elf, answered):
    speaking = spoken_to(InsulinPump(INSULIN / f"insulin-{elf}.elf"))
    speaking.run(PROTOCOL.states["session"].preamble)
    speaking.begin()
    speaking.run(tuple(MESSAGES[name].send() for name in names))
    assert all(exchange.answered for exchange in speaking.exchanges if exchange.sent) is answered


def test_the_status_is_told_from_other_values_of_its_length():
    def fields(value):
        (frame,), _ = PROTOCOL.split(b"\x0b" + value)
        return dict(frame.fields)

    assert fields(bytes(PumpStatus(uptime_ms=9, alarms=3)))["uptime_ms"] == 9
    assert "uptime_ms" not in fields(bytes.fromhex("dc05f4014600fa0005050550554d5037"))
    assert "uptime_ms" not in fields(b"SN-0007741")


def test_the_login_s_proof_is_bound_to_nonce_and_pin():
    assert len({proof(b"12345678"), proof(b"12345679"), proof(b"12345678", b"1234")}) == 3


def test_states_with_a_session_are_all_but_idle():
    assert {*SESSION_STATES, "idle"} == set(PROTOCOL.states)
