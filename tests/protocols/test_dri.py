"""DRI requests as the specification has them, what is a record, and a monitor that serves; and a whole conversation."""

import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import talking

import harness.transports.tcp  # noqa: F401
from harness.errors import UsageError
from harness.interfaces import FrameKind
from protocols.dri import MESSAGES, PROTOCOL, REQUESTS, dri
from protocols.dri_wire import DISPLAYED, FIRST_DATA, PHDB, TREND_60S, opened, stuffed, unstuffed
from protocols.load import load_protocol
from protocols.render import Change

MONITOR = Path(__file__).parents[1] / "peers" / "dri_monitor.py"
# Requests that a program in use sends to monitors: physiological data every 10 s, and their end.
START_IN_USE = (
    "7E31 0000 00E8 FD25 0407 6700 0000 0000 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000"
    "0001 0A00 0800 0000 0000 BF7E"
)
STOP_IN_USE = (
    "7E31 0000 00E8 FD33 0607 6700 0000 0000 0000 0000 0000 FF00 0000 0000 0000 0000 0000 0000 0000 0000"
    "0001 0000 0800 0000 0000 C57E"
)
HEADER = {"plug_id": 65000, "phdb_class_bf": 8}


def record(main, kind, data, offset=0, length=None):
    """A record by hand."""
    described = struct.pack("<hB", offset, kind) + b"\0\0\xff" + bytes(18)
    length = 40 + len(data) if length is None else length
    body = struct.pack("<HBBHIBBHH", length, 0, 7, 65000, 0, 0, 0, 0, main) + described + data
    body += bytes([sum(body) % 256])
    return b"\x7e" + body.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + b"\x7e"


STATUS, TREND, VALUES, WAVEFORM = (
    record(4, 1, bytes(510)),
    record(0, 3, bytes(278)),
    record(0, 1, struct.pack("<IIHh", 9, 3, 0, 70) + bytes(266)),
    record(1, 1, bytes(14)),
)


def whole(data):
    (frame,), rest = PROTOCOL.split(data)
    assert (frame.data, rest) == (data, b"")
    return frame


@pytest.mark.parametrize(
    ("name", "in_use", "r_time"),
    [("start_displayed_values", START_IN_USE, 0x67070425), ("stop_displayed_values", STOP_IN_USE, 0x67070633)],
)
def test_requests_are_those_that_programs_in_use_send(name, in_use, r_time):
    assert MESSAGES[name].send(r_time=r_time, **HEADER).data == bytes.fromhex(in_use)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_as_long_as_it_says_and_has_one_subrecord(name):
    for form in MESSAGES[name].valid:
        found = opened(form.data)
        assert found.fits and found.subrecords == ((0, 0),) and found.header["r_maintype"] == REQUESTS[name][0]
        assert len(found.data) == {0: 9, 1: 32, 4: 12}[REQUESTS[name][0]]


@given(st.binary(max_size=60))
def test_what_was_stuffed_is_unstuffed_and_holds_no_flag(data):
    out = stuffed(data)
    assert unstuffed(out) == data and b"\x7e" not in out


@given(a=st.binary(max_size=9), b=st.binary(max_size=9))
def test_two_pieces_are_stuffed_as_one(a, b):
    assert stuffed(a) + stuffed(b) == stuffed(a + b)


@pytest.mark.parametrize("data", [b"\x7d", b"\x7e", b"a\x7e", b"\x7d\x5d\x7d"])
def test_what_was_not_stuffed_is_no_record(data):
    assert unstuffed(data) is None


@pytest.mark.parametrize("value", [b"\x7e" * 8, b"\x7d\x7e" * 20, b"", b"A" * 300])
def test_length_and_checksum_follow_what_is_bent_and_flags_in_it_are_stuffed(value):
    message = MESSAGES["start_waveforms"]
    found = opened(message.mutated([Change("record.rest.data.type", value)]).data)
    assert found.fits and found.data[4 : 4 + len(value)] == value


def test_a_bent_length_stays_bent_and_a_bent_checksum_makes_no_record():
    message = MESSAGES["alarm_status"]
    bent = message.mutated([Change("record.r_len", b"\xff\x7e")])
    assert opened(bent.data).header["r_len"] == 0x7EFF and not PROTOCOL.expects_reply(bent.data)
    wrong = message.mutated([Change("record.checksum", b"\0")])
    assert opened(wrong.data) is None and not PROTOCOL.expects_reply(wrong.data)


@pytest.mark.parametrize(
    ("name", "data", "answers"),
    [
        ("alarm_status", STATUS, True),
        ("alarm_status", TREND, False),
        ("alarm_status", VALUES, False),
        ("enter_alarm_diffmode", STATUS, False),
        ("trend_60s_once", TREND, True),
        ("trend_10s_once", TREND, False),
        ("displayed_values_once", VALUES, False),
        ("start_displayed_values", VALUES, False),
        ("start_waveforms", WAVEFORM, False),
    ],
)
def test_what_answers_a_request_and_what_comes_by_itself(name, data, answers):
    sent = MESSAGES[name].send().data
    assert PROTOCOL.answers(sent, whole(data)) is answers
    assert PROTOCOL.expects_reply(sent) is (name == "alarm_status")
    assert PROTOCOL.wire.demands(sent) is (name == "alarm_status" or "trend" in name)


def test_streamed_records_are_unsolicited():
    assert {whole(data).kind for data in (VALUES, WAVEFORM)} == {FrameKind.UNSOLICITED}


def test_only_the_status_serves_and_says_who_it_is():
    assert PROTOCOL.served(whole(STATUS)) and not PROTOCOL.served(whole(TREND))
    assert not PROTOCOL.served(whole(PROTOCOL.probe.data))
    assert not PROTOCOL.served(whole(record(4, 1, bytes(510), length=7)))
    assert PROTOCOL.identity(whole(STATUS)).serial == "65000"


def test_a_monitor_without_alarms_is_asked_for_a_trend():
    own = dri(probe="trend_60s_once")
    assert own.served(whole(TREND)) and not own.served(whole(STATUS))
    assert own.expects_reply(own.probe.data) and opened(own.probe.data).data[0] == TREND_60S
    with pytest.raises(UsageError, match=r"dri: 'alarm_statu' is no probe. Did you mean 'alarm_status'"):
        dri(probe="alarm_statu")


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (STATUS, ""),
        (VALUES, ""),
        (record(4, 1, bytes(510), length=7), "r_len is 7"),
        (record(4, 1, bytes(510), offset=600), "outside"),
        (record(0, 1, b"\0" * 4, offset=-1), "outside"),
    ],
)
def test_what_no_monitor_may_say(data, wrong):
    told = PROTOCOL.wire.wrong(PROTOCOL.probe.data, whole(data))
    assert wrong in told and bool(told) == bool(wrong)


def test_a_request_with_a_wrong_checksum_is_not_answered():
    sent = MESSAGES["alarm_status"].mutated([Change("record.checksum", b"\0")]).data
    assert "checksum" in PROTOCOL.wire.wrong(sent, whole(STATUS))
    assert PROTOCOL.wire.wrong(sent, whole(VALUES)) == ""


def test_records_are_read():
    assert whole(VALUES).fields["hr"] == 70 and whole(VALUES).fields["time"] == 9
    text = bytes(10) + b"ASYSTOLE".ljust(80, b"\0") + bytes(420)
    assert whole(record(4, 1, text)).fields["alarm_1"] == "ASYSTOLE"


@given(
    pieces=st.lists(st.one_of(st.sampled_from([STATUS, VALUES, b"\x7e", b"\x7d", record(0, 1, b"\x7e")]), st.binary())),
    cuts=st.lists(st.integers(0, 1500), max_size=5),
)
def test_any_bytes_in_any_pieces_are_split_without_loss_and_alike(pieces, cuts):
    stream, found, rest = b"".join(pieces), [], b""
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        frames, rest = PROTOCOL.split(rest + stream[start:stop])
        found += frames
    assert b"".join(frame.data for frame in found) + rest == stream
    whole_ones = [frame.data for frame in PROTOCOL.split(stream)[0] if frame.kind is not FrameKind.STRAY]
    assert [frame.data for frame in found if frame.kind is not FrameKind.STRAY] == whole_ones
    for frame in found:
        assert isinstance(dict(frame.fields), dict)
        PROTOCOL.wire.wrong(stream, frame)
        PROTOCOL.answers(stream, frame)


@given(st.binary(max_size=80))
def test_hostile_records_never_raise(body):
    data = b"\x7e" + stuffed(body + bytes([sum(body) % 256])) + b"\x7e"
    for frame in PROTOCOL.split(data)[0]:
        dict(frame.fields)
        PROTOCOL.served(frame), PROTOCOL.identity(frame), PROTOCOL.wire.wrong(data, frame)
        assert not PROTOCOL.answers(data, frame) or len(body) > FIRST_DATA


def test_a_record_is_found_behind_noise_with_a_flag_in_it():
    frames, rest = PROTOCOL.split(b"boot\x7e 1.2" + STATUS)
    assert ([frame.data for frame in frames], rest) == ([b"boot\x7e 1.2", STATUS], b"")


@pytest.mark.parametrize("name", MESSAGES)
def test_the_guard_withholds_a_main_type_whatever_else_is_bent(name):
    message, pattern = MESSAGES[name], PROTOCOL.forbidden([name])
    bent = {"record.rest.sr_offset_0": b"\x7e\x7d", "record.r_len": b"\x7d\x7e", "record.rest.r_time": b"\x7e" * 4}
    for form in (*message.valid, *(message.mutated([Change(*one)]) for one in bent.items())):
        assert pattern.search(form.data)
    others = {other for other in MESSAGES if pattern.search(MESSAGES[other].send().data)}
    assert {REQUESTS[other][0] for other in others} == {REQUESTS[name][0]}


@contextmanager
def conversation(own=PROTOCOL):
    """An executor that talks with a monitor of its own."""
    with subprocess.Popen([sys.executable, str(MONITOR), "0"], stdout=subprocess.PIPE, text=True) as monitor:
        try:
            with talking(own, monitor.stdout.readline().strip()) as executor:
                yield executor, monitor.stdout
        finally:
            monitor.kill()


@pytest.mark.parametrize("state", PROTOCOL.states)
def test_every_request_is_taken_and_what_comes_is_read_without_a_rest(state):
    with conversation() as (executor, said):
        executor.run(PROTOCOL.states[state].preamble)
        taken = [step.message for step in PROTOCOL.states[state].preamble]
        for name, message in MESSAGES.items():
            executor.begin()
            executor.send(message.send())
            executor.listen(0.03)
            taken.append(name)
            assert b"".join(exchange.stray for exchange in executor.exchanges[:-1]) == b""
            assert executor.probe().fields["alarm_1"] == "ECG LEADS OFF"
            taken.append("alarm_status")
        requests = [said.readline().split() for _taken in taken]
        wanted = [(str(REQUESTS[name][0]), opened(MESSAGES[name].send().data).data.hex()) for name in taken]
        assert [tuple(one) for one in requests] == wanted


def test_started_transmissions_come_by_themselves_until_they_are_stopped():
    with conversation() as (executor, _said):
        executor.run(PROTOCOL.states["transmitting"].preamble)
        executor.listen(0.2)
        unasked = [frame for frame in executor.frames if frame.kind is FrameKind.UNSOLICITED]
        kinds = {(frame.fields["r_maintype"], frame.fields["sr_type"]) for frame in unasked}
        assert kinds == {(PHDB, DISPLAYED), (1, 1), (1, 4), (1, 8)}
        assert {frame.fields["hr"] for frame in unasked if "hr" in frame.fields} == {70}
        executor.run(PROTOCOL.states["quiet"].preamble)
        executor.listen(0.1)
        executor.begin()
        executor.listen(0.2)
        assert executor.frames == []


def test_a_trend_can_be_the_probe():
    with conversation(dri(probe="trend_60s_once")) as (executor, _said):
        assert executor.probe().fields["sr_type"] == TREND_60S


def test_it_is_shipped():
    assert load_protocol("dri").name == "dri"
