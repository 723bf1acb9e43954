"""What holds for every Bluetooth protocol and Modbus: rendered as boofuzz does, reached, a wire that bears anything."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.case import Send
from harness.interfaces import Conversation
from protocols.load import PROTOCOLS, load_protocol

NAMES = [name for name in PROTOCOLS if name not in ("pump_link", "pump_hl7", "hl7_mllp", "bytes")]


loaded = cache(load_protocol)


def every(name):
    protocol = loaded(name)
    return [(protocol, message) for message in protocol.messages.values()]


def made_whole(step):
    """True for a send that has one live field, which is all of it: what goes out depends on the conversation."""
    return [(live.offset, live.length) for live in step.live] == [(0, len(step.data))]


@pytest.mark.parametrize("name", NAMES)
def test_every_message_renders_as_boofuzz_renders_it(name):
    for protocol, message in every(name):
        assert message.send().data == message.request.render(), message.name
        assert all(send.data for send in message.valid) or not protocol.probe.data  # it is the device that speaks


@pytest.mark.parametrize("name", NAMES)
def test_every_message_is_reached_and_the_probe_is_one_of_them_or_made_at_send_time(name):
    for protocol, message in every(name):
        assert protocol.path_to(message.name) or protocol.lead_in(message.name), message.name
        assert protocol.probe.message in protocol.messages or made_whole(protocol.probe)
        assert protocol.expects_reply(protocol.probe.data)


@pytest.mark.parametrize("name", NAMES)
def test_valid_forms_keep_their_checksums(name):
    """Where a form changes the operand, the E2E-CRC changes with it."""
    for _protocol, message in every(name):
        fields = {leaf.name.rpartition(".")[2] for leaf in message.layout.leaves}
        if "e2e_crc" in fields:
            assert len({send.data[-2:] for send in message.valid}) == len(message.valid)


@pytest.mark.parametrize("name", NAMES)
def test_every_live_field_is_resolved_to_its_length(name):
    conversation = Conversation()
    for protocol, message in every(name):
        for send in message.valid:
            for live in send.live:
                assert len(protocol.resolve(live, send.data, conversation)) == live.length


@pytest.mark.parametrize("name", NAMES)
def test_states_are_made_of_the_protocol_s_own_messages_or_of_what_is_made_whole_at_send_time(name):
    protocol = load_protocol(name)
    for state in protocol.states.values():
        for step in (step for step in state.preamble if isinstance(step, Send)):
            assert step.message in protocol.messages or made_whole(step)


@settings(deadline=None)  # to load a protocol may take a while
@given(st.sampled_from(NAMES), st.binary(max_size=60), st.binary(max_size=60))
def test_hostile_bytes_never_raise(name, sent, came):
    protocol, conversation = loaded(name), Conversation()
    for message in protocol.messages.values():
        step = message.send()
        for live in step.live:
            protocol.resolve(live, step.data, conversation)
    frames, rest = protocol.split(came)
    assert b"".join(frame.data for frame in frames) + rest == came
    for frame in frames:
        said = protocol.learn(frame, conversation)
        assert isinstance(said, bytes)
        protocol.answers(sent, frame)
        protocol.served(frame)
        protocol.identity(frame)
        protocol.session_lapsed(frame)
        dict(frame.fields)
    protocol.expects_reply(sent)
    for message in protocol.messages.values():
        for live in message.send().live:
            assert len(protocol.resolve(live, message.send().data, conversation)) == live.length
