"""Modbus requests as other readers read them, and what is a frame, an answer, and a device that serves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerAscii, FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU
from scapy.contrib import modbus as scapy_modbus
from scapy.packet import Padding, Raw

from harness.case import LiveField
from harness.errors import UsageError
from harness.interfaces import Conversation, FrameKind, Mark
from protocols.checksums import crc16_modbus, lrc
from protocols.load import load_protocol
from protocols.modbus import CODES, modbus_ascii, modbus_rtu, modbus_tcp

ASCII = modbus_ascii()
RTU = modbus_rtu()
TCP = modbus_tcp()

FRAMINGS = {"tcp": (TCP, FramerSocket), "rtu": (RTU, FramerRTU), "ascii": (ASCII, FramerAscii)}
PROTOCOLS = [TCP, RTU, ASCII]
NAMES = [protocol.name for protocol in PROTOCOLS]
# Requests and replies that the standard gives as examples (V1.1b3, 6.1 to 6.21), with what is said in them.
EXAMPLES = {
    "read_coils": ({"address": 0x13, "quantity": 0x13}, "01 0013 0013", "01 03 cd6b05"),
    "read_discrete_inputs": ({"address": 0xC4, "quantity": 0x16}, "02 00c4 0016", "02 03 acdb35"),
    "read_holding_registers": ({"address": 0x6B, "quantity": 3}, "03 006b 0003", "03 06 022b 0000 0064"),
    "read_input_registers": ({"address": 8, "quantity": 1}, "04 0008 0001", "04 02 000a"),
    "write_single_coil": ({"address": 0xAC}, "05 00ac ff00", "05 00ac ff00"),
    "write_single_register": ({"address": 1}, "06 0001 0003", "06 0001 0003"),
    "read_exception_status": ({}, "07", "07 6d"),
    "diagnostics": ({}, "08 0000 a537", "08 0000 a537"),
    "get_comm_event_counter": ({}, "0b", "0b ffff 0108"),
    "get_comm_event_log": ({}, "0c", "0c 08 0000 0108 0121 2000"),
    "write_multiple_coils": (
        {"address": 0x13, "quantity": 10, "values": b"\xcd\x01"},
        "0f 0013 000a 02 cd01",
        "0f 0013 000a",
    ),
    "write_multiple_registers": ({"address": 1}, "10 0001 0002 04 000a 0102", "10 0001 0002"),
    "report_server_id": ({}, "11", "11 04 4d463031"),
    "read_file_record": (
        {"file_number": 4, "record_number": 1},
        "14 07 06 0004 0001 0002",
        "14 0c 05 06 0dfe 0020 05 06 33cd 0040",
    ),
    "write_file_record": (
        {"file_number": 4, "record_number": 7, "record_data": bytes.fromhex("06af04be100d")},
        "15 0d 06 0004 0007 0003 06af 04be 100d",
        "15 0d 06 0004 0007 0003 06af 04be 100d",
    ),
    "mask_write_register": ({"address": 4}, "16 0004 00f2 0025", "16 0004 00f2 0025"),
    "read_write_multiple_registers": (
        {"read_address": 3, "read_quantity": 6, "write_address": 14, "values": b"\0\xff" * 3},
        "17 0003 0006 000e 0003 06 00ff 00ff 00ff",
        "17 0c 00fe 0acd 0001 0003 000d 00ff",
    ),
    "read_fifo_queue": ({"fifo_pointer_address": 0x04DE}, "18 04de", "18 0006 0002 01b8 1284"),
    "read_device_identification": ({}, "2b 0e 01 00", "2b 0e 01 01 00 00 02 00 03 414243 02 05 56322e3131"),
}
PROBE_REPLY = "03 02 0011"


def adu(protocol, pdu, unit=1, transaction=1):
    """A PDU in the protocol's frame, by hand."""
    pdu = bytes.fromhex(pdu) if isinstance(pdu, str) else pdu
    body = bytes([unit]) + pdu
    if protocol.name == "modbus_tcp":
        return transaction.to_bytes(2) + b"\0\0" + len(body).to_bytes(2) + body
    if protocol.name == "modbus_rtu":
        return body + crc16_modbus(body).to_bytes(2, "little")
    return b":" + (body + bytes([lrc(body)])).hex().upper().encode() + b"\r\n"


def whole(protocol, data):
    (frame,), rest = protocol.split(data)
    assert (frame.kind, frame.data, rest) == (FrameKind.REPLY, data, b"")
    return frame


def request(protocol, name="read_holding_registers", **values):
    return protocol.message(name).send(**values).data


@pytest.fixture(params=PROTOCOLS, ids=NAMES)
def protocol(request):
    return request.param


@pytest.mark.parametrize("name", CODES)
def test_requests_are_those_of_the_standards_examples(protocol, name):
    values, wanted, _reply = EXAMPLES[name]
    assert request(protocol, name, **values) == adu(protocol, wanted)


@pytest.mark.parametrize("name", CODES)
def test_a_reply_is_whole_behind_its_last_byte_and_not_before(protocol, name):
    reply = adu(protocol, EXAMPLES[name][2])
    for cut in range(len(reply)):
        assert protocol.split(reply[:cut]) == ((), reply[:cut])
    frame = whole(protocol, reply)
    assert protocol.answers(request(protocol, name), frame)
    assert frame.fields["function_code"] == CODES[name]


@pytest.mark.parametrize("name", CODES)
def test_scapy_reads_each_request_without_a_rest(name):
    for form in TCP.message(name).valid:
        read = scapy_modbus.ModbusADURequest(form.data)
        assert (read.transId, read.protoId, read.len, read.unitId) == (1, 0, len(form.data) - 6, 1)
        assert read.payload.funcCode == CODES[name] and "Request" in type(read.payload).__name__
        assert not (read.haslayer(Raw) or read.haslayer(Padding)) and bytes(read) == form.data


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("name", CODES)
def test_pymodbus_reads_each_request_without_a_rest(name, framing):
    own, framer = FRAMINGS[framing]
    for form in own.message(name).valid:
        decoder = DecodePDU(True)
        used, unit, _transaction, pdu = framer(decoder).decode(form.data)
        assert (used, unit, pdu[0]) == (len(form.data), 1, CODES[name])
        read = decoder.decode(pdu)
        assert read.function_code == CODES[name]
        halved = name == "read_file_record"  # pymodbus halves a record's length when it encodes what it read
        assert bytes([CODES[name]]) + read.encode() == (pdu[:-1] + b"\1" if halved else pdu)


@settings(deadline=None)
@given(
    framing=st.sampled_from(sorted(FRAMINGS)),
    address=st.integers(0, 0xFFFF),
    words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=123),
    unit=st.integers(1, 247),
)
def test_lengths_counts_and_checksums_follow_what_is_in_a_request(framing, address, words, unit):
    own, framer = FRAMINGS[framing]
    values = b"".join(word.to_bytes(2) for word in words)
    data = request(own, "write_multiple_registers", address=address, unit=unit, values=values)
    decoder = DecodePDU(True)
    used, found, _transaction, pdu = framer(decoder).decode(data)
    read = decoder.decode(pdu)
    assert (used, found, read.address, read.count) == (len(data), unit, address, len(words))
    assert list(read.registers) == words


@settings(deadline=None)
@given(data=st.binary(max_size=100))
def test_what_a_mutation_makes_longer_stays_a_frame_as_long_as_its_length_fits(data):
    for own in PROTOCOLS:
        send = own.message("diagnostics").mutated(own.message("diagnostics").layout.set(data=data))
        assert own.wire.opened(send.data) == (1, b"\x08\0\0" + data)


@pytest.mark.parametrize("name", ["read_file_record", "write_multiple_coils"])
def test_a_wrong_count_stays_wrong_and_the_rest_right(protocol, name):
    message = protocol.message(name)
    sent = message.mutated(message.layout.set(byte_count=0xFF)).data
    unit, pdu = protocol.wire.opened(sent)
    right = protocol.wire.opened(message.send().data)[1]
    assert (unit, len(pdu), sum(a != b for a, b in zip(pdu, right, strict=True))) == (1, len(right), 1)
    assert not protocol.expects_reply(sent)


@given(cuts=st.lists(st.integers(0, 200), max_size=5), name=st.sampled_from(sorted(CODES)))
def test_replies_are_found_however_the_stream_is_cut(cuts, name):
    for own in PROTOCOLS:
        replies = [adu(own, EXAMPLES[name][2]), adu(own, "83 02"), adu(own, PROBE_REPLY)]
        stream, found, rest = b"".join(replies), [], b""
        for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
            frames, rest = own.split(rest + stream[start:stop])
            found += [frame.data for frame in frames]
        assert (found, rest) == (replies, b"")


@given(st.lists(st.sampled_from([b":", b"\r\n", b"\0", b"\1", b"\x03", b"0103", b"\x2b\x0e", b"\x18"]), max_size=40))
def test_any_bytes_are_split_without_loss_and_never_raise(parts):
    data = b"".join(parts)
    for own in PROTOCOLS:
        for buffer in (data, data + adu(own, PROBE_REPLY) + data):
            frames, rest = own.split(buffer)
            assert b"".join(frame.data for frame in frames) + rest == buffer
        own.expects_reply(data)


@given(st.binary(min_size=1, max_size=60))
def test_hostile_replies_never_raise(pdu):
    for own in PROTOCOLS:
        for frame in own.split(adu(own, pdu))[0]:
            assert isinstance(dict(frame.fields), dict)
            own.answers(pdu, frame)
            own.served(frame)
            own.refuses(frame.data)


@pytest.mark.parametrize("own", [RTU, ASCII], ids=["rtu", "ascii"])
@pytest.mark.parametrize("noise", [b"\xff", b"\0\0\0", b"boot 1.2\r\n", b":01\x03", b"\1\3\xff\1", b"\1\x64\0\0"])
def test_a_reply_is_found_behind_noise_on_a_line(own, noise):
    stray, frame = own.split(noise + adu(own, PROBE_REPLY))[0]
    assert (stray.kind, stray.data, own.served(frame)) == (FrameKind.STRAY, noise, True)


def test_a_reply_is_found_behind_what_is_no_header():
    stray, frame = TCP.split(b"\xff\xfe\xfd\xfc\xfb" + adu(TCP, PROBE_REPLY))[0]
    assert (stray.kind, TCP.served(frame)) == (FrameKind.STRAY, True)
    (stray,), rest = TCP.split(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert (stray.kind, rest) == (FrameKind.STRAY, b"t\r\n\r\n")


@pytest.mark.parametrize("own", [RTU, ASCII], ids=["rtu", "ascii"])
def test_an_echo_in_front_of_the_answer_to_the_probe_is_no_answer(own):
    echo = own.probe.data
    frames, rest = own.split(echo)
    assert not any(own.served(frame) for frame in frames)
    frames, rest = own.split(rest + adu(own, PROBE_REPLY))
    assert [frame.data for frame in frames if own.served(frame)] == [adu(own, PROBE_REPLY)]


@pytest.mark.parametrize("own", [RTU, ASCII], ids=["rtu", "ascii"])
def test_a_reply_with_a_wrong_checksum_is_no_frame(own):
    data = bytearray(adu(own, PROBE_REPLY))
    data[-3] ^= 1
    frames, rest = own.split(bytes(data))
    assert (frames, rest) == ((), bytes(data))


def test_what_never_becomes_a_frame_is_let_go(protocol):
    frames, rest = protocol.split(b"\1\x03\xff" * 1000)
    assert all(frame.kind is FrameKind.STRAY for frame in frames)
    assert len(rest) < 600 or protocol is TCP


@pytest.mark.parametrize("pdu", ["64 0102030405", "08 0000 0102 0304 0506", "2b 0d 0102", "64"])
def test_a_reply_whose_length_nothing_tells_ends_at_the_last_right_checksum(pdu):
    data = adu(RTU, pdu)
    assert whole(RTU, data).fields["function_code"] == data[1]
    assert [frame.data for frame in RTU.split(data + adu(RTU, PROBE_REPLY))[0]] == [data, adu(RTU, PROBE_REPLY)]


@pytest.mark.parametrize(
    ("pdu", "answers", "served"),
    [
        (PROBE_REPLY, True, True),
        ("03 04 0011 0012", True, True),
        ("03 00", True, False),
        ("83 01", True, True),
        ("83 02", True, True),
        ("83 03", True, True),
        ("83 04", True, False),
        ("83 06", True, False),
        ("83 0b", True, False),
        ("80 01", True, False),
        ("04 02 0011", False, False),
        ("84 02", False, False),
    ],
)
def test_what_answers_the_probe_and_what_proves_that_it_serves(protocol, pdu, answers, served):
    frame = whole(protocol, adu(protocol, pdu))
    assert (protocol.answers(request(protocol), frame), protocol.served(frame)) == (answers, served)
    assert protocol.refuses(frame.data) is (frame.fields["function_code"] >= 0x80)


@pytest.mark.parametrize("code", range(1, 12))
def test_an_exception_answers_its_request_and_says_which(protocol, code):
    frame = whole(protocol, adu(protocol, bytes([0x90, code])))
    assert protocol.answers(request(protocol, "write_multiple_registers"), frame)
    assert (frame.fields["exception_code"], frame.fields["function_code"]) == (code, 0x90)
    assert frame.fields["exception"]


def test_an_answer_to_somebody_else_is_none():
    assert not TCP.answers(request(TCP), whole(TCP, adu(TCP, PROBE_REPLY, transaction=2)))
    for own in (RTU, ASCII):
        assert not own.answers(request(own), whole(own, adu(own, PROBE_REPLY, unit=2)))


def test_a_copy_answers_a_write(protocol):
    sent = request(protocol, "write_single_register")
    assert protocol.answers(sent, whole(protocol, sent))


@pytest.mark.parametrize("name", CODES)
def test_every_valid_request_must_be_answered_and_none_that_is_cut(protocol, name):
    for form in protocol.message(name).valid:
        assert protocol.expects_reply(form.data)
        assert not any(protocol.expects_reply(form.data[:cut]) for cut in range(len(form.data)))


@pytest.mark.parametrize("unit", [0, 2, 255])
def test_only_the_device_itself_must_answer(protocol, unit):
    assert not protocol.expects_reply(request(protocol, unit=unit))


@pytest.mark.parametrize(
    ("pdu", "expected"),
    [
        ("64", True),
        ("64 0102", True),
        ("83 02", False),
        ("00", False),
        ("03 0000", False),
        ("08 0000", False),
        ("08 0000 01", False),
        ("08 0000 0102 0304", True),
        ("08 0002 0102 0304", False),
        ("08 0004 0000", False),
        ("10 0000 0001 02 0001", True),
        ("10 0000 0001 03 0001", False),
        ("14 03 060000", True),
        ("2b 0e 01", False),
    ],
)
def test_what_a_server_must_answer(protocol, pdu, expected):
    assert protocol.expects_reply(adu(protocol, pdu)) is expected


def test_each_message_has_a_transaction_of_its_own():
    conversation, (live,) = Conversation(), TCP.probe.live
    first, second = (TCP.resolve(live, TCP.probe.data, conversation) for _ in range(2))
    assert (first, second) == (b"\0\1", b"\0\2")
    with pytest.raises(UsageError, match="no resolver"):
        TCP.resolve(LiveField("other", 0, 2), b"\0\0", conversation)


def test_a_reply_is_read_by_the_standards_names(protocol):
    fields = whole(protocol, adu(protocol, EXAMPLES["read_device_identification"][2])).fields
    assert (fields["conformity_level"], fields["object_0"], fields["object_2"]) == (1, b"ABC", b"V2.11")
    fields = whole(protocol, adu(protocol, EXAMPLES["read_fifo_queue"][2])).fields
    assert (fields["fifo_count"], fields["register_0"], fields["register_1"]) == (2, 0x01B8, 0x1284)
    fields = whole(protocol, adu(protocol, EXAMPLES["get_comm_event_log"][2])).fields
    assert (fields["event_count"], fields["message_count"], fields["events"]) == (0x108, 0x121, b"\x20\x00")


@pytest.mark.parametrize("name", CODES)
def test_the_guard_withholds_a_message_in_all_its_forms_and_lets_the_probe_out(protocol, name):
    pattern = protocol.forbidden([name])
    assert all(pattern.search(form.data) for form in protocol.message(name).valid)
    assert bool(pattern.search(protocol.probe.data)) is (name == "read_holding_registers")


@pytest.mark.parametrize("field", ["transaction_id", "protocol_id", "length", "adu.unit"])
def test_the_guard_knows_a_message_whatever_one_field_of_its_header_is(field):
    message = TCP.message("write_multiple_registers")
    for value in (0, 2, 0x00FF):
        assert TCP.forbidden([message.name]).search(message.send(**{field: value}).data)


def test_the_guard_knows_a_broadcast_and_small_letters():
    assert RTU.forbidden(["write_single_coil"]).search(request(RTU, "write_single_coil", unit=0))
    sent = request(ASCII, "report_server_id", unit=9).replace(b"11", b"11").lower()
    assert ASCII.forbidden(["report_server_id"]).search(sent)
    assert ASCII.forbidden(["get_comm_event_log"]).search(request(ASCII, "get_comm_event_log").lower())


def test_writes_are_privileged():
    writes = {name for name in CODES if "write" in name}
    assert {name for name, marks in RTU.marks.items() if Mark.PRIVILEGED in marks} == writes


def test_unit_and_probe_can_be_given():
    own = modbus_rtu(unit=17, address=100, quantity=5)
    assert own.probe.data == adu(RTU, "03 0064 0005", unit=17)
    assert own.expects_reply(own.message("read_coils").send().data)
    assert own.served(whole(own, adu(own, "03 0a" + "0011" * 5, unit=17)))
    assert modbus_tcp(unit=255).probe.data[6] == 255


@pytest.mark.parametrize(
    ("made", "wrong"),
    [
        (lambda: modbus_rtu(unit=0), "modbus_rtu: unit is 1 to 247, not 0"),
        (lambda: modbus_tcp(unit=256), "modbus_tcp: unit is 0 to 255, not 256"),
        (lambda: modbus_rtu(address=65536), "address is 0 to 65535"),
        (lambda: modbus_tcp(quantity=126), "quantity is 1 to 125, not 126"),
    ],
)
def test_what_no_device_could_serve_is_refused(made, wrong):
    with pytest.raises(UsageError, match=wrong):
        made()


def test_a_server_that_waits_for_the_longest_pdu_is_given_it():
    filler = TCP.resynchronization.filler
    assert len(filler) > 253 and filler == adu(TCP, "03 0000 0001", transaction=0) * (len(filler) // 12)


@pytest.mark.parametrize(
    ("sent", "begun"),
    [
        ("0001 0000 0006 01 03 0000 0001", ""),
        ("0001 0000 0006 01 03 0000", "0001 0000 0006 01 03 0000"),
        ("0001 0000 0006 01 03 0000 0001 0002 00", "0002 00"),
        ("0001 0000 00fe 01 10", "0001 0000 00fe 01 10"),
        ("0001 0000 00ff 01 10", ""),
        ("0001 0000 0000 01 10 00", ""),
    ],
)
def test_what_was_only_begun_is_told_by_its_length_as_far_as_an_adu_may_have_it(sent, begun):
    assert modbus_tcp().unfinished(bytes.fromhex(sent)) == bytes.fromhex(begun)


def test_a_device_that_only_listens_is_told_to_restart_its_communication():
    for own in (RTU, ASCII):
        assert own.resynchronization.filler == adu(own, "08 0001 0000")


@pytest.mark.parametrize("name", NAMES)
def test_they_are_shipped(name):
    assert load_protocol(name).name == name
