"""The pump's HL7: blocks, its status reply, control ids, the guard pattern."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.interfaces import Conversation, FrameKind
from protocols.hl7_wire import MAX_BLOCK
from targets.pump.protocol.hl7 import PROTOCOL

ACK = b"\x0bMSH|^~\\&|MP405|WARD3|GATEWAY|WARD3|||ACK^O15|P7|P|2.6\rMSA|AA|MSG00001\r\x1c\r"
STATUS = (
    b"\x0bMSH|^~\\&|MP405|WARD3|GATEWAY|WARD3|||ORF^R04|P8|P|2.6\rMSA|AA|MSG00002\rQRD||R|I|Q17\r"
    b"OBX|1|ST|SERIAL||SN-0004711\rOBX|2|NM|STATE||1\rOBX|6|NM|UPTIME||5250\rOBX|8|NM|FIRMWARE||514\r"
    b"OBX|9|ST|CONFIG||5C0A11D2\rOBX|10|NM|WRITES||0\r\x1c\r"
)


def frame(data):
    frames, rest = PROTOCOL.split(data)
    assert rest == b""
    return frames[0]


def sent(name, conversation):
    step = PROTOCOL.message(name).send()
    live = step.live[0]
    value = PROTOCOL.resolve(live, step.data, conversation)
    assert len(value) == live.length
    return step.data[: live.offset] + value + step.data[live.offset + live.length :]


@given(st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"MSH|", b"a", ACK]), max_size=30))
def test_any_bytes_are_split_without_loss(parts):
    data = b"".join(parts)
    frames, rest = PROTOCOL.split(data)
    assert b"".join(frame.data for frame in frames) + rest == data


@given(st.binary(max_size=300))
def test_hostile_blocks_never_raise(content):
    for found in PROTOCOL.split(b"\x0b" + content + b"\x1c\r")[0]:
        assert isinstance(dict(found.fields), dict)
        PROTOCOL.identity(found)
        PROTOCOL.answers(content, found)


@given(st.lists(st.sampled_from([ACK, STATUS]), max_size=5), st.integers(0, 400))
def test_all_blocks_in_a_stream_are_found_however_it_is_cut(parts, cut):
    stream = b"".join(parts)
    frames, rest = PROTOCOL.split(stream[:cut])
    more, rest = PROTOCOL.split(rest + stream[cut:])
    assert [frame.data for frame in (*frames, *more)] == parts
    assert rest == b""


def test_a_block_that_never_ends_is_let_go():
    frames, rest = PROTOCOL.split(b"\x0b" + b"x" * (MAX_BLOCK + 1))
    assert (frames[0].kind, rest) == (FrameKind.STRAY, b"")


def test_text_between_blocks_is_stray():
    frames, _ = PROTOCOL.split(b"hello" + ACK)
    assert [found.kind for found in frames] == [FrameKind.STRAY, FrameKind.REPLY]


def test_the_status_reply_is_read():
    found = frame(STATUS)
    assert PROTOCOL.served(found)
    assert (found.fields["therapy_state"], found.fields["uptime_ms"]) == (1, 5250)
    assert found.fields["configuration"] == 0x5C0A11D2
    assert PROTOCOL.identity(found).serial == "SN-0004711"
    assert PROTOCOL.identity(found).firmware == "2.2"


def test_a_control_id_is_new_each_time_and_an_answer_echoes_it():
    conversation = Conversation()
    first, second = sent("order", conversation), sent("order", conversation)
    assert b"|MSG00001|" in first
    assert b"|MSG00002|" in second
    assert PROTOCOL.answers(first, frame(ACK))
    assert not PROTOCOL.answers(second, frame(ACK))
    assert PROTOCOL.answers(b"\x0bgarbage\x1c\r", frame(ACK))


@pytest.mark.parametrize(
    ("data", "expected"), [(b"\x0bMSH\x1c\r", True), (b"MSH\x1c\r", False), (b"\x0bMSH", False), (b"", False)]
)
def test_what_must_be_answered(data, expected):
    assert PROTOCOL.expects_reply(data) is expected


def test_the_guard_sees_a_forbidden_type_whatever_the_delimiters():
    pattern = PROTOCOL.forbidden(["order"])
    assert pattern.search(PROTOCOL.message("order").send().data)
    assert pattern.search(b"\x0bMSH@^~\\&@@@@@@@rgv!O15@")
    assert not pattern.search(PROTOCOL.message("query").send().data)


def test_segments_are_as_the_readme_has_them():
    assert PROTOCOL.message("order").send().data == (
        b"\x0bMSH|^~\\&|GATEWAY|WARD3|MP405|WARD3|20260101120000||RGV^O15|MSG00001|P|2.6\r"
        b"PID|1||PAT-0001||DOE^JANE\rORC|NW|ORDER-17\rRXG|1|||1^MORPHINE|20||mL||||||||5.0|mL/h\r\x1c\r"
    )
