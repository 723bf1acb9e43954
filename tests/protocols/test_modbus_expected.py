"""What the Modbus standard leaves no choice in, each beside its near miss, and which requests tell of one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzzers.registry import fuzzers_for
from fuzzers.related import RelatedFuzzer
from harness.case import Send
from harness.interfaces import Frame, FrameKind
from protocols.load import load_protocol
from protocols.modbus import modbus_tcp
from protocols.modbus_expected import must_be_refused, wrong_reply
from protocols.modbus_pdu import must_be_answered

TCP = modbus_tcp()


def pdu(text):
    return bytes.fromhex(text)


WRONG = [
    ("03 0000 0000", "03 00", "a quantity is accepted that must be refused"),
    ("03 0000 007e", "03 fc" + "00" * 252, "a quantity is accepted that must be refused"),
    ("01 0000 07d1", "01 fb" + "00" * 251, "a quantity is accepted that must be refused"),
    ("03 ffff 0002", "03 04 00000000", "addresses behind the last one are accepted"),
    ("05 0000 0001", "05 0000 0001", "a coil's value is accepted that must be refused"),
    ("10 0000 0002 02 0001", "10 0000 0002", "a byte count is accepted that does not fit the quantity"),
    ("17 0000 0001 0000 0002 02 0001", "17 02 0001", "a byte count is accepted that does not fit the quantity"),
    ("0f 0000 0009 01 ff", "0f 0000 0009", "a byte count is accepted that does not fit the quantity"),
    ("06 0000 0003", "06 0000 0004", "it repeats another request"),
    ("10 0001 0001 02 0001", "10 0000 0001", "it repeats another request"),
    ("16 0000 00f2 0025", "16 0000 00f2 0026", "it repeats another request"),
    ("08 0000 a537", "08 0001 a537", "it repeats another request"),
    ("03 0000 0001", "03 04 00000000", "it has another quantity than was asked for"),
    ("01 0000 0009", "01 01 00", "it has another quantity than was asked for"),
    ("03 0000 0001", "03 02 0000 00", "its length does not fit"),
    ("03 0000 0001", "83 00", "no such exception code"),
    ("03 0000 0001", "83 02 00", "no such exception code"),
]
RIGHT = [
    ("03 0000 0000", "83 03"),
    ("03 0000 007d", "03 fa" + "00" * 250),
    ("01 0000 07d0", "01 fa" + "00" * 250),
    ("03 fffe 0002", "03 04 00000000"),
    ("05 0000 ff00", "05 0000 ff00"),
    ("10 0000 0002 04 00010002", "10 0000 0002"),
    ("17 0000 0001 0000 0001 02 0001", "17 02 0001"),
    ("0f 0000 0009 02 ff01", "0f 0000 0009"),
    ("06 0000 0003", "06 0000 0003"),
    ("08 0000 a537", "08 0000 a537"),
    ("11", "11 02 01ff"),
    ("41 01", "c1 01"),
    ("03 0000", "03 02 0000"),
]


@pytest.mark.parametrize(("request_", "reply", "why"), WRONG)
def test_what_cannot_be_right_is_said_in_words(request_, reply, why):
    assert wrong_reply(pdu(request_), pdu(reply)) == why


@pytest.mark.parametrize(("request_", "reply"), RIGHT)
def test_what_may_be_right_is_let_be(request_, reply):
    assert wrong_reply(pdu(request_), pdu(reply)) == ""


@given(st.binary(min_size=1, max_size=24), st.binary(max_size=24))
def test_no_bytes_make_it_raise(request_, reply):
    assert isinstance(wrong_reply(request_, reply), str)


@given(st.binary(min_size=1, max_size=24), st.sampled_from(sorted((1, 2, 3, 4, 6, 10, 11))))
def test_an_exception_is_never_wrong_for_a_request_that_can_be_read(request_, code):
    assert wrong_reply(request_, bytes([request_[0] | 0x80, code])) == ""


@pytest.mark.parametrize("kind", ["tcp", "rtu", "ascii"])
def test_a_reply_of_another_unit_is_wrong_and_what_can_be_read_must_be_answered(kind):
    protocol = load_protocol(f"modbus_{kind}")
    read = protocol.message("read_holding_registers")
    sent = read.send().data
    assert protocol.wrong(sent, Frame(FrameKind.REPLY, read.send(unit=2).data)) == "it is another unit's"
    assert protocol.demands(sent) and not protocol.demands(sent[:-1])


@pytest.mark.parametrize(("code", "absent"), [(1, False), (2, True), (3, False)])
def test_only_the_exception_for_an_address_says_that_nothing_is_there(code, absent):
    reply = Frame(FrameKind.REPLY, bytes.fromhex("0001 0000 0003 01 83") + bytes([code]))
    assert TCP.absent(reply) is absent
    assert TCP.content(reply) == bytes([0x83, code])


@pytest.mark.parametrize(
    ("name", "values", "read", "writes"),
    [
        ("write_single_coil", {"address": 7}, "read_coils", ()),
        ("write_multiple_coils", {"address": 7}, "read_coils", ("write_single_coil",)),
        ("write_single_register", {"address": 7}, "read_holding_registers", ("write_multiple_registers",)),
        ("write_multiple_registers", {"address": 7}, "read_holding_registers", ("write_single_register",)),
        ("mask_write_register", {"address": 7}, "read_holding_registers", ("write_multiple_registers",)),
        (
            "read_write_multiple_registers",
            {"write_address": 7},
            "read_holding_registers",
            ("write_multiple_registers",),
        ),
    ],
)
def test_a_write_is_told_of_by_a_reading_of_its_place_and_another_write(name, values, read, writes):
    around = TCP.around(TCP.message(name).send(**values).data)
    assert (around.read.message, tuple(w.message for w in around.writes)) == (read, writes)
    for told in (around.read, *around.writes):
        assert told.data[8:10] == b"\0\x07" and must_be_answered(told.data[7:])


def test_what_writes_nothing_or_nowhere_has_no_place():
    assert TCP.around(TCP.message("read_coils").send().data) is None
    registers = TCP.message("write_multiple_registers")
    for quantity, address in ((0, 0), (2, 65535), (126, 0)):
        changes = registers.layout.set(address=address, quantity=quantity)
        assert TCP.around(registers.mutated(changes).data) is None
    assert TCP.around(b"\0") is None


def test_what_must_be_refused_for_another_reason_must_not_write_either():
    coil, both = TCP.message("write_single_coil"), TCP.message("read_write_multiple_registers")
    changes = both.layout.set(read_address=65535, read_quantity=2)
    for bent in (coil.mutated(coil.layout.set(value=1)), both.mutated(changes)):
        assert must_be_refused(bent.data[7:])
        assert TCP.around(bent.data).read.message in ("read_coils", "read_holding_registers")


@pytest.mark.parametrize(("size", "demanded"), [(250, True), (252, False)])
def test_what_is_longer_than_any_request_may_be_dropped(size, demanded):
    """253 bytes of a PDU are what the standard allows: code, sub-function and 250 of data."""
    diagnostics = pdu("08 0000") + bytes(size)
    assert must_be_answered(diagnostics) is demanded


def test_the_fuzzer_puts_each_bent_write_between_readings_and_fits_only_where_places_are_known():
    assert "related" in fuzzers_for(TCP) and "related" not in fuzzers_for(load_protocol("hl7_mllp"))
    cases = [case for case, _ in zip(RelatedFuzzer(TCP, "main", seed=3).cases(), range(60), strict=False)]
    assert len({case.id for case in cases}) == len(cases)
    bent = 0
    for case in cases:
        sends = [step for step in case.steps if isinstance(step, Send)]
        bent += sends[1].mutated
        assert sends[0] == sends[2] and not sends[0].mutated and not any(send.mutated for send in sends[3:])
    assert bent > 40
