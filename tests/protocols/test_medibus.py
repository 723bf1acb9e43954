"""MEDIBUS commands as the definition has them, what is a response, a device that serves; and a whole conversation."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import talking

import harness.transports.tcp  # noqa: F401
from harness.interfaces import Conversation, FrameKind, Mark
from protocols.load import load_protocol
from protocols.medibus import CODES, MESSAGES, PROTOCOL
from protocols.render import Change

DEVICE = Path(__file__).parents[1] / "peers" / "medibus_device.py"
ICC, OPENED = b"\x1bQ6C\r", b"\x01Q52\r"  # as every description of the protocol prints them
SAMPLE = b"\xd3\x81\x82\x83\x84"


def message(start, code, data=b""):
    """A command or response by hand."""
    whole = bytes([start, code]) + data
    return whole + b"%02X" % (sum(whole) % 256) + b"\r"


def whole(data):
    (frame,), rest = PROTOCOL.split(data)
    assert (frame.data, rest) == (data, b"")
    return frame


@pytest.mark.parametrize("name", CODES)
def test_a_command_is_esc_code_argument_checksum_cr(name):
    for form in MESSAGES[name].valid:
        assert form.data == message(0x1B, CODES[name], form.data[2:-3])
        assert PROTOCOL.expects_reply(form.data) and PROTOCOL.wire.demands(form.data)


def test_communication_is_initialized_by_the_bytes_that_everybody_prints():
    assert PROTOCOL.probe.data == ICC and PROTOCOL.served(whole(OPENED))
    assert not PROTOCOL.served(whole(ICC)) and not PROTOCOL.answers(ICC, whole(ICC))


def test_a_checksum_follows_what_is_bent_and_stays_wrong_where_it_is_what_is_bent():
    configure = MESSAGES["configure_realtime_transmission"]
    bent = configure.mutated([Change("command.data_code_2", b"ZZZ")])
    assert bent.data == message(0x1B, 0x54, b"0001ZZZ01")
    assert not PROTOCOL.expects_reply(configure.mutated([Change("checksum", b"00")]).data)


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        (message(1, 0x24, b"7D 22 B9 7.2"), "value_7D", "22"),
        (message(1, 0x27, b"?10PAW HIGH    "), "alarm_10", "PAW HIGH (priority 15)"),
        (message(1, 0x29, b"01 040 "), "value_01", "040"),
        (message(1, 0x52, b"8210'Evita 4'04.20:04.00"), "name", "Evita 4"),
        (message(1, 0x28, b"12:30:0101-JAN-26"), "date", "01-JAN-26"),
        (message(1, 0x24), "code", 0x24),
    ],
)
def test_responses_are_read_by_the_definitions_records(data, field, value):
    frame = whole(data)
    assert (frame.kind, frame.fields[field]) == (FrameKind.REPLY, value)


@pytest.mark.parametrize("cut", range(1, 9))
def test_realtime_bytes_in_a_response_are_left_in_it_and_not_read(cut):
    data = message(1, 0x24, b"7D 22 ")
    frame = whole(data[:cut] + SAMPLE + data[cut:])
    assert (frame.kind, frame.fields["value_7D"]) == (FrameKind.REPLY, "22")


def test_realtime_bytes_between_responses_answer_nothing():
    frames, rest = PROTOCOL.split(SAMPLE + OPENED + SAMPLE + b"\x11" + OPENED)
    kinds = [frame.kind for frame in frames]
    unasked, reply = FrameKind.UNSOLICITED, FrameKind.REPLY
    assert (kinds, rest) == ([unasked, reply, unasked, unasked, reply], b"")
    assert not any(PROTOCOL.answers(ICC, frame) for frame in frames if frame.kind is unasked)


def test_a_wrong_checksum_makes_no_response():
    assert whole(OPENED[:-3] + b"00\r").kind is FrameKind.STRAY


def test_the_devices_own_commands_are_answered_at_once():
    answers = [PROTOCOL.learn(whole(message(0x1B, code)), Conversation()) for code in (0x51, 0x30, 0x52)]
    assert answers[:2] == [message(1, 0x51), message(1, 0x30)]
    assert answers[2] == message(1, 0x52, answers[2][2:-3]) and b"'medfuzz'" in answers[2]
    assert PROTOCOL.learn(whole(message(1, 0x30)), Conversation()) == b""


@pytest.mark.parametrize(
    ("sent", "reply", "answers", "wrong"),
    [
        (ICC, OPENED, True, ""),
        (ICC, message(1, 0x15), True, ""),
        (ICC, message(1, 0x30), False, ""),
        (ICC, message(1, 0x51, b"12"), True, "has data"),
        (ICC[:-3] + b"00\r", OPENED, True, "checksum"),
        (ICC[:-3] + b"00\r", message(1, 0x15), True, ""),
        (message(0x1B, 0x24), message(1, 0x24, b"7D 22"), True, "records of 6"),
        (message(0x1B, 0x27), message(1, 0x27, b"?10PAW HIGH    "), True, ""),
        (b"", OPENED, False, ""),
        (b"\x1b", OPENED, False, ""),
    ],
)
def test_what_answers_and_what_no_device_may_say(sent, reply, answers, wrong):
    frame = whole(reply)
    assert (PROTOCOL.answers(sent, frame), PROTOCOL.refuses(reply)) == (answers, reply[1] == 0x15)
    told = PROTOCOL.wire.wrong(sent, frame)
    assert wrong in told and bool(told) == bool(wrong)


@given(
    pieces=st.lists(st.one_of(st.sampled_from([OPENED, message(1, 0x27, b"?10"), SAMPLE, ICC, b"\x01"]), st.binary())),
    cuts=st.lists(st.integers(0, 100), max_size=5),
)
def test_any_bytes_in_any_pieces_are_split_without_loss(pieces, cuts):
    stream, found, rest = b"".join(pieces), [], b""
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        frames, rest = PROTOCOL.split(rest + stream[start:stop])
        found += frames
    assert b"".join(frame.data for frame in found) + rest == stream
    replies = [frame.data for frame in PROTOCOL.split(stream)[0] if frame.kind is FrameKind.REPLY]
    assert [frame.data for frame in found if frame.kind is FrameKind.REPLY] == replies
    for frame in found:
        assert isinstance(dict(frame.fields), dict)
        PROTOCOL.learn(frame, Conversation())
        PROTOCOL.wire.wrong(stream, frame)


def test_a_response_that_never_ends_is_let_go():
    frames, rest = PROTOCOL.split(b"\x01$" + b"7" * 9000)
    assert (frames[0].kind, rest) == (FrameKind.STRAY, b"")


@pytest.mark.parametrize("name", MESSAGES)
def test_the_guard_withholds_a_command_and_lets_the_probe_out(name):
    pattern = PROTOCOL.forbidden([name])
    assert all(pattern.search(form.data) for form in MESSAGES[name].valid)
    assert [other for other in MESSAGES if pattern.search(MESSAGES[other].send().data)] == [name]


def test_what_configures_the_device_is_privileged():
    marked = {name for name, marks in PROTOCOL.marks.items() if Mark.PRIVILEGED in marks}
    assert marked == {"configure_data_response", "configure_realtime_transmission"}


@contextmanager
def conversation():
    """An executor that talks with a device of its own."""
    with subprocess.Popen([sys.executable, str(DEVICE), "0"], stdout=subprocess.PIPE, text=True) as device:
        try:
            with talking(load_protocol("medibus"), device.stdout.readline().strip(), reply_timeout=3.0) as executor:
                yield executor
        finally:
            device.kill()


def test_every_command_is_answered_and_the_answer_read_without_a_rest():
    with conversation() as executor:
        executor.run(PROTOCOL.states["open"].preamble)
        for name in CODES:
            for form in MESSAGES[name].valid:
                executor.begin()
                assert executor.probe().fields["code"] == 0x51
                executor.begin()
                assert executor.send(form).fields["code"] == CODES[name]
                assert not any(exchange.stray for exchange in executor.exchanges)


def test_streams_that_were_enabled_come_by_themselves_and_in_responses():
    with conversation() as executor:
        names = ("initialize_communication", "configure_realtime_transmission", "enable_datastreams")
        executor.run(tuple(MESSAGES[name].send() for name in names))
        executor.listen(0.2)
        executor.begin()
        reply = executor.send(MESSAGES["current_data_1"].send())
        executor.listen(0.2)
        assert reply.fields["value_7D"] == "22" and max(reply.data) >= 0xD0
        assert b"\xd3" in b"".join(data for exchange in executor.exchanges for data in exchange.unsolicited)
        assert executor.probe() is not None


def test_the_probe_opens_again_what_a_message_stopped():
    with conversation() as executor:
        executor.run((*PROTOCOL.states["open"].preamble, MESSAGES["stop_communication"].send()))
        assert executor.send(MESSAGES["no_operation"].send()) is None
        assert executor.probe().fields["code"] == 0x51
        assert executor.send(MESSAGES["no_operation"].send()) is not None


def test_the_device_learns_who_the_host_is_and_its_own_nop_is_answered():
    with conversation() as executor:
        executor.run(PROTOCOL.states["open"].preamble)
        executor.begin()
        executor.listen(1.3)
        assert b"\x1b04B\r" in [data for exchange in executor.exchanges for data in exchange.unsolicited]
        assert executor.send(MESSAGES["no_operation"].send()) is not None
