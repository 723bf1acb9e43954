"""What is read out of captures: streams in order, PDUs with their handles named, and where a file is damaged."""

import struct

import pytest
from capture_files import (
    characteristics,
    connected,
    pdu,
    save_btsnoop,
    save_h4_pcap,
    save_pcap,
    segment,
    stream,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.captures import CaptureDamaged, Record, bluetooth, tcp
from harness.captures.files import read_records
from harness.errors import UsageError

MESSAGES = [bytes([number]) * (number * 9 % 31 + 1) for number in range(1, 30)]
BOLUS = b"\x12\x20\x00\x07\xe0"


def streamed(path, device=":2575"):
    """What was said in each conversation."""
    found = {}
    for said in tcp.Conversations(device).said(read_records(path)):
        found[said.conversation] = found.get(said.conversation, b"") + said.data
    return list(found.values())


def spoken(path, device="C6:49:50:37:00:01", channels=(4,)):
    return list(bluetooth.Conversations(device).said(read_records(path), channels))


@pytest.mark.parametrize("how", [{}, {"cooked": True}, {"ng": True}], ids=["ethernet", "cooked", "pcapng"])
def test_a_stream_is_put_together_once_and_in_order(tmp_path, how):
    path = save_pcap(tmp_path / "c", stream(MESSAGES), **how)
    assert streamed(path) == [b"".join(MESSAGES)]
    assert streamed(path, "10.0.0.9:2575") == [b"".join(MESSAGES)]
    assert streamed(path, "0.0.0.9:2575") == streamed(path, ":80") == []


def test_a_gap_that_is_never_filled_parts_the_stream_in_two(tmp_path):
    packets = [segment(b"", 0, flags="S"), segment(b"front", 1), segment(b"behind", 100)]
    assert streamed(save_pcap(tmp_path / "c", packets)) == [b"front", b"behind"]


def test_a_port_that_is_used_again_begins_another_conversation(tmp_path):
    first = [segment(b"", 0, flags="S"), segment(b"one", 1)]
    second = [segment(b"", 5000, flags="S"), segment(b"two", 5001)]
    assert streamed(save_pcap(tmp_path / "c", [*first, *second])) == [b"one", b"two"]


def test_a_capture_without_its_beginning_begins_where_it_does(tmp_path):
    assert streamed(save_pcap(tmp_path / "c", stream(MESSAGES)[9:]))[0] in b"".join(MESSAGES)


@pytest.mark.parametrize("datalink", [1001, 1002, 2001])
def test_pdus_are_put_together_and_their_handles_named(tmp_path, datalink):
    packets = [connected(), *characteristics((0x20, 0x2B25), (0x23, 0x2A52)), *pdu(BOLUS, size=3)]
    path = save_btsnoop(tmp_path / "c", [*packets, *pdu(b"\x13", sent=False), *pdu(b"\x0a\x99\x00")], datalink)
    found = [(said.data, said.uuid) for said in spoken(path)]
    assert found == [(b"\x08\x01\x00\xff\xff\x03\x28", ""), (BOLUS, "2b25"), (b"\x0a\x99\x00", "")]
    assert spoken(path, "C6:49:50:37:00:02") == []


@pytest.mark.parametrize("link", [201, 187])
def test_hci_in_pcap_is_read_with_and_without_directions(tmp_path, link):
    packets = [connected(), *characteristics((0x20, 0x2B25)), *pdu(BOLUS, size=3), *pdu(b"\x1e", sent=False)]
    assert [said.uuid for said in spoken(save_h4_pcap(tmp_path / "c", packets, link))] == ["", "2b25"]


def test_a_capture_on_the_devices_own_side_is_read_the_other_way_round(tmp_path):
    packets = [connected(central=False), *pdu(BOLUS, sent=False), *pdu(b"\x0a\x01\x00", sent=True)]
    assert [said.data for said in spoken(save_btsnoop(tmp_path / "c", packets))] == [BOLUS]


def test_other_channels_and_whole_frames(tmp_path):
    packets = [connected(), *pdu(BOLUS), *pdu(b"\x01\x03\x00\x01\x10\x07\x07", channel=6)]
    path = save_btsnoop(tmp_path / "c", packets)
    assert [said.data[:1] for said in spoken(path, channels=(6,))] == [b"\1"]
    assert spoken(path, channels=())[0].data == b"\5\0\4\0" + BOLUS


def test_connections_of_before_the_capture_are_of_an_unknown_device(tmp_path):
    path = save_btsnoop(tmp_path / "c", pdu(BOLUS))
    conversations = bluetooth.Conversations("C6:49:50:37:00:01")
    assert list(conversations.said(read_records(path), (4,))) == []
    assert conversations.heard == {"UNKNOWN": 1}
    assert [said.data for said in spoken(path, "unknown")] == [BOLUS]


@pytest.mark.parametrize("save", [save_btsnoop, save_h4_pcap])
def test_a_file_that_is_cut_short_says_where_and_gives_what_was_before(tmp_path, save):
    whole = save(tmp_path / "c", [connected(), *pdu(BOLUS)]).read_bytes()
    (tmp_path / "c").write_bytes(whole + whole[-20:])
    found = []
    with pytest.raises(CaptureDamaged, match=rf"offset {len(whole)}: "):
        for said in bluetooth.Conversations("").said(read_records(tmp_path / "c"), (4,)):
            found.append(said.data)
    assert found == [BOLUS]


def test_a_record_that_would_not_fit_into_memory_is_refused(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(struct.pack(">8sII", b"btsnoop\0", 1, 1002) + struct.pack(">IIIIQ", 9, 1 << 31, 0, 0, 0))
    with pytest.raises(CaptureDamaged, match="offset 16: a record of 2147483648 bytes"):
        list(read_records(path))


HEADS = st.sampled_from(
    [
        b"",
        struct.pack(">8sII", b"btsnoop\0", 1, 1002),
        struct.pack(">8sII", b"btsnoop\0", 1, 2001),
        struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1),
        struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 187),
        struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20),
    ]
)


@settings(max_examples=400)
@given(HEADS, st.binary(max_size=300))
def test_arbitrary_bytes_give_records_or_one_clear_error(tmp_path_factory, head, data):
    path = tmp_path_factory.getbasetemp() / "arbitrary"
    path.write_bytes(head + data)
    for said in (tcp.Conversations(":2575").said, lambda r: bluetooth.Conversations("").said(r, (4,))):
        try:
            assert all(piece.data for piece in said(read_records(path)))
        except UsageError as error:
            assert str(path) in str(error)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 12, 101, 108, 113, 187, 276]), st.binary(max_size=80))))
def test_arbitrary_packets_raise_nothing(packets):
    records = [Record(0, link, data) for link, data in packets]
    assert all(said.data for said in tcp.Conversations(":0").said(records))
    assert all(said.data for said in bluetooth.Conversations("").said(records, ()))


@settings(max_examples=200)
@given(st.permutations(range(12)), st.integers(0, (1 << 32) - 1), st.data())
def test_segments_in_any_order_give_the_stream(order, start, data):
    message = bytes(range(120))
    flow = tcp.Flow(1, start)
    found = b""
    for place in order:
        longer = data.draw(st.integers(0, 15))
        piece = message[place * 10 : place * 10 + 10 + longer]
        found += b"".join(flow.take((start + place * 10) % (1 << 32), piece))
    assert found == message
