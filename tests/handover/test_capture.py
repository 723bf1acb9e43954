"""The capture of a finding: other programs' readers see the same packets, and the bytes are the transcript's."""

import io
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.utils import RawPcapNgReader, checksum

from harness.captures.files import read_records
from harness.captures.tcp import Conversations
from harness.case import Origin, Reconnect, Send, TestCase
from harness.document import Handover, read_document
from harness.errors import UsageError
from harness.handover.capture import write_capture
from harness.handover.pcapng import ETHERNET, RAW_IP, UPPER_PDU, Packet, capture
from harness.handover.upper_pdu import described
from harness.transcript import Exchange, Transcript

TARGETS = Path(__file__).parents[2] / "targets"
CONTROLS = sorted(TARGETS.glob("*/controls/*.json"))
CRASH = read_document(TARGETS / "pump" / "controls" / "crash.json")
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)
PACKETS = st.lists(st.builds(Packet, st.integers(0, 1 << 20).map(float), st.booleans(), st.binary(max_size=70), TEXT))


def records(data):
    """What scapy reads: the bytes of each packet, and what is told about it."""
    return list(RawPcapNgReader(io.BytesIO(data)))


def blocks(data):
    """Type and content of each block; a wrong length anywhere fails."""
    at, found = 0, []
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0
        assert length >= 12
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    assert at == len(data)
    return found


def options(data):
    """Code and value of each option up to the end of options, which must be the last."""
    at, found = 0, []
    while data[at : at + 4] != bytes(4):
        code, length = struct.unpack_from("<HH", data, at)
        found.append((code, data[at + 4 : at + 4 + length]))
        at += 4 + length + -length % 4
    assert at + 4 == len(data)
    return found


@given(PACKETS, TEXT)
def test_every_reader_sees_the_packets_with_their_times_directions_and_comments(packets, comment):
    data = capture(packets, link_type=UPPER_PDU, interface="serial:/dev/x", program="medfuzz", comment=comment)
    section, interface, *rest = blocks(data)
    assert (section[0], section[1][:8]) == (0x0A0D0D0A, b"\x4d\x3c\x2b\x1a\1\0\0\0")
    assert dict(options(section[1][16:])) == {**({1: comment.encode()} if comment else {}), 4: b"medfuzz"}
    assert (interface[0], interface[1][:2], options(interface[1][8:])) == (1, b"\xfc\0", [(2, b"serial:/dev/x")])
    assert len(rest) == len(packets)
    for packet, (kind, body) in zip(packets, rest, strict=True):
        number, high, low, captured, original = struct.unpack_from("<5I", body)
        assert (kind, number, captured, original) == (6, 0, len(packet.data), len(packet.data))
        assert ((high << 32) | low) == packet.seconds * 1_000_000
        told = options(body[20 + captured + -captured % 4 :])
        assert told == [
            *([(1, packet.comment.encode())] if packet.comment else []),
            (2, b"\2\0\0\0" if packet.outbound else b"\1\0\0\0"),
        ]
    assert [piece for piece, _about in records(data)] == [packet.data for packet in packets]


def test_times_and_comments_that_cannot_be_written_do_no_harm():
    odd = [Packet(seconds, True, b"x", "ä" * 70_000) for seconds in (float("nan"), float("inf"), -1.0, 1e300)]
    data = capture(odd, link_type=UPPER_PDU, interface="i", program="", comment="")
    comments = [options(body[24:])[0][1] for _kind, body in blocks(data)[2:]]
    assert {len(comment) for comment in comments} == {0xFFFC}
    assert comments[0].decode() == "ä" * 0x7FFE


def checked(packet):
    """The segment, whose checksums must be right and whose lengths must agree."""
    assert (checksum(bytes(packet)[:20]), packet.len) == (0, len(packet))
    segment = bytes(packet)[20:]
    assert checksum(bytes([127, 0, 0, 1] * 2) + struct.pack(">HH", 6, len(segment)) + segment) == 0
    return packet[TCP]


def segments(path):
    """Those of each connection, by the client's port: packet and direction; sequence numbers must go on."""
    found, due = {}, {}
    for data, _about in records(path.read_bytes()):
        tcp = checked(IP(data))
        way = (tcp.sport, tcp.dport)
        assert tcp.seq == due.get(way, tcp.seq)
        assert tcp.ack == (0 if tcp.flags == "S" else due[way[::-1]])
        due[way] = tcp.seq + len(tcp.payload) + ("S" in tcp.flags or "F" in tcp.flags)
        found.setdefault(max(way), []).append(tcp)
    return found


def carried(tcps, port):
    return b"".join(bytes(tcp.payload) for tcp in tcps if tcp.dport == port)


def test_a_finding_over_tcp_is_what_it_said_in_segments_that_go_on(tmp_path):
    assert write_capture(tmp_path / "c.pcapng", CRASH) == (tmp_path / "c.pcapng",)
    exchanges = CRASH.finding.transcript.exchanges
    ((client, tcps),) = segments(tmp_path / "c.pcapng").items()
    assert [str(tcp.flags) for tcp in tcps[:3]] == ["S", "SA", "A"]
    assert carried(tcps, 2575) == b"".join(exchange.sent for exchange in exchanges)
    assert carried(tcps, client) == CRASH.finding.transcript.received
    said = Conversations(":2575").said(read_records(tmp_path / "c.pcapng"))
    assert b"".join(piece.data for piece in said) == b"".join(exchange.sent for exchange in exchanges)
    text = (tmp_path / "c.pcapng").read_bytes()
    assert CRASH.finding.observation.summary.encode() in text
    assert f"unusual in field {CRASH.finding.case.origin.field}".encode() in text


def made(transport, *, link_error="", data=b"\xa5\0\1"):
    """A finding whose case reconnects, whose first message is large, and whose second is not answered."""
    steps = (Send("big", b"", mutated=True), Reconnect(), Send("small\nname", b""))
    case = TestCase("main", "idle", steps, Origin("f", field="body", mutation="longer"))
    exchanges = (
        Exchange("big", data, (b"ok",), (b"alarm",), b"?", 1.0, 2.0, True),
        Exchange("small\nname", b"\1", (), (), b"", 3.0, 3.5, False),
        Exchange("", b"", (), (b"late",), b"", 4.0, 5.0, False),
    )
    transcript = Transcript(case.id, exchanges, 0.0, 5.0, link_error=link_error)
    return Handover(replace(CRASH.finding, window=(case,), transcript=transcript), transports={"main": transport})


def test_a_reconnect_is_another_connection_and_a_large_message_goes_in_parts(tmp_path):
    data = bytes(range(256)) * 300
    write_capture(tmp_path / "c.pcapng", made("tcp:10.0.0.7:4711", data=data, link_error="peer reset"))
    (first, one), (second, two) = segments(tmp_path / "c.pcapng").items()
    assert first != second
    assert (carried(one, 4711), carried(one, first)) == (data, b"okalarm?")
    assert (carried(two, 4711), carried(two, second)) == (b"\1", b"late")
    assert (str(one[-1].flags), str(two[-1].flags), two[-1].sport) == ("A", "RA", 4711)
    assert b"the link was lost: peer reset" in (tmp_path / "c.pcapng").read_bytes()


def test_a_serial_finding_is_its_messages_in_both_directions_with_comments(tmp_path):
    write_capture(tmp_path / "c.pcapng", made("serial:/dev/ttyUSB0?baudrate=9600"))
    read = records((tmp_path / "c.pcapng").read_bytes())
    assert {about.linktype for _data, about in read} == {UPPER_PDU}
    said = [about.comments[0].decode() for _data, about in read]
    assert [(data, about.direction) for data, about in read] == [
        (described("", words, outbound=way == 2) + data, way)
        for words, data, way in zip(
            said, (b"\xa5\0\1", b"ok", b"alarm", b"?", b"\1", b"late"), (2, 1, 1, 1, 2, 1), strict=True
        )
    ]
    assert said == [
        "big, unusual in field body: longer",
        "reply to big",
        "unsolicited",
        "bytes of no frame",
        "small␊name; no reply within 0.5 s, although one is due",
        "unsolicited",
    ]


def test_frames_are_packets_of_an_ethernet(tmp_path):
    write_capture(tmp_path / "c.pcapng", made("raw:eth1/02:00:00:00:00:02?ip=192.0.2.2"))
    read = records((tmp_path / "c.pcapng").read_bytes())
    assert {about.linktype for _data, about in read} == {ETHERNET}
    assert [data for data, _about in read] == [b"\xa5\0\1", b"ok", b"alarm", b"?", b"\1", b"late"]


def test_a_finding_without_a_message_cannot_be_captured(tmp_path):
    silent = made("tcp:10.0.0.7:4711")
    silent = replace(silent, finding=replace(silent.finding, transcript=Transcript("", (), 0.0, 0.0)))
    with pytest.raises(UsageError, match="no messages"):
        write_capture(tmp_path / "c.pcapng", silent)
    assert RAW_IP == 101
    assert list(tmp_path.iterdir()) == []


def read_by_tshark(path):
    """The packets as tshark tells them, and what it complains of; as a user who may read the file, it warns of root."""
    command = ["tshark", "-r", str(path), "-T", "pdml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    warned = [line for line in done.stderr.splitlines() if not line.startswith("Running as user")]
    packets = ElementTree.fromstring(done.stdout).findall("packet")
    graves = ("Malformed", "Undecoded", "Protocol")
    groups = [field.get("showname", "") for packet in packets for field in packet.iter("field")]
    return packets, warned + [name for name in groups if name.startswith("Group: ") and name.endswith(graves)]


def values(packets):
    """The bytes that tshark shows as a message's own."""
    return [
        field.get("value") for packet in packets for field in packet.iter("field") if field.get("name") == "data.data"
    ]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not there: apt-get install tshark")
@pytest.mark.parametrize(
    "transport", ["tcp:10.0.0.7:4711", "serial:/dev/ttyUSB0?baudrate=9600", "ble:F0:F1:F2:F3:F4:F5"]
)
def test_tshark_reads_a_capture_of_each_link_without_a_warning(tmp_path, transport):
    write_capture(tmp_path / "c.pcapng", made(transport))
    packets, complaints = read_by_tshark(tmp_path / "c.pcapng")
    assert complaints == []
    shown = "".join(values(packets))
    assert all(data.hex() in shown for data in (b"\xa5\0\1", b"ok", b"alarm", b"late"))


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not there: apt-get install tshark")
@pytest.mark.parametrize("path", CONTROLS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_tshark_reads_every_shipped_finding_without_a_warning(tmp_path, path):
    write_capture(tmp_path / "c.pcapng", read_document(path))
    packets, complaints = read_by_tshark(tmp_path / "c.pcapng")
    assert (bool(packets), complaints) == (True, [])
