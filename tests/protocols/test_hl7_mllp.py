"""Plain HL7 v2 over MLLP: messages that a reader of HL7 can read, and what counts as an answer of a live server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.case import LiveField
from harness.guard import OVERLAP
from harness.interfaces import Conversation, FrameKind, Mark
from protocols.hl7_mllp import TYPES, VERSIONS, hl7_mllp
from protocols.hl7_wire import MAX_BLOCK

PROTOCOL = hl7_mllp()
MESSAGES = PROTOCOL.messages
SENT = MESSAGES["update"].send().data
WHOLE = "MSH|^~\\&|RECEIVER|HOSPITAL|GATEWAY|HOSPITAL|||ACK^A08|77|P|2.5\rMSA|{}|{}\r"
# Segments that the message structures of HL7 2.5 (chapters 2, 3, 4, 5, 7, 9, 10) require, in their order.
NAMES = ["MSH", "EVN", "PID", "PV1"]
REQUIRED = {
    **dict.fromkeys(("ADT^A01", "ADT^A02", "ADT^A03", "ADT^A04", "ADT^A05", "ADT^A08", "ADT^A11"), NAMES),
    **dict.fromkeys(("ADT^A28", "ADT^A31"), NAMES),
    "ADT^A40": ["MSH", "EVN", "PID", "MRG"],
    "ORU^R01": ["MSH", "PID", "PV1", "OBR", "OBX", "OBX"],
    "ORM^O01": ["MSH", "PID", "PV1", "ORC", "OBR"],
    "OMP^O09": ["MSH", "PID", "PV1", "ORC", "TQ1", "RXO", "RXR"],
    "RDE^O11": ["MSH", "PID", "ORC", "RXE", "TQ1", "RXR"],
    "RGV^O15": ["MSH", "PID", "ORC", "RXG", "TQ1", "RXR"],
    "RAS^O17": ["MSH", "PID", "ORC", "RXA", "RXR"],
    "QRY^R02": ["MSH", "QRD"],
    "QBP^Q11": ["MSH", "QPD", "RCP"],
    "RSP^K11": ["MSH", "MSA", "QAK", "QPD"],
    "SIU^S12": ["MSH", "SCH", "PID", "PV1", "RGS", "AIS"],
    "MDM^T02": ["MSH", "EVN", "PID", "PV1", "TXA", "OBX"],
    "ACK^R01": ["MSH", "MSA"],
}
SETS = {"register": "8859/1", "discharge": "ASCII"}


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
    lines = data[1:-3].decode().split("\r")
    return [line.split(lines[0][3]) for line in lines]


@pytest.mark.parametrize("name", sorted(set(MESSAGES) - {"batch"}))
def test_each_message_has_the_segments_of_its_structure(name):
    for form in MESSAGES[name].valid:
        segments = read(form.data)
        header = segments[0]  # MSH-1 is the separator itself: MSH-n is at n - 1
        assert header[8].startswith(TYPES[name])
        assert [fields[0] for fields in segments] == REQUIRED[header[8]]
        assert (header[1], header[9], header[17]) == ("^~\\&", "MSG00001", SETS.get(name, "UNICODE UTF-8"))
        event = next((fields for fields in segments if fields[0] == "EVN"), None)
        assert event is None or event[1] == TYPES[name].partition("^")[2]


def test_a_batch_is_in_a_file_and_counts_what_it_holds():
    segments = read(MESSAGES["batch"].send().data)
    assert [fields[0] for fields in segments] == ["FHS", "BHS", "MSH", "PID", "OBR", "OBX", "BTS", "FTS"]
    assert (segments[-2], segments[-1]) == (["BTS", "1"], ["FTS", "1"])
    assert segments[0][1] == segments[1][1] == segments[2][1] == "^~\\&"


def test_versions_from_2_3_to_2_8_are_sent_and_asked_for():
    assert {read(form.data)[0][11] for form in MESSAGES["update"].valid} == set(VERSIONS)
    assert read(hl7_mllp(version="2.3.1").message("give").send().data)[0][11] == "2.3.1"
    header = read(hl7_mllp(sender="MONITOR", receiver="LAB^1.2^ISO").message("observe").send().data)[0]
    assert (header[2], header[4]) == ("MONITOR", "LAB^1.2^ISO")


def test_observations_are_a_number_and_a_text_with_escape_sequences():
    numeric, text = (fields for fields in read(MESSAGES["observe"].send().data) if fields[0] == "OBX")
    assert (numeric[1], numeric[2], numeric[5], numeric[11]) == ("1", "NM", "72", "F")
    assert (text[1], text[2], text[11]) == ("2", "FT", "F")
    assert [escape in text[5] for escape in ("\\T\\", "\\.br\\", "\\X41\\", "\\H\\")] == [True] * 4


def test_a_dose_is_where_its_receiver_looks_for_it():
    for name, segment, fields in (
        ("give", "RXG", {4: "1^MORPHINE^L", 5: "20", 7: "mL", 15: "5.0", 16: "mL/h"}),
        ("pharmacy_order", "RXO", {1: "1^MORPHINE^L", 2: "20", 4: "mL", 21: "5.0", 22: "mL/h"}),
        ("encoded_order", "RXE", {2: "1^MORPHINE^L", 3: "20", 5: "mL", 23: "5.0", 24: "mL/h"}),
        ("administer", "RXA", {5: "1^MORPHINE^L", 6: "20", 7: "mL"}),
    ):
        found = next(one for one in read(MESSAGES[name].send().data) if one[0] == segment)
        assert {number: found[number] for number in fields} == fields


def test_orders_are_therapy_and_admissions_privileged():
    marked = {mark: {name for name, marks in PROTOCOL.marks.items() if mark in marks} for mark in Mark}
    assert marked[Mark.THERAPY] == {"order", "pharmacy_order", "encoded_order", "give", "administer"}
    assert {"update", "admit", "merge", "schedule", "document"} < marked[Mark.PRIVILEGED]
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
        (SENT.replace(b"ADT^A08", b"ADT^A08^ADT_A01"), True),
        (MESSAGES["acknowledge"].send().data, False),
        (MESSAGES["respond"].send().data, False),
        (MESSAGES["batch"].send().data, False),
        (b"", False),
    ],
)
def test_what_must_be_answered(sent, expected):
    assert PROTOCOL.expects_reply(sent) is expected


@pytest.mark.parametrize(
    ("accept", "result", "due"),
    [
        ("", "", True),
        ("AL", "AL", True),
        ("AL", "NE", True),
        ("NE", "AL", True),
        ("NE", "NE", False),
        ("ER", "ER", False),
        ("SU", "NE", False),
        ("", "NE", False),
    ],
)
def test_an_acknowledgement_is_due_as_the_header_says(accept, result, due):
    sent = MESSAGES["observe"].send(**{"message.MSH.15": accept, "message.MSH.16": result}).data
    assert PROTOCOL.expects_reply(sent) is PROTOCOL.demands(sent) is due
    bent = sent.replace(b"|", b"@")
    assert PROTOCOL.demands(bent) is due


@pytest.mark.parametrize("name", ["batch", "respond", "acknowledge"])
def test_what_answers_and_what_is_a_batch_demands_nothing(name):
    assert not PROTOCOL.demands(MESSAGES[name].send().data)


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"MSH", b"MSH|", b"FHS", b"PID|1\r", b"MSH|^~\\&|A|B|C|D|||ORU^R01||P"]
)
def test_a_block_without_a_control_id_may_be_dropped(content):
    assert not PROTOCOL.demands(b"\x0b" + content + b"\x1c\r")


@pytest.mark.parametrize(
    "header", [b"MSH|^~\\&|||||||NONE|7", b"MSH@@@@@@@@@7", b"MSH|^~\\&|A|B|C|D|||ORU^R01|7|P|9.9\rPID"]
)
def test_whatever_is_wrong_with_a_header_that_has_a_control_id_is_to_be_rejected(header):
    assert PROTOCOL.demands(b"\x0b" + header + b"\r\x1c\r")


def test_a_batch_whose_header_is_bent_is_one_still():
    batch = MESSAGES["batch"].send().data
    assert not PROTOCOL.demands(batch.replace(b"FHS|", b"FHS\n", 1))


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("ORU^R01|D-7|P|2.5|||AL|NE", b"MSA|CA|D-7\r"),
        ("ACK^R01|D-7|P|2.5|||SU|NE", b"MSA|CA|D-7\r"),
        ("ORU^R01|D-7|P|2.5|||NE|NE", b""),
        ("ORU^R01|D-7|P|2.5|||ER|NE", b""),
        ("ORU^R01|D-7|P|2.5", b""),
        ("ORU^R01||P|2.5|||AL|NE", b""),
        ("ORU^R01|D^7|P|2.5|||AL|NE", b""),
    ],
)
def test_what_a_device_sends_is_committed_where_it_asks_for_that(header, answer):
    said = frame(block(f"MSH|^~\\&|DEVICE|H|G|H|1||{header}\rPID|1\r"))
    committed = PROTOCOL.learn(said, Conversation())
    assert answer in committed and bool(committed) is bool(answer)
    assert not committed or PROTOCOL.learn(frame(committed), Conversation()) == b"", "nobody acknowledges a commit"


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


@pytest.mark.parametrize(("length", "first"), [(1, b"1"), (3, b"001"), (4, b"MSG1"), (24, b"MSG" + b"%021d" % 1)])
def test_a_control_id_has_the_length_of_the_one_it_stands_for(length, first):
    assert PROTOCOL.resolve(LiveField("control_id", 0, length), b"x" * length, Conversation()) == first


def test_an_answer_is_read():
    text = WHOLE.format("AA", "MSG00001").replace("ACK^A08", "ORF^R04")
    text += "OBX|1|NM|8867-4^Heart rate^LN||72\rOBX|2|NM|37.5^x||36.6\rOBX|3|ST|RHYTHM||sinus\r"
    fields = frame(block(text)).fields
    assert (fields["type"], fields["acknowledgement"], fields["control_id"]) == ("ORF^R04", "AA", "MSG00001")
    assert (fields["8867-4"], fields["37.5"], fields["RHYTHM"]) == (72, "36.6", "sinus")


@pytest.mark.parametrize("name", MESSAGES)
def test_the_guard_withholds_one_message_and_lets_the_others_out(name):
    pattern = PROTOCOL.forbidden([name])
    withheld = [other for other in MESSAGES if pattern.search(MESSAGES[other].send().data)]
    assert withheld == [name, *(["batch"] if name == "observe" else [])], "a batch holds an observation"


@pytest.mark.parametrize("data", [b"\x0bMSH@^~\\&@@@@@@@adt!a01@", b"ADTA01", b"ADT^^^A01", b"adt\r\n^A01"])
def test_the_guard_sees_a_type_whatever_its_delimiters(data):
    found = PROTOCOL.forbidden(["admit"]).search(data)
    assert found and len(found[0]) <= OVERLAP
