"""11073-20601 APDUs as the peer's own types read them, frames, and what a reply cannot be."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.interfaces import Conversation, FrameKind
from protocols.phd import AGENT, MANAGER
from protocols.phd_apdu import (
    AARE,
    ABRT,
    CONFIRMED_EVENT_REPORT,
    GET,
    PRST,
    RESPONSE,
    RLRE,
    RLRQ,
    alone,
    apdu,
    data_of,
    presentation,
    proposal_of,
    result_of,
)
from protocols.render import Change

sys.path.insert(0, str(Path(__file__).parents[1] / "peers"))
import phd_peer as peer

NAMES = [(protocol, name) for protocol in (MANAGER, AGENT) for name in protocol.messages if name != "device_message"]
REPORTS = {0xD1C: peer.CONFIG, 0xD1D: peer.FIXED, 0xD1E: peer.VARIABLE}
RESULTS = {0xD1C: peer.CONFIGURED}


def sent(protocol, name, conversation=None, **values):
    return filled(protocol, protocol.message(name).send(**values), conversation)


def filled(protocol, step, conversation=None):
    talk = conversation or Conversation()
    return step.filled(lambda live, data: protocol.resolve(live, data, talk))


def bent(protocol, name, field, data):
    message = protocol.message(name)
    return filled(protocol, message.mutated([Change(message.layout.path(field), data)]))


def frame_of(data):
    (frame,), rest = MANAGER.split(data)
    assert rest == b""
    return frame


def learned(protocol, conversation, data):
    return protocol.learn(frame_of(data), conversation)


@pytest.mark.parametrize(("protocol", "name"), NAMES)
def test_the_peer_reads_each_message_to_its_end_and_writes_the_same(protocol, name):
    for form in protocol.message(name).valid:
        data = filled(protocol, form)
        source = peer.Reader(data)
        choice, body = peer.U16.read(source), peer.Octets().read(source)
        source.end()
        if choice == PRST:
            inner = peer.Reader(peer.whole(peer.Octets(), body))
            number, kind = peer.U16.read(inner), peer.U16.read(inner)
            value = peer.Octets(peer.ARGUMENTS[kind]).read(inner)
            inner.end()
            again = peer.U16.write(number) + peer.U16.write(kind) + peer.Octets(peer.ARGUMENTS[kind]).write(value)
            assert peer.Octets().write(again) == body
            reports = {0x100: REPORTS, 0x101: REPORTS, 0x201: RESULTS}.get(kind, {})
            info = reports.get(value["type"]) if reports else None
            if info is not None:
                assert info.write(peer.whole(info, value["info"])) == value["info"]
        else:
            kind = {0xE200: peer.AARQ, 0xE300: peer.AARE}.get(choice, peer.U16)
            value = peer.whole(kind, body)
            assert kind.write(value) == body
            protos = value["protos"] if choice == 0xE200 else [value["proto"]] if choice == 0xE300 else []
            assert [one["id"] for one in protos] in ([20601], [])
            for one in protos:
                assert peer.INFORMATION.write(peer.whole(peer.INFORMATION, one["info"])) == one["info"]


@given(st.integers(0, 65535), st.sampled_from(sorted(peer.ARGUMENTS)), st.binary(max_size=200))
def test_a_presentation_apdu_is_read_as_it_was_made(number, choice, argument):
    made = presentation(number, choice, argument)
    told = data_of(alone(made))
    assert (told.invoke_id, told.choice, told.argument) == (number, choice, argument)
    assert frame_of(made).data == made
    assert data_of(alone(apdu(PRST, alone(made).body + b"x"))) is None


@given(st.integers(0, 8), st.binary(min_size=1, max_size=40))
def test_an_association_of_the_peer_is_read_as_it_was_made(result, system_id):
    station = peer.Manager(None, "")
    station.system_id = system_id
    info = station.information(0x4321)
    body = peer.AARE.write({"result": result, "proto": {"id": 20601, "info": info}})
    assert result_of(alone(apdu(AARE, body))) == (result, 20601, info)
    fields = frame_of(apdu(AARE, body)).fields
    assert (fields["system_id"], fields["dev_config_id"], fields["result"]) == (system_id.hex(), 0x4321, result)
    protos = [{"id": 20601, "info": info}, {"id": 65535, "info": b"x"}]
    request = apdu(0xE200, peer.AARQ.write({"version": 1 << 31, "protos": protos}))
    assert proposal_of(alone(request)).ids == {20601, 65535}
    assert proposal_of(alone(apdu(0xE200, alone(request).body + b"x"))) is None


APDUS = st.builds(apdu, st.sampled_from([0xE200, 0xE300, 0xE600, 0xE700]), st.binary(max_size=30))


@given(st.lists(st.one_of(st.binary(max_size=20), APDUS)), st.data())
def test_nothing_is_lost_of_a_stream_wherever_it_is_cut(pieces, data):
    stream = b"".join(pieces)
    cut = data.draw(st.integers(0, len(stream)))
    early, rest = MANAGER.split(stream[:cut])
    late, end = MANAGER.split(rest + stream[cut:])
    assert b"".join(frame.data for frame in (*early, *late)) + end == stream
    for frame in (*early, *late):
        dict(frame.fields)
        for protocol in (MANAGER, AGENT):
            protocol.learn(frame, Conversation())
            for asked in (b"", stream, sent(MANAGER, "associate")):
                protocol.wrong(asked, frame), protocol.answers(asked, frame), protocol.served(frame)
    MANAGER.wire.unfinished(stream), MANAGER.wire.demands(stream), MANAGER.refuses(stream)


def test_a_manager_is_told_the_configuration_it_does_not_know_and_who_the_agent_is():
    conversation = Conversation()
    assert alone(filled(MANAGER, MANAGER.probe, conversation)).choice == 0xE200
    told = learned(MANAGER, conversation, sent(AGENT, "accept_unknown_config"))
    assert data_of(alone(told)).argument[6:8] == b"\x0d\x1c"
    probe = data_of(alone(filled(MANAGER, MANAGER.probe, conversation)))
    assert (probe.choice, probe.invoke_id) == (CONFIRMED_EVENT_REPORT, data_of(alone(told)).invoke_id + 1)
    answer = data_of(alone(learned(MANAGER, conversation, presentation(777, GET, bytes(6)))))
    assert (answer.invoke_id, answer.choice) == (777, GET + RESPONSE)
    assert peer.GOT.write(peer.whole(peer.GOT, answer.argument)) == answer.argument
    for request, choice in ((sent(AGENT, "set_time"), 0x0207), (sent(AGENT, "set_attribute"), 0x0205)):
        answer = data_of(alone(learned(MANAGER, conversation, request)))
        assert (answer.choice, peer.whole(peer.ARGUMENTS[choice], answer.argument)["handle"]) == (choice, 0)
    assert learned(MANAGER, conversation, apdu(RLRQ, bytes(2))) == apdu(RLRE, bytes(2))
    assert alone(filled(MANAGER, MANAGER.probe, conversation)).choice == 0xE200


def test_an_agent_is_accepted_and_confirmed_and_asked_who_it_is():
    conversation = Conversation()
    assert filled(AGENT, AGENT.probe, conversation) == b""
    report = sent(MANAGER, "scan_report_fixed")
    assert learned(AGENT, conversation, report) == b""
    learned(AGENT, conversation, sent(MANAGER, "associate"))
    assert result_of(alone(filled(AGENT, AGENT.probe, conversation)))[0] == 3
    told = data_of(alone(learned(AGENT, conversation, sent(MANAGER, "configuration"))))
    assert peer.whole(peer.CONFIGURED, peer.whole(peer.EVENT, told.argument)["info"]) == {"id": 0x4000, "result": 0}
    assert data_of(alone(learned(AGENT, conversation, report))).choice == CONFIRMED_EVENT_REPORT + RESPONSE
    assert learned(AGENT, conversation, sent(MANAGER, "scan_report_unconfirmed")) == b""
    assert data_of(alone(filled(AGENT, AGENT.probe, conversation))).choice == GET


ABORT, ACCEPT = apdu(ABRT, bytes(2)), sent(AGENT, "accept")
OTHER = "its choice is that of another operation's response"
NO_VERSION = bent(MANAGER, "associate", "assoc_version", bytes(4))
OTHER_PROTOCOL = bent(AGENT, "accept", "data_proto_id", b"\0\1")
CONFIRMED = presentation(1, CONFIRMED_EVENT_REPORT + RESPONSE, bytes(10))


@pytest.mark.parametrize(
    ("asked", "reply", "answers", "why"),
    [
        (sent(MANAGER, "associate"), ACCEPT, True, ""),
        (sent(MANAGER, "associate"), ABORT, True, ""),
        (sent(MANAGER, "abort"), ABORT, False, ""),
        (sent(MANAGER, "release"), apdu(RLRE, bytes(2)), True, ""),
        (sent(MANAGER, "associate"), apdu(RLRE, bytes(2)), False, ""),
        (sent(MANAGER, "scan_report_fixed"), CONFIRMED, True, ""),
        (sent(MANAGER, "scan_report_fixed"), presentation(2, 0x0201, bytes(10)), False, ""),
        (sent(MANAGER, "scan_report_fixed"), presentation(1, 0x0300, bytes(4)), True, ""),
        (sent(MANAGER, "scan_report_fixed"), presentation(1, GET, bytes(6)), False, ""),
        (sent(MANAGER, "scan_report_fixed"), presentation(1, 0x0203, bytes(6)), True, OTHER),
        (sent(MANAGER, "scan_report_fixed"), apdu(PRST, CONFIRMED[4:] + b"x"), True, "its lengths leave a rest"),
        (sent(MANAGER, "associate"), apdu(AARE, alone(ACCEPT).body + b"x"), True, "its lengths leave a rest"),
        (sent(MANAGER, "error"), CONFIRMED, False, ""),
        (sent(MANAGER, "associate"), bent(AGENT, "accept", "result", b"\0\x09"), True, "there is no such result"),
        (sent(MANAGER, "associate"), OTHER_PROTOCOL, True, "it selects a protocol that was not proposed"),
        (NO_VERSION, ACCEPT, True, "it accepts a version of the association protocol that was not proposed"),
        (NO_VERSION, sent(AGENT, "reject"), True, ""),
        (bent(MANAGER, "associate", "data_proto_info", b""), ACCEPT, True, ""),
        (sent(MANAGER, "abort"), apdu(ABRT, b""), False, "its length is not 2"),
    ],
)
def test_what_answers_what_and_what_a_reply_cannot_be(asked, reply, answers, why):
    frame = frame_of(reply)
    assert (frame.kind, MANAGER.answers(asked, frame), MANAGER.wrong(asked, frame)) == (FrameKind.REPLY, answers, why)


@pytest.mark.parametrize(("protocol", "name"), NAMES)
def test_the_guard_withholds_a_message_whatever_its_lengths_say(protocol, name):
    pattern = protocol.forbidden([name])
    assert all(pattern.search(filled(protocol, form)) for form in protocol.message(name).valid)
    assert pattern.search(bent(protocol, name, "apdu_length", b"\xff\xff"))
    found = {other for other in protocol.messages if pattern.search(protocol.message(other).send().data)}
    alike = {other for other in protocol.messages if protocol.wire._codes[other] == protocol.wire._codes[name]}
    assert found == alike


@pytest.mark.parametrize(
    ("data", "waits"),
    [
        (sent(MANAGER, "associate")[:-1], True),
        (bent(MANAGER, "associate", "apdu_length", b"\1\0"), True),
        (b"\xe2", True),
        (sent(MANAGER, "associate") + sent(MANAGER, "abort"), False),
    ],
)
def test_a_device_may_wait_for_the_rest_of_an_apdu(data, waits):
    assert bool(MANAGER.wire.unfinished(data)) is waits
    assert not (waits and MANAGER.wire.expects_reply(data))
