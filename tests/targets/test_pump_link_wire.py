"""The pump link's framing, answers, live values and guard pattern."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.checksums import crc16_ccitt_false
from targets.pump.protocol.link import COMMANDS, PROTOCOL
from targets.pump.protocol.packets import DEFAULT_IMAGE, DEFAULT_VERSION, REQUESTS, PumpFrame, image_mac, prove
from targets.pump.protocol.replies import REPLIES, AlarmNotification, ChallengeReply, SessionReply, StatusReply
from targets.pump.protocol.wire import MAX_REPLY_LENGTH, parse_frame


def reply(body, sequence=1):
    return bytes(PumpFrame(sequence=sequence, opcode=body.opcode, body=body))


def sent(name, conversation=None, **values):
    """The message as the executor sends it."""
    step = PROTOCOL.message(name).send(**values)
    data, conversation = step.data, conversation or Conversation()
    for live in step.live:
        value = PROTOCOL.resolve(live, data, conversation)
        assert len(value) == live.length
        data = data[: live.offset] + value + data[live.offset + live.length :]
    return data


def parsed(body, sequence=1):
    frames, rest = PROTOCOL.split(reply(body, sequence))
    assert rest == b""
    return frames[0]


@given(st.binary(max_size=400))
def test_any_bytes_are_split_without_loss(data):
    frames, rest = PROTOCOL.split(data)
    assert b"".join(frame.data for frame in frames) + rest == data
    assert len(rest) <= MAX_REPLY_LENGTH + 5


@given(
    st.lists(
        st.one_of(st.just(reply(StatusReply())), st.binary(max_size=9).filter(lambda b: 0xA5 not in b)), max_size=8
    )
)
def test_all_frames_in_a_stream_are_found(parts):
    frames, _ = PROTOCOL.split(b"".join(parts))
    wanted = [part for part in parts if part.startswith(b"\xa5")]
    assert [frame.data for frame in frames if frame.kind is FrameKind.REPLY] == wanted


@given(st.binary(max_size=60), st.integers(0, 60))
def test_it_does_not_matter_how_the_stream_is_cut(noise, cut):
    stream = reply(StatusReply()) + noise.replace(b"\xa5", b"") + reply(ChallengeReply(), 2)
    frames, rest = PROTOCOL.split(stream[:cut])
    more, _ = PROTOCOL.split(rest + stream[cut:])
    found = [frame.data for frame in (*frames, *more) if frame.kind is FrameKind.REPLY]
    assert found == [reply(StatusReply()), reply(ChallengeReply(), 2)]


def test_a_frame_with_a_wrong_crc_is_stray():
    data = reply(StatusReply())[:-1] + b"\0"
    frames, rest = PROTOCOL.split(data + reply(ChallengeReply()))
    assert [frame.kind for frame in frames] == [FrameKind.STRAY, FrameKind.REPLY]
    assert rest == b""


def test_console_text_between_frames_is_stray():
    frames, _ = PROTOCOL.split(b"boot\r\n" + reply(StatusReply()) + b"ok\r\n")
    assert [frame.kind for frame in frames] == [FrameKind.STRAY, FrameKind.REPLY, FrameKind.STRAY]


def test_a_notification_is_unsolicited():
    assert parsed(AlarmNotification(alarms=1), 0).kind is FrameKind.UNSOLICITED


def test_the_probe_s_answer_gives_state_and_identity():
    frame = parsed(StatusReply(therapy_state=2, firmware=0x0202, pending=3))
    assert PROTOCOL.served(frame)
    assert (frame.fields["therapy_state"], frame.fields["pending"]) == (2, 3)
    identity = PROTOCOL.identity(frame)
    assert (identity.model, identity.serial, identity.firmware) == ("MP-405", "SN-0004711", "2.2")


def test_a_reply_answers_the_message_with_its_sequence_and_command():
    status = sent("status")
    assert PROTOCOL.answers(status, parsed(StatusReply(), status[3]))
    assert not PROTOCOL.answers(status, parsed(StatusReply(), status[3] + 1))
    assert not PROTOCOL.answers(status, parsed(ChallengeReply(), status[3]))
    assert PROTOCOL.answers(b"\xa5\xff\xff\x01", parsed(StatusReply(), 9))


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", False), (b"no frame", False), (b"\xa5\x02", False), (b"\xa5\xff\xff", True), (b"\xa5\0\0", True)],
)
def test_what_must_be_answered(data, expected):
    assert PROTOCOL.expects_reply(data) is expected


def test_every_whole_message_must_be_answered_and_no_part_of_one():
    for name in PROTOCOL.messages:
        data = sent(name)
        assert PROTOCOL.expects_reply(data)
        assert not PROTOCOL.expects_reply(data[:-1])


def test_a_session_is_opened_with_the_challenge_s_answer():
    conversation = Conversation()
    PROTOCOL.learn(parsed(ChallengeReply(challenge=b"12345678")), conversation)
    assert prove(b"12345678") in sent("prove", conversation)
    PROTOCOL.learn(parsed(SessionReply(token=0x11223344, counter=41)), conversation)
    bolus = sent("bolus", conversation)
    assert bolus[5:9] == b"\x44\x33\x22\x11"
    assert bolus[9:13] == (42).to_bytes(4, "little")
    assert sent("bolus", conversation)[9:13] == (43).to_bytes(4, "little")


def test_a_refusal_teaches_nothing():
    conversation = Conversation()
    PROTOCOL.learn(Frame(FrameKind.REPLY, b"\xa5\3\0\1\x83\4\0\0"), conversation)
    assert "token" not in conversation.values


@pytest.mark.parametrize("name", sorted(PROTOCOL.messages))
def test_what_goes_out_has_a_right_crc(name):
    data = sent(name, Conversation({"token": 0xA5A5A5A5, "challenge": b"abcdefgh"}))
    assert data[-2:] == crc16_ccitt_false(data[1:-2]).to_bytes(2, "little")


def test_the_update_s_mac_follows_version_and_size():
    assert image_mac(DEFAULT_VERSION, DEFAULT_IMAGE) in sent("update_begin")
    assert image_mac(7, DEFAULT_IMAGE) in sent("update_begin", version=7)


def test_the_library_digest_is_over_the_parts_that_went_out():
    conversation = Conversation()
    sent("library_begin", conversation)
    parts = [sent("library_part", conversation, index=i)[9:-2] for i in range(2)]
    commit = sent("library_commit", conversation)
    assert commit[9:11] == crc16_ccitt_false(b"".join(parts)).to_bytes(2, "little")


def test_sequences_differ():
    conversation = Conversation()
    assert [sent("status", conversation)[3] for _ in range(3)] == [1, 2, 3]


@given(st.binary(max_size=30), st.binary(max_size=3), st.sampled_from(sorted(COMMANDS)), st.binary(max_size=20))
def test_the_guard_sees_a_forbidden_command_at_any_place(before, head, name, after):
    head = head.ljust(3, b"\0")
    frame = b"\xa5" + head + bytes([COMMANDS[name]]) + after
    assert PROTOCOL.forbidden([name]).search(before + frame)


def test_the_guard_lets_other_commands_pass():
    pattern = PROTOCOL.forbidden(["bolus"])
    assert pattern.search(sent("bolus"))
    assert not any(pattern.search(sent(name)) for name in PROTOCOL.messages if name != "bolus")


def test_a_live_field_nobody_resolves_is_an_error():
    with pytest.raises(Exception, match="no resolver"):
        PROTOCOL.resolve(LiveField("unheard", 0, 1), b"\0", Conversation())


def test_the_places_of_a_status_replys_integers_are_where_the_parser_reads_them():
    values = {"uptime_ms": 0x01020304, "boots": 0x0506, "therapy_state": 7, "pending": 8, "configuration": 0x090A0B0C}
    data = reply(StatusReply(**values))
    places, read = PROTOCOL.wire.places(), parse_frame(data)
    assert places.keys() == {name for name, value in read.items() if isinstance(value, int)} - {"sequence", "command"}
    for name, (offset, length, order) in places.items():
        assert int.from_bytes(data[offset : offset + length], order) == read[name]


@st.composite
def frames(draw):
    """A frame with any code and body, or with a body that its code has, whole, cut or bent."""
    code, kind = draw(st.sampled_from([*(REQUESTS | REPLIES).items()]))
    body = bytearray(draw(st.one_of(st.just(bytes(kind())), st.binary(max_size=60))))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 255)), max_size=3)):
        body[place : place + 1] = bytes([value])
    return b"\xa5" + (len(body) + 2).to_bytes(2, "little") + bytes([7, code]) + bytes(body) + b"\x12\x34"


@settings(max_examples=300, deadline=None)
@given(frames())
def test_a_frame_reads_as_scapy_reads_it(data):
    expected, frame = {}, PumpFrame(data)
    for field in getattr(frame.body, "fields_desc", ()):
        value = frame.body.getfieldval(field.name)
        text = isinstance(value, bytes) and value.rstrip(b"\0").isascii()
        expected[field.name] = value.rstrip(b"\0").decode() if text else value
    assert parse_frame(data) == {"sequence": 7, "command": data[4], **expected}
