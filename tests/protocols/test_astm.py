"""ASTM frames as the standard has them, what is a frame, an answer, and a host or an analyser that serves."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.interfaces import Conversation, Frame, FrameKind, Mark
from protocols.astm import ANALYZER, CONTROLS, astm_host
from protocols.astm_records import TYPES
from protocols.astm_wire import ACK, ENQ, EOT, NAK, PROBE
from protocols.load import load_protocol
from protocols.render import Change

HOST = astm_host()
PROTOCOLS = [HOST, ANALYZER]
RECORDS = [(protocol, name) for protocol in PROTOCOLS for name in protocol.messages if name not in CONTROLS]
REPLIES = {
    name: Frame(FrameKind.REPLY, data) for name, data in {"ACK": ACK, "NAK": NAK, "ENQ": ENQ, "EOT": EOT}.items()
}


def framed(number, text, end=b"\x03"):
    """A frame by hand."""
    block = b"%d" % number + text + end
    return b"\x02" + block + b"%02X" % (sum(block) % 256) + b"\r\n"


def sent(protocol, conversation, name, **values):
    """The bytes of a message as they go out now."""
    step = protocol.message(name).send(**values)
    data = step.data
    for live in step.live:
        data = data[: live.offset] + protocol.resolve(live, data, conversation) + data[live.offset + live.length :]
    return data


def probed(protocol, conversation, step=None):
    step = step or protocol.probe
    for live in step.live:
        protocol.resolve(live, step.data, conversation)
    return protocol.learn(REPLIES["ACK"], conversation)


@pytest.mark.parametrize(("protocol", "name"), RECORDS)
def test_a_record_goes_out_in_a_frame_of_its_own(protocol, name):
    for form in protocol.message(name).valid:
        found = re.fullmatch(rb"\x02([0-7])([^\x03\x17]*)([\x03\x17])([0-9A-F]{2})\r\n", form.data)
        assert found, form.data
        assert form.data == framed(int(found[1]), found[2], found[3])
        assert found[2].startswith(TYPES[name]) and found[2].endswith(b"\r") is (name != "comment_begin")
        assert protocol.wire.demands(form.data) and protocol.expects_reply(form.data)


def test_fields_are_where_the_standard_has_them():
    text = HOST.message("result").send(data_or_measurement_value="7").data[2:-5].split(b"|")
    assert (text[0], text[3], text[4], text[8]) == (b"R", b"7", b"mmol/L", b"F")
    text = HOST.message("order").send().data[2:-5].split(b"|")
    assert (len(text), text[4], text[25]) == (26, b"^^^GLU", b"F\r")
    assert len(HOST.message("patient").send().data.split(b"|")) == 26
    assert HOST.message("header").send().data[2:].startswith(b"H|\\^&|")


def test_a_checksum_is_the_sum_behind_stx_up_to_etx():
    """The frame that many a vendor's manual prints: 3L|1|N with 06."""
    message = HOST.message("terminator")
    assert message.send().data == b"\x021L|1|N\r\x0304\r\n"
    assert message.mutated([Change("fn", b"3")]).data == b"\x023L|1|N\r\x0306\r\n"


def test_frame_numbers_go_on_with_each_acknowledgement_and_begin_again_behind_an_enq():
    conversation, numbers = Conversation(), []
    sent(HOST, conversation, "enq")
    HOST.learn(REPLIES["ACK"], conversation)
    for _frame in range(9):
        numbers.append(sent(HOST, conversation, "comment")[1:2])
        HOST.learn(REPLIES["ACK"], conversation)
    assert b"".join(numbers) == b"123456701"
    sent(HOST, conversation, "enq")
    HOST.learn(REPLIES["ACK"], conversation)
    assert sent(HOST, conversation, "header")[1:2] == b"1"


@pytest.mark.parametrize("answer", ["NAK", "EOT", ""])
def test_a_frame_that_was_not_acknowledged_keeps_its_number(answer):
    conversation = Conversation()
    sent(HOST, conversation, "enq")
    HOST.learn(REPLIES["ACK"], conversation)
    for _again in range(2):
        data = sent(HOST, conversation, "header")
        assert data == framed(1, data[2:-5])
        if answer:
            HOST.learn(REPLIES[answer], conversation)


def test_what_is_bent_keeps_its_right_checksum_and_a_bent_checksum_its_number():
    message = HOST.message("comment")
    bent = message.mutated([Change("text.comment_text", b"A" * 300)])
    assert HOST.wire.demands(bent.data)
    wrong = message.mutated([Change("checksum", b"00")])
    assert wrong.data[:-4] == message.send().data[:-4] and not HOST.wire.demands(wrong.data)


def test_the_probe_leaves_an_idle_link_idle_and_one_in_transfer_there():
    conversation = Conversation()
    assert probed(HOST, conversation) == EOT
    assert probed(HOST, conversation, HOST.states["transfer"].preamble[0]) == b""
    assert probed(HOST, conversation) == b""
    assert sent(HOST, conversation, "header")[1:2] == b"1"


def test_what_the_device_sends_by_itself_is_received_and_answers_nothing():
    conversation = Conversation()
    frames, rest = ANALYZER.split(ENQ + framed(1, b"R|1|^^^GLU|5.4\r") + framed(2, b"L|1|N\r")[:-4] + b"00\r\n" + EOT)
    assert [ANALYZER.learn(frame, conversation) for frame in frames] == [ACK, ACK, NAK, b""]
    query = ANALYZER.message("query").send().data
    assert rest == b"" and not any(ANALYZER.answers(query, frame) for frame in frames[:3])
    assert frames[1].kind is FrameKind.UNSOLICITED
    assert (frames[1].fields["record_type_id"], frames[1].fields["field_4"], frames[1].fields["last"]) == (
        b"R",
        b"5.4",
        1,
    )


def test_an_enq_that_meets_ours_is_contention_and_an_echo_proves_nothing():
    conversation = Conversation()
    sent(HOST, conversation, "enq")
    assert HOST.learn(REPLIES["ENQ"], conversation) == b""
    frames, _rest = HOST.split(PROBE)
    assert not any(HOST.served(frame) for frame in frames)
    assert HOST.answers(PROBE, REPLIES["ENQ"]) and not HOST.answers(ENQ, REPLIES["ENQ"])


@pytest.mark.parametrize(
    ("data", "answer", "answers", "wrong"),
    [
        (framed(1, b"L|1|N\r"), "ACK", True, ""),
        (framed(1, b"L|1|N\r"), "NAK", True, ""),
        (framed(1, b"L|1|N\r"), "EOT", True, ""),
        (framed(1, b"L|1|N\r"), "ENQ", False, ""),
        (framed(1, b"L|1|N\r")[:-4] + b"00\r\n", "ACK", True, "wrong checksum"),
        (framed(1, b"L|1|N\r")[:-4] + b"00\r\n", "NAK", True, ""),
        (framed(8, b"L|1|N\r"), "ACK", True, "number"),
        (framed(1, b"L|\x03|N\r"), "ACK", True, ""),
        (framed(1, b"L|1|N\r") * 2, "ACK", True, ""),
        (EOT, "ACK", True, "EOT"),
        (EOT, "NAK", True, ""),
        (b"L|1|N\r", "ACK", True, "neither"),
        (b"", "ACK", False, ""),
    ],
)
def test_what_answers_and_what_no_device_may_say(data, answer, answers, wrong):
    frame = REPLIES[answer]
    assert (HOST.answers(data, frame), HOST.refuses(frame.data)) == (answers, answer == "NAK")
    told = HOST.wire.wrong(data, frame)
    assert wrong in told and bool(told) == bool(wrong)


def test_only_an_acknowledgement_serves():
    assert [HOST.served(REPLIES[name]) for name in ("ACK", "NAK", "ENQ", "EOT")] == [True, False, False, False]


@pytest.mark.parametrize("data", [framed(1, b"L|1|N\r")[:-1], framed(9, b"L|1|N\r"), b"", b"\x02", EOT, ACK])
def test_what_need_not_be_answered(data):
    assert not HOST.expects_reply(data) and not HOST.wire.demands(data)


@given(
    pieces=st.lists(
        st.one_of(st.sampled_from([framed(1, b"R|1\r"), b"\x02", b"\x03", b"\r\n", ENQ, ACK]), st.binary())
    ),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_any_bytes_in_any_pieces_are_split_without_loss_and_alike(pieces, cuts):
    stream, found, rest = b"".join(pieces), [], b""
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        frames, rest = HOST.split(rest + stream[start:stop])
        found += frames
    assert b"".join(frame.data for frame in found) + rest == stream
    whole = [frame.data for frame in HOST.split(stream)[0] if frame.kind is not FrameKind.STRAY]
    assert [frame.data for frame in found if frame.kind is not FrameKind.STRAY] == whole
    for frame in found:
        assert isinstance(dict(frame.fields), dict)
        HOST.learn(frame, Conversation())
        HOST.wire.wrong(stream, frame)


def test_a_frame_that_never_ends_is_let_go():
    frames, rest = HOST.split(b"\x021R|" + b"A" * 70_000)
    assert (len(frames), rest, frames[0].kind) == (1, b"", FrameKind.STRAY)


@pytest.mark.parametrize(("protocol", "name"), RECORDS)
def test_the_guard_withholds_a_record_in_all_its_forms_and_lets_the_probe_out(protocol, name):
    pattern = protocol.forbidden([name])
    assert all(pattern.search(form.data) for form in protocol.message(name).valid)
    assert pattern.search(protocol.message(name).send().data.replace(b"\x021", b"\x02").lower())
    others = {other for other in protocol.messages if pattern.search(protocol.message(other).send().data)}
    assert {TYPES[other] for other in others} == {TYPES[name]}
    assert not pattern.search(protocol.probe.data)


def test_orders_are_privileged_and_a_query_discloses():
    assert ANALYZER.marks["order"] == {Mark.PRIVILEGED}
    assert HOST.marks["query"] == {Mark.DISCLOSES_PATIENT_DATA}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_they_are_shipped(protocol):
    assert load_protocol(protocol.name).name == protocol.name


def test_a_host_that_does_not_stand_an_eot_at_first_is_asked_by_an_enq_alone():
    protocol = load_protocol("astm_host?probe=enq")
    assert (protocol.probe.data, HOST.probe.data) == (ENQ, PROBE)
    assert [step.data for step in protocol.states["transfer"].preamble] == [ENQ]
    assert protocol.resynchronization.filler.endswith(EOT)
    assert probed(protocol, Conversation()) == EOT


def test_a_probe_that_is_none_names_the_nearest():
    with pytest.raises(UsageError, match="'eot' is no probe"):
        astm_host("eot")
