"""GATT on the wire: a control point answers with its indication, counters go up when they are accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.fields import ByteField
from scapy.packet import Packet

from harness.case import LiveField
from harness.interfaces import Conversation, FrameKind
from protocols.att_wire import AttWire
from protocols.checksums import crc16_mcrf4xx
from protocols.gatt.messages import control, read, write
from protocols.gatt.values import e2e_crc
from protocols.gatt.wire import GattWire

WIRE = GattWire(commands={"stop": b"\x1b", "bolus": b"\x4b\x11"})


class Stop(Packet):
    fields_desc = [ByteField("opcode", 0x1B), ByteField("counter", 1), e2e_crc("opcode", "counter")]


def resolved(message, conversation, handle=0x0021):
    """The message as the executor sends it to a device whose table has it at `handle`."""
    step = message.send()
    data = step.data
    for live in step.live:
        if live.name.startswith("handle:"):
            value = handle.to_bytes(2, "little")
        elif "/" in live.name:
            value = crc16_mcrf4xx(data[live.start : live.stop]).to_bytes(2, "little")
        else:
            value = WIRE.resolve(live, data, conversation)
        assert len(value) == live.length
        data = data[: live.offset] + value + data[live.offset + live.length :]
    return data


def heard(conversation, data):
    (frame,), rest = WIRE.split(bytes.fromhex(data))
    assert rest == b""
    return frame, WIRE.learn(frame, conversation)


def test_a_control_point_is_answered_by_its_indication_which_is_confirmed():
    conversation = Conversation()
    sent = resolved(control("stop", "2aac", Stop()), conversation)
    response, said = heard(conversation, "13")
    assert (said, WIRE.answers(sent, response)) == (b"", False)
    other, said = heard(conversation, "1d 2500 00")
    assert (said, WIRE.answers(sent, other)) == (b"\x1e", False)
    indication, said = heard(conversation, "1d 2100 1c1b01")
    assert (said, WIRE.answers(sent, indication)) == (b"\x1e", True)


def test_a_procedure_that_is_only_begun_is_answered_by_the_write_response():
    conversation = Conversation()
    resolved(control("stop", "2aac", Stop()), conversation)
    begun = resolved(control("begin", "2aac", Stop(), begun=True), conversation)
    assert WIRE.answers(begun, heard(conversation, "13")[0])
    awaited = resolved(control("stop", "2aac", Stop()), conversation)
    assert not WIRE.answers(awaited, heard(conversation, "13")[0])


def test_an_error_is_an_answer_too():
    conversation = Conversation()
    sent = resolved(control("stop", "2aac", Stop()), conversation)
    assert WIRE.answers(sent, heard(conversation, "01 12 2100 80")[0])
    assert not WIRE.answers(sent, heard(conversation, "01 0a 2100 80")[0])


def test_a_plain_write_is_answered_by_its_response_and_a_read_by_its_own():
    conversation = Conversation()
    resolved(control("stop", "2aac", Stop()), conversation)
    sent = resolved(write("start_time", "2aaa", Stop()), conversation, 0x0030)
    assert WIRE.answers(sent, heard(conversation, "13")[0])
    assert WIRE.answers(resolved(read("status", "2aa9"), conversation), heard(conversation, "0b 0102")[0])
    assert not WIRE.answers(sent, heard(conversation, "0b 0102")[0])


def test_unasked_values_are_no_answers():
    conversation = Conversation()
    assert heard(conversation, "1b 2100 01")[0].kind is FrameKind.UNSOLICITED
    assert not WIRE.answers(b"", heard(conversation, "1d 2100 01")[0])


def test_a_counter_goes_up_when_it_was_accepted_and_starts_anew_when_the_device_did():
    conversation, message = Conversation(), control("stop", "2aac", Stop())
    counters = []
    for answer in ("01 12 2100 80", "13", "13", "0b 00", "01 12 2100 81", "13", "13"):
        data = resolved(message, conversation)
        assert crc16_mcrf4xx(data[3:-2]).to_bytes(2, "little") == data[-2:]
        counters.append(data[4])
        heard(conversation, answer)
    assert counters == [1, 1, 2, 3, 3, 1, 2]


def test_a_counter_wraps_to_one():
    conversation = Conversation({"counter:2aac": 255})
    assert resolved(control("stop", "2aac", Stop()), conversation)[4] == 1


def test_without_a_link_that_knows_handles_the_template_stands():
    assert WIRE.resolve(LiveField("handle:2aac", 1, 2), b"\x12\x07\x00", Conversation()) == b"\x07\x00"


def test_a_guard_recognizes_a_command_whatever_its_handle():
    pattern = WIRE.forbidden(["stop", "bolus"])
    for carrying in ("12 2100 1b", "52 ffff 1b02", "d2 0000 4b11", "16 2100 0000 4b"):
        assert pattern.search(bytes.fromhex(carrying))
    for harmless in ("12 2100 1a", "0a 2100", "12 2100 4b12"):
        assert not pattern.search(bytes.fromhex(harmless))
    assert WIRE.forbidden(["unknown"]).search(b"\0")
    assert not WIRE.forbidden([]).search(b"\x12\0\0\x1b")


@pytest.mark.parametrize("wire", [AttWire(), WIRE, GattWire(read=lambda _opcode, value: {"first": value[0]})])
@given(st.binary(max_size=40), st.binary(max_size=40))
def test_hostile_bytes_never_raise(wire, sent, came):
    conversation = Conversation({"counting": ("counter:2aac", 3)})
    frames, rest = wire.split(came)
    assert b"".join(frame.data for frame in frames) + rest == came
    for frame in frames:
        wire.learn(frame, conversation)
        wire.answers(sent, frame)
        wire.served(frame)
        wire.identity(frame)
        wire.session_lapsed(frame)
        dict(frame.fields)
    wire.expects_reply(sent)
