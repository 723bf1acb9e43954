"""The glucose meter's host stack behaves as one: set-up of its controller, ATT, L2CAP, signalling, pairing, records."""

import pytest
from bumble import crypto
from glucometer_device import (
    ATT,
    ENABLE,
    GLUCOMETER,
    HANDLE,
    KEY_NEGATIVE_REPLY,
    KEY_REPLY,
    OWN,
    PEER,
    RESET,
    SIGNALLING,
    SMP,
    GlucoseMeter,
    u16,
)

FIXED = GLUCOMETER / "glucometer-fixed.elf"
FENCE, REFUSED = b"\x0a\x00\x00", b"\x01\x0a\x00\x00\x01"
ALL = b"\x01\x00\xff\xff"
NAME, MEASUREMENT_CCCD, RACP, RACP_CCCD = (u16(n) for n in (3, 19, 23, 24))
REQUEST, RESPONSE = bytes.fromhex("0103000d100707"), bytes.fromhex("02030001100001")


@pytest.fixture
def meter():
    meter = GlucoseMeter(FIXED).connect()
    yield meter
    assert meter.wait().events == []
    assert meter.att(FENCE) == REFUSED


# -- the controller ---------------------------------------------------------------------------------------------------


def test_it_sets_its_controller_up_and_advertises():
    meter = GlucoseMeter(FIXED)
    opcodes = [opcode for opcode, _parameters in meter.commands]
    assert opcodes == [RESET, 0x0C01, 0x1009, 0x2002, 0x2001, 0x2005, 0x2006, 0x2008, 0x2009, ENABLE]
    said = dict(meter.commands)
    assert (said[0x2005], said[ENABLE], len(said[0x2008])) == (OWN, b"\x01", 32)
    assert said[0x2008][1 : 1 + said[0x2008][0]] == b"\x02\x01\x06\x03\x03\x08\x18\x05\x09GM-3"
    assert meter.value("advertising") == 1


def test_a_command_that_is_not_answered_begins_the_set_up_anew():
    meter = GlucoseMeter(FIXED, silent={0x2006})
    meter.wait(1.2)
    assert [opcode for opcode, _ in meter.commands].count(RESET) == 2
    meter.silent.clear()
    assert meter.wait(1.2).value("advertising") == 1


def test_it_advertises_again_when_the_central_has_gone(meter):
    assert meter.value("connected") == 1
    meter.disconnect()
    assert (meter.commands[-1], meter.value("connected")) == ((ENABLE, b"\x01"), 0)
    meter.connect()


def test_a_hardware_error_or_nonsense_on_the_wire_begin_anew(meter):
    for said in (b"\x04\x10\x01\x00", b"\x77"):
        meter.commands.clear()
        meter.link.send(said, 0)
        meter.wait(0.2)
        assert [opcode for opcode, _ in meter.commands][:1] == [RESET]
        meter.connect()


def test_an_event_that_is_too_long_is_stepped_over(meter):
    meter.event(0x3E, b"\x01" * 255)
    meter.link.send(b"\x02" + u16(HANDLE) + u16(600) + bytes(600), 0)
    meter.wait(0.2)
    assert meter.att(FENCE) == REFUSED


def test_no_more_goes_out_than_the_controller_has_buffers_for(meter):
    meter.sends = False
    assert len(meter.ask(ATT, *[FENCE] * 12)) == 8
    meter.sends = True
    meter.sent(8)
    meter.wait()


# -- ATT --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("02ff01", "036800"),
        ("021600", "0102000004"),
        ("0401000300", "050101000028020003280300002a"),
        ("0419000000", "0104190001"),
        ("041900ffff", "010419000a"),
        ("060100ffff00280818", "071000ffff"),
        ("060100ffff002a474d2d33", "0703000300"),
        ("060100ffff0028081800", "010601000a"),
        ("080100ffff002a", "09060300474d2d33"),
        ("080100fffffb349b5f8000008000100000002a0000", "09060300474d2d33"),
        ("080100ffff182a", "0108120002"),
        ("080100ffff994a", "010801000a"),
        ("080100ffff00", "0108000004"),
        ("0a0b00", "0b474d2d33"),
        ("0a1200", "010a120002"),
        ("0a9900", "010a990001"),
        ("0c0b000200", "0d2d33"),
        ("0c0b000500", "010c0b0007"),
        ("100600ffff0028", "110606000600011807000f000a181000ffff0818"),
        ("100100ffff0329", "0110010010"),
        ("12050000", "0112050003"),
        ("12170001", "011217000f"),
        ("0e03000500", "010e000006"),
        ("2003000500", "0120000006"),
        ("0003", "0100000006"),
    ],
)
def test_requests_have_their_answers(meter, request_, answer):
    assert meter.att(bytes.fromhex(request_)).hex() == answer


@pytest.mark.parametrize(
    "pdu", [b"\x1e", b"\x0b\x01", b"\x1b\x03\x00\x01", b"\xd2\x03\x00\x01" + bytes(12), b"\x52\x03"]
)
def test_what_asks_for_nothing_gets_nothing(meter, pdu):
    assert meter.att(pdu) == []


def test_the_name_is_written_at_once_by_command_and_in_parts(meter):
    assert meter.att(b"\x12" + NAME + b"Ward 7") == b"\x13"
    assert meter.att(b"\x0a" + NAME) == b"\x0bWard 7"
    assert meter.att(b"\x12" + NAME + b"x" * 21)[-1] == 0x0D
    meter.att(b"\x52" + NAME + b"GM")
    parts = [b"\x16" + NAME + u16(0) + b"Be", b"\x16" + NAME + u16(2) + b"tty"]
    assert [meter.att(part) for part in parts] == [b"\x17" + part[1:] for part in parts]
    assert meter.att(b"\x0a" + NAME) == b"\x0bGM"
    assert (meter.att(b"\x18\x01"), meter.att(b"\x0a" + NAME)) == (b"\x19", b"\x0bBetty")


def test_prepared_parts_are_dropped_when_cancelled_and_kept_within_the_queue(meter):
    meter.att(b"\x16" + NAME + u16(0) + b"no")
    assert meter.att(b"\x16" + RACP + u16(0) + b"no")[-1] == 9
    assert (meter.att(b"\x18\x00"), meter.att(b"\x18\x01"), meter.att(b"\x0a" + NAME)) == (
        b"\x19",
        b"\x19",
        b"\x0bGM-3",
    )
    assert meter.att(b"\x16" + NAME + u16(126) + b"ab")[0] == 0x17
    assert meter.att(b"\x16" + NAME + u16(126) + b"abc")[-1] == 9
    assert meter.att(b"\x16" + NAME + u16(0xFFFF) + b"a")[-1] == 9
    assert meter.att(b"\x18\x01")[-1] == 0x0D


def test_two_requests_at_once_get_two_answers(meter):
    assert meter.att(FENCE, b"\x0a" + NAME, b"\x0a" + NAME) == [REFUSED, b"\x0bGM-3", b"\x0bGM-3"]


def test_the_mtu_is_of_the_connection(meter):
    manufacturer = b"\x16" + NAME + u16(0) + b"x" * 60
    assert len(meter.att(manufacturer)) == 23
    meter.att(b"\x02\x00\x02")
    assert len(meter.att(manufacturer)) == 65
    meter.disconnect()
    meter.connect()
    assert len(meter.att(manufacturer)) == 23


# -- L2CAP ------------------------------------------------------------------------------------------------------------


def test_a_frame_comes_in_fragments(meter):
    frame = u16(3) + u16(ATT) + FENCE
    meter.pdus = []
    for at, part in enumerate((frame[:4], frame[4:6], frame[6:])):
        meter.fragment(part, boundary=1 if at else 2)
    assert meter.wait().pdus == [(ATT, REFUSED)]


def test_what_is_no_frame_is_dropped(meter):
    meter.pdus = []
    for length, pdu in ((2, FENCE), (4, FENCE), (400, FENCE), (0xFFFF, FENCE)):
        meter.send(ATT, pdu, length)
    meter.fragment(b"\x03")
    meter.fragment(FENCE, boundary=1)
    meter.fragment(u16(3) + u16(0x44) + FENCE)
    assert meter.wait().pdus == []


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("7f010000", "010102000000"),
        ("0802040070696e67", "010202000000"),
        ("12030800180028000000c800", "010302000000"),
        ("14040a00ef004000400040000100", "15040a0000000000000000000200"),
        ("17050800ef004000400001004100", "010502000000"),
        ("17060a00ef0040004000010041004200", "180608000000000000000200"),
        ("0607040040004100", "01070600020040004100"),
    ],
)
def test_signalling_is_refused_in_its_own_words(meter, command, answer):
    assert meter.ask(SIGNALLING, bytes.fromhex(command)) == [bytes.fromhex(answer)]


@pytest.mark.parametrize("command", ["130102000000", "01010000", "7f000000", "7f010500", "7f01", "16010400"])
def test_signalling_that_needs_no_answer_gets_none(meter, command):
    assert meter.ask(SIGNALLING, bytes.fromhex(command)) == []


def test_signalling_that_is_too_long_is_rejected(meter):
    assert meter.ask(SIGNALLING, b"\x7f\x01\x14\x00" + bytes(20)) == [b"\x01\x01\x04\x00\x01\x00\x17\x00"]


# -- pairing ----------------------------------------------------------------------------------------------------------


def paired(meter, *, size=16):
    """Pair as a central, by Bumble's functions; the short-term key."""
    request = REQUEST[:4] + bytes([size]) + REQUEST[5:]
    assert meter.ask(SMP, request) == [RESPONSE]
    sides = (request, RESPONSE, 1, 1, PEER, OWN)
    own, nothing = bytes(range(16)), bytes(16)
    (confirm,) = meter.ask(SMP, b"\x03" + crypto.c1(nothing, own, *sides))
    (random,) = meter.ask(SMP, b"\x04" + own)
    assert crypto.c1(nothing, random[1:], *sides) == confirm[1:]
    return crypto.s1(nothing, random[1:], own)[:size] + bytes(16 - size)


def key_asked(meter, random=bytes(8), diversifier=0):
    meter.event(0x3E, b"\x05" + u16(HANDLE) + random + u16(diversifier))
    return meter.wait().commands[-1]


@pytest.mark.parametrize("size", [16, 7])
def test_pairing_gives_both_sides_the_same_keys(meter, size):
    key = paired(meter, size=size)
    assert key_asked(meter) == (KEY_REPLY, u16(HANDLE) + key)
    meter.pdus = []
    meter.event(0x08, b"\x00" + u16(HANDLE) + b"\x01")
    (_smp, information), (_same, identification) = meter.wait().pdus
    assert (information[0], identification[0], information[1 + size :]) == (6, 7, bytes(16 - size))
    assert meter.value("link_encrypted") == 1
    diversifier, random = int.from_bytes(identification[1:3], "little"), identification[3:]
    assert key_asked(meter, random, diversifier) == (KEY_REPLY, u16(HANDLE) + information[1:])
    assert key_asked(meter, random, diversifier ^ 1) == (KEY_NEGATIVE_REPLY, u16(HANDLE))


def test_a_wrong_value_ends_the_pairing_without_a_key(meter):
    meter.ask(SMP, REQUEST)
    meter.ask(SMP, b"\x03" + bytes(16))
    assert meter.ask(SMP, b"\x04" + bytes(16)) == [b"\x05\x04"]
    assert key_asked(meter) == (KEY_NEGATIVE_REPLY, u16(HANDLE))


@pytest.mark.parametrize(
    ("pdu", "reason"),
    [
        (b"\x03" + bytes(16), 8),
        (b"\x04" + bytes(16), 8),
        (b"\x03" + bytes(15), 10),
        (b"\x0c" + bytes(64), 8),
        (b"\x0d" + bytes(16), 8),
        (RESPONSE, 8),
        (b"\x0f", 7),
        (b"\x00", 7),
        (REQUEST[:6], 10),
        (REQUEST[:4] + b"\x06" + REQUEST[5:], 6),
        (REQUEST[:4] + b"\x11" + REQUEST[5:], 10),
        (b"\x01\x05" + REQUEST[2:], 10),
        (b"\x01\x03\x02" + REQUEST[3:], 10),
    ],
)
def test_what_does_not_fit_the_pairing_fails_it(meter, pdu, reason):
    assert meter.ask(SMP, pdu) == [bytes([5, reason])]


@pytest.mark.parametrize("pdu", [b"\x05\x08", b"\x0e\x01", b"\x06" + bytes(16)])
def test_what_nobody_asked_for_is_ignored(meter, pdu):
    assert meter.ask(SMP, pdu) == []


# -- records ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(meter):
    paired(meter)
    meter.event(0x08, b"\x00" + u16(HANDLE) + b"\x01")
    meter.wait()
    assert (
        meter.att(b"\x12" + RACP_CCCD + b"\x02\x00") == meter.att(b"\x12" + MEASUREMENT_CCCD + b"\x01\x00") == b"\x13"
    )
    return meter


def asked(reader, operation, seconds=0.5):
    """Write to the control point: the error or 0, records, the indicated answer."""
    write, *told = reader.ask(ATT, b"\x12" + RACP + operation, seconds=seconds)
    reader.ask(ATT, b"\x1e")
    records = [pdu[3:] for pdu in told if pdu[0] == 0x1B]
    return 0 if write == b"\x13" else write[-1], records, [pdu[3:] for pdu in told if pdu[0] == 0x1D]


def test_records_are_counted_and_reported(reader):
    assert asked(reader, b"\x04\x01") == (0, [], [b"\x05\x00\x0c\x00"])
    error, records, answers = asked(reader, b"\x01\x01")
    assert (error, len(records), answers) == (0, 12, [b"\x06\x00\x01\x01"])
    assert [int.from_bytes(record[1:3], "little") for record in records] == list(range(12))
    assert len(asked(reader, b"\x01\x03\x01\x0a\x00")[1]) == 2
    assert asked(reader, b"\x01\x06")[1] == records[-1:]
    assert reader.value("records_sent") == 15


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        (b"\x01\x09", 4),
        (b"\x01\x00", 3),
        (b"\x01\x01\x00", 5),
        (b"\x01\x03\x01\x63\x00", 6),
        (b"\x02\x01", 2),
        (b"\x03", 1),
    ],
)
def test_what_cannot_be_done_is_answered(reader, operation, code):
    assert asked(reader, operation)[2] == [bytes([6, 0, operation[0], code])]


def test_a_report_is_aborted(reader):
    reader.ask(ATT, b"\x12" + RACP + b"\x01\x01", seconds=0.01)
    assert reader.ask(ATT, b"\x12" + RACP + b"\x04\x01", seconds=0.01)[-1][-1] == 0xFE
    assert asked(reader, b"\x03\x00")[2] == [b"\x06\x00\x03\x01"]
    assert reader.value("report_running") == 0


def test_the_control_point_wants_its_indications_configured(reader):
    reader.att(b"\x12" + RACP_CCCD + b"\x00\x00")
    assert asked(reader, b"\x01\x01")[0] == 0xFD
    assert reader.att(b"\x12" + RACP_CCCD + b"\x00")[-1] == 0x0D
