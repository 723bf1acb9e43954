"""Protocols of binary frames by their layout: as one written by hand, and as an independent program reads them."""

import struct
from pathlib import Path

import pytest
from framed_warmer import PROTOCOL as FRAMED
from hypothesis import given, settings
from hypothesis import strategies as st
from pyubx2 import GET, POLL, SET, UBXMessage, UBXReader

from harness.case import LiveField
from harness.errors import UsageError
from harness.interfaces import Conversation, FrameKind
from protocols.checksums import ALGORITHMS
from protocols.framed import Rules, command, framed, read
from protocols.framing import Framing, always, body, checksum, code, counter, length, start
from protocols.load import load_protocol

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
WARMER = load_protocol(f"{EXAMPLES / 'warmer.py'}:PROTOCOL")
GNSS = load_protocol(f"{EXAMPLES / 'gnss.py'}:PROTOCOL")
drawn = settings(deadline=None, derandomize=True, database=None)


def framed_reply(number, said, sequence=1):
    """A reply of the warmer's."""
    content = bytes([sequence, number]) + said
    covered = bytes([len(content)]) + content
    return b"\xaa" + covered + ALGORITHMS.get("crc16_modbus").compute(covered).to_bytes(2, "little")


replies = st.builds(
    framed_reply, st.sampled_from([0x81, 0x82, 0x84, 0x70, 0x05]), st.binary(max_size=30), st.integers(0, 3)
)
streams = st.lists(st.one_of(replies, st.binary(max_size=6), st.just(b"\xaa"), st.just(b"\xaa\x02")), max_size=6).map(
    b"".join
)


# -- as one that is written by hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WARMER.messages)
def test_messages_are_as_those_that_are_written_by_hand(name):
    ours, theirs = FRAMED.messages[name], WARMER.messages[name]
    assert [send.data for send in ours.valid] == [send.data for send in theirs.valid]
    assert ours.marks == theirs.marks and ours.accepted_in == theirs.accepted_in
    alive = [(live.name.replace("counter", "sequence"), live.offset, live.length) for live in ours.send().live]
    assert alive == [(live.name, live.offset, live.length) for live in theirs.send().live]


@drawn
@given(streams)
def test_frames_are_found_where_they_are_by_hand(buffer):
    (ours, our_rest), (theirs, their_rest) = FRAMED.wire.split(buffer), WARMER.wire.split(buffer)
    assert our_rest == their_rest

    def bare(frames):
        """Kinds and bytes; stray pieces in one, however they were cut."""
        joined = []
        for frame in frames:
            if frame.kind is FrameKind.STRAY and joined and joined[-1][0] is FrameKind.STRAY:
                joined[-1] = (FrameKind.STRAY, joined[-1][1] + frame.data)
            else:
                joined.append((frame.kind, frame.data))
        return joined

    assert bare(ours) == bare(theirs)


@drawn
@given(replies, st.sampled_from(sorted(WARMER.messages)), st.integers(0, 3))
def test_what_answers_what_is_as_by_hand(reply, name, sequence):
    sent = bytearray(WARMER.messages[name].send().data)
    sent[2] = sequence
    sent[-2:] = ALGORITHMS.get("crc16_modbus").compute(bytes(sent[1:-2])).to_bytes(2, "little")
    (ours,), _rest = FRAMED.wire.split(reply)
    (theirs,), _rest = WARMER.wire.split(reply)
    assert FRAMED.answers(bytes(sent), ours) == WARMER.answers(bytes(sent), theirs)
    assert FRAMED.expects_reply(bytes(sent)) and not FRAMED.expects_reply(bytes(sent[:-1]))
    assert FRAMED.session_lapsed(ours) == (
        WARMER.session_lapsed(theirs) and ours.kind is FrameKind.REPLY and "status" in ours.fields
    )


def test_what_must_not_leave_is_recognized_as_by_hand():
    for names in ([], ["erase"], ["heat", "status"]):
        for message in WARMER.messages.values():
            ours, theirs = (wire.forbidden(names).search(message.send().data) for wire in (FRAMED.wire, WARMER.wire))
            assert bool(ours) == bool(theirs) == (message.name in names)


def test_a_token_is_learned_of_a_reply_that_does_not_refuse_and_sent_from_then_on():
    conversation = Conversation()
    for status, token in ((1, 9), (0, 77)):
        (frame,), _rest = FRAMED.split(framed_reply(0x82, bytes([status]) + struct.pack(">I", token)))
        FRAMED.learn(frame, conversation)
        assert conversation.values.get("token") == (77 if status == 0 else None)
    send = FRAMED.messages["heat"].send()
    data = send.filled(lambda live, data: FRAMED.resolve(live, data, conversation))
    assert (data[2], data[4:8]) == (1, struct.pack(">I", 77))
    assert FRAMED.wire.split(data)[0][0].data == data  # and its checksum is right


def test_the_probe_is_served_by_its_own_reply_alone():
    status = struct.pack(">BBBHI8sH", 0, 0, 0, 370, 7, b"FW-00017", 0x0203)
    for number, said, serves in (
        (0x81, status, True),
        (0x81, b"\1" + status[1:], False),
        (0x82, status, False),
        (0x70, b"\0", False),
    ):
        (frame,), _rest = FRAMED.split(framed_reply(number, said))
        assert FRAMED.served(frame) is serves
    (frame,), _rest = FRAMED.split(framed_reply(0x81, status))
    assert FRAMED.identity(frame).serial == "FW-00017"


# -- as an independent program reads them ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GNSS.messages)
def test_pyubx2_reads_every_valid_message_as_what_it_is(name):
    polls = {
        "version": "MON-VER",
        "position": "NAV-POSLLH",
        "status": "NAV-STATUS",
        "rate": "CFG-RATE",
        "port": "CFG-PRT",
    }
    sets = {
        "set_rate": "CFG-RATE",
        "message_rate": "CFG-MSG",
        "set_port": "CFG-PRT",
        "save": "CFG-CFG",
        "restart": "CFG-RST",
    }
    for send in GNSS.messages[name].valid:
        read_as = UBXReader.parse(send.data, msgmode=POLL if name in polls else SET)
        assert read_as.identity == (polls | sets)[name]
    if name == "set_rate":
        assert {UBXReader.parse(send.data, msgmode=SET).measRate for send in GNSS.messages[name].valid} >= {
            50,
            1000,
            10_000,
        }


@drawn
@given(st.integers(1, 0xFFFF), st.integers(0, 127), st.binary(max_size=5), st.integers(0, 40))
def test_what_pyubx2_writes_is_read_without_rest_however_it_is_cut(rate, navigation, noise, cut):
    said = UBXMessage("CFG", "CFG-RATE", GET, measRate=rate, navRate=navigation, timeRef=1).serialize()
    refused = UBXMessage("ACK", "ACK-NAK", GET, clsID=6, msgID=8).serialize()
    noise = noise.replace(b"\xb5", b"")
    stream = noise + said + refused
    frames, rest = GNSS.split(stream)
    first, held = GNSS.split(stream[:cut])
    assert rest == b"" and b"".join(f.data for f in (*first, *GNSS.split(held + stream[cut:])[0])) == stream
    rated, nak = (frame for frame in frames if frame.kind is FrameKind.REPLY)
    assert dict(rated.fields) == {"meas_rate": rate, "nav_rate": navigation, "time_ref": 1}
    polled, changed, other = (GNSS.messages[name].send().data for name in ("rate", "set_rate", "save"))
    assert [GNSS.answers(sent, rated) for sent in (polled, changed, other)] == [True, True, False]
    assert [GNSS.answers(sent, nak) for sent in (polled, changed, other)] == [True, True, False]
    assert (GNSS.refuses(refused), GNSS.refuses(said), GNSS.served(rated)) == (True, False, False)


def test_the_probe_names_the_receivers_version():
    said = UBXMessage(
        "MON", "MON-VER", GET, swVersion=b"ROM SPG 5.10".ljust(30, b"\0"), hwVersion=b"00190000".ljust(10, b"\0")
    )
    (frame,), _rest = GNSS.split(said.serialize())
    assert GNSS.served(frame) and GNSS.identity(frame).firmware == "ROM SPG 5.10"


# -- what does not fit -------------------------------------------------------------------------------------------------

PARTS = (start(b"\xaa"), code(), length(2, "little"), body())


def test_a_frame_without_checksum_with_an_address_and_a_counter_of_two_bytes_goes_there_and_back():
    framing = Framing(
        start(b"\x02"), always("address", b"\x07"), counter(2, "little"), code(), length(2, first="start"), body()
    )
    protocol = framed(
        "bare", framing, [command("ask", 9, says="state:B name:4s rest:*")], probe="ask", rules=Rules(order="little")
    )
    conversation = Conversation()
    data = protocol.probe.filled(lambda live, data: protocol.resolve(live, data, conversation))
    assert data == b"\x02\x07\x01\x00\x09\x00\x07"
    (frame, noise), rest = protocol.split(b"\x02\x07\x01\x00\x09\x00\x0f\x05ab\0\0xyz!\x02")
    assert (noise.data, rest) == (b"!", b"\x02")
    assert dict(frame.fields) == {"state": 5, "name": "ab", "rest": b"xyz"}
    assert protocol.answers(data, frame) and protocol.served(frame)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (PARTS[:-1], "needs body"),
        ((PARTS[0], PARTS[3]), "needs length and code"),
        ((PARTS[1], PARTS[0], *PARTS[2:]), "begins with its start"),
        ((PARTS[0], PARTS[1], PARTS[3], PARTS[2]), "before its body"),
        (
            (*PARTS[:2], length(1, first="head"), body()),
            "'head', which the frame does not have: start, code, length, body",
        ),
        ((*PARTS, checksum("xor8", first="sequence")), "'sequence', which the frame does not have"),
    ],
)
def test_a_frame_that_is_none_is_refused_with_what_it_lacks(parts, why):
    with pytest.raises(UsageError, match=why):
        framed("x", Framing(*parts), [command("ask", 1)], probe="ask")


@pytest.mark.parametrize("says", ["state", "state:", ":B", "state:BB", "state:z", "state:8"])
def test_what_is_no_field_of_a_reply_is_refused_when_the_protocol_is_made(says):
    with pytest.raises(UsageError, match="is no field: write name:format"):
        framed("x", Framing(*PARTS), [command("ask", 1, says=says)], probe="ask")


def test_a_probe_that_is_no_command_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"no command 'stats' to ask\. Did you mean 'status'"):
        framed("x", Framing(*PARTS), [command("status", 1)], probe="stats")


@drawn
@given(st.binary(max_size=20))
def test_nothing_that_comes_makes_a_reader_raise(data):
    assert len(read("a:B b:<H c:3s d:*", data)) <= 4
    frames, rest = GNSS.split(data)
    assert b"".join(frame.data for frame in frames) + rest == data


def test_a_live_field_of_another_name_is_refused():
    with pytest.raises(UsageError, match="'other' has no resolver"):
        FRAMED.wire.resolve(LiveField("other", 0, 1), b"\0", Conversation())


def test_the_example_fits_on_a_page():
    lines = (EXAMPLES / "gnss.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60 and len(GNSS.messages) == 10
