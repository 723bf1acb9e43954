"""Plain HL7 v2 over MLLP: messages that a reader of HL7 can read, and what counts as an answer of a live server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.guard import OVERLAP
from harness.interfaces import Conversation, FrameKind, Mark
from protocols.hl7_mllp import MESSAGES, PROTOCOL, TYPES
from protocols.hl7_wire import MAX_BLOCK

SENT = MESSAGES["update"].send().data
WHOLE = "MSH|^~\\&|RECEIVER|HOSPITAL|GATEWAY|HOSPITAL|||ACK^A08|77|P|2.5\rMSA|{}|{}\r"
# Segments that the message structures of HL7 2.5 (chapters 3, 4, 5, 7) require, in their order.
REQUIRED = {
    "ADT^A01": ["MSH", "EVN", "PID", "PV1"],
    "ADT^A03": ["MSH", "EVN", "PID", "PV1"],
    "ADT^A04": ["MSH", "EVN", "PID", "PV1"],
    "ADT^A08": ["MSH", "EVN", "PID", "PV1"],
    "ORU^R01": ["MSH", "PID", "PV1", "OBR", "OBX", "OBX"],
    "ORM^O01": ["MSH", "PID", "PV1", "ORC", "OBR"],
    "RGV^O15": ["MSH", "PID", "ORC", "RXG"],
    "QRY^R02": ["MSH", "QRD"],
    "QBP^Q11": ["MSH", "QPD", "RCP"],
    "ACK^R01": ["MSH", "MSA"],
}


def block(text, encoding="utf-8"):
    return b"\x0b" + text.encode(encoding) + b"\x1c\r"


def ack(code="AA", identifier="MSG00001"):
    return block(WHOLE.format(code, identifier))


def frame(data):
    (found,), rest = PROTOCOL.split(data)
    assert rest == b""
    return found


def read(data):
    """By hand, as HL7 2.5 section 2.5 has it: segments end in CR, the field separator is the fourth character."""
    assert (data[:1], data[-3:]) == (b"\x0b", b"\r\x1c\r")
    lines = data[1:-3].decode("ascii").split("\r")
    return [line.split(lines[0][3]) for line in lines]


@pytest.mark.parametrize("name", MESSAGES)
def test_each_message_has_the_segments_of_its_structure(name):
    for form in MESSAGES[name].valid:
        segments = read(form.data)
        header = segments[0]  # MSH-1 is the separator itself: MSH-n is at n - 1
        assert header[8].startswith(TYPES[name])
        assert [fields[0] for fields in segments] == REQUIRED[header[8]]
        assert (header[1], header[9], header[11], header[17]) == ("^~\\&", "MSG00001", "2.5", "UNICODE UTF-8")
        event = next((fields for fields in segments if fields[0] == "EVN"), None)
        assert event is None or event[1] == TYPES[name].partition("^")[2]


def test_observations_are_a_number_and_a_text():
    numeric, text = (fields for fields in read(MESSAGES["observe"].send().data) if fields[0] == "OBX")
    assert (numeric[2], numeric[5], numeric[11]) == ("NM", "72", "F")
    assert (text[2], text[5], text[11]) == ("ST", "sinus", "F")


def test_a_dose_is_where_its_receiver_looks_for_it():
    give = read(MESSAGES["give"].send().data)[-1]
    assert (give[4], give[5], give[7], give[15], give[16]) == ("1^MORPHINE", "20", "mL", "5.0", "mL/h")


def test_orders_are_therapy_and_admissions_privileged():
    marked = {mark: {name for name, marks in PROTOCOL.marks.items() if mark in marks} for mark in Mark}
    assert marked[Mark.THERAPY] == {"order", "give"}
    assert marked[Mark.PRIVILEGED] == {"update", "admit", "register", "discharge"}
    assert marked[Mark.DISCLOSES_PATIENT_DATA] == {"query", "query_by_parameter"}


def test_it_has_one_state_and_asks_nothing_of_it():
    (state,) = PROTOCOL.states.values()
    assert (state.name, state.preamble, dict(state.proof)) == ("idle", (), {})


@pytest.mark.parametrize(
    ("data", "answers", "served"),
    [
        (ack("AA"), True, True),
        (ack("AE"), True, True),
        (ack("AR"), True, True),
        (ack("CA"), True, True),
        (ack("CR"), True, True),
        (ack("AA", "MSG00002"), False, True),
        (ack("AA", ""), True, False),
        (ack("??"), True, False),
        (SENT, False, False),
        (SENT.replace(b"JANE", b"J"), False, False),
        (block("garbage"), False, False),
        (block(""), False, False),
        (block("\x06"), False, False),
        (block("\x15"), False, False),
        (block(WHOLE.format("AA", "MSG00001").partition("MSA")[0]), False, False),
        (block("MSA|AA|MSG00001\r"), False, False),
        (block(WHOLE.format("AE", "MSG00001") + "ERR|||207^field|E\r"), True, True),
        (block(WHOLE.format("AA", "MSG00001").replace("\r", "\n")), True, True),
        (block(WHOLE.format("AA", "MSG00001").replace("\r", "\r\n")), True, True),
        (block(WHOLE.format("AA", "MSG00001").replace("|", "@")), True, True),
        (block(WHOLE.format("AA", "MSG00001").rstrip("\r")), True, True),
        (block(WHOLE.format("AA", "MSG00001|Müller"), "latin-1"), True, True),
        (block("\ufeff" + WHOLE.format("AA", "MSG00001|Müller")), True, True),
        (block(WHOLE.format("AA", "MSG00001").replace("ACK^A08", "RSP^K11")), True, True),
    ],
)
def test_what_answers_and_what_proves_that_it_serves(data, answers, served):
    found = frame(data)
    assert (PROTOCOL.answers(SENT, found), PROTOCOL.served(found)) == (answers, served)


def test_what_is_no_block_answers_nothing():
    (found,), rest = PROTOCOL.split(b"HTTP/1.1 400 Bad Request\r\n")
    assert (found.kind, rest) == (FrameKind.STRAY, b"")
    assert not PROTOCOL.answers(SENT, found)
    assert not PROTOCOL.served(found)


def test_a_commit_and_an_application_acknowledgement_are_both_answers():
    frames, rest = PROTOCOL.split(ack("CA") + ack("AA"))
    assert rest == b""
    assert [(found.fields["acknowledgement"], PROTOCOL.answers(SENT, found)) for found in frames] == [
        ("CA", True),
        ("AA", True),
    ]


@given(st.integers(0, 2 * len(ack())))
def test_an_answer_is_found_however_the_stream_is_cut(cut):
    stream = ack("CA") + ack("AA")
    frames, rest = PROTOCOL.split(stream[:cut])
    more, rest = PROTOCOL.split(rest + stream[cut:])
    assert ([found.data for found in (*frames, *more)], rest) == ([ack("CA"), ack("AA")], b"")


@given(st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"MSH|", b"MSA|", b"a", ack()]), max_size=30))
def test_any_bytes_are_split_without_loss(parts):
    data = b"".join(parts)
    frames, rest = PROTOCOL.split(data)
    assert b"".join(found.data for found in frames) + rest == data


@given(st.binary(max_size=300))
def test_hostile_blocks_never_raise(content):
    for found in PROTOCOL.split(b"\x0b" + content + b"\x1c\r")[0]:
        assert isinstance(dict(found.fields), dict)
        PROTOCOL.answers(content, found)
        PROTOCOL.served(found)
        PROTOCOL.expects_reply(content)


def test_a_block_that_never_ends_is_let_go():
    frames, rest = PROTOCOL.split(b"\x0b" + b"x" * (MAX_BLOCK + 1))
    assert (frames[0].kind, rest) == (FrameKind.STRAY, b"")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (SENT, True),
        (SENT.replace(b"JANE", b"J\\ANE" * 99), True),
        (SENT[:-2], False),
        (SENT[1:], False),
        (SENT.replace(b"|", b"@"), False),
        (SENT.replace(b"^~\\&", b""), False),
        (SENT.replace(b"ADT^A08", b"^A08"), False),
        (SENT.replace(b"MSG00001", b""), False),
        (SENT.replace(b"JANE", b"\x1c\r"), True),
        (SENT.replace(b"GATEWAY", b"\x1c\r"), False),
        (SENT.replace(b"JANE", b"\x0b"), False),
        (MESSAGES["acknowledge"].send().data, False),
        (b"", False),
    ],
)
def test_what_must_be_answered(sent, expected):
    assert PROTOCOL.expects_reply(sent) is expected


@pytest.mark.parametrize("bent", [b"", b"^^^^", b"A&B", b"x" * 21, b"\\F\\"])
def test_where_no_plain_control_id_was_sent_any_acknowledgement_answers(bent):
    assert PROTOCOL.answers(SENT.replace(b"MSG00001", bent), frame(ack("AR", "")))
    assert PROTOCOL.answers(SENT.replace(b"MSG00001", bent), frame(ack("AE", "other")))


def test_each_message_has_a_control_id_of_its_own():
    conversation, sent = Conversation(), []
    for name in ("update", "observe"):
        step = MESSAGES[name].send()
        (live,) = step.live
        value = PROTOCOL.resolve(live, step.data, conversation)
        sent.append(step.data[: live.offset] + value + step.data[live.offset + live.length :])
    assert [PROTOCOL.answers(data, frame(ack("AA", "MSG00002"))) for data in sent] == [False, True]


def test_an_answer_is_read():
    text = WHOLE.format("AA", "MSG00001").replace("ACK^A08", "ORF^R04")
    text += "OBX|1|NM|8867-4^Heart rate^LN||72\rOBX|2|NM|37.5^x||36.6\rOBX|3|ST|RHYTHM||sinus\r"
    fields = frame(block(text)).fields
    assert (fields["type"], fields["acknowledgement"], fields["control_id"]) == ("ORF^R04", "AA", "MSG00001")
    assert (fields["8867-4"], fields["37.5"], fields["RHYTHM"]) == (72, "36.6", "sinus")


@pytest.mark.parametrize("name", MESSAGES)
def test_the_guard_withholds_one_message_and_lets_the_others_out(name):
    pattern = PROTOCOL.forbidden([name])
    assert [other for other in MESSAGES if pattern.search(MESSAGES[other].send().data)] == [name]


@pytest.mark.parametrize("data", [b"\x0bMSH@^~\\&@@@@@@@adt!a01@", b"ADTA01", b"ADT^^^A01", b"adt\r\n^A01"])
def test_the_guard_sees_a_type_whatever_its_delimiters(data):
    found = PROTOCOL.forbidden(["admit"]).search(data)
    assert found and len(found[0]) <= OVERLAP
