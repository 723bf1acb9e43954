"""Writes captures for the tests: TCP as scapy's own writers save it, Bluetooth HCI as RFC 1761's btsnoop."""

import struct

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import CookedLinux, Ether
from scapy.packet import Raw
from scapy.utils import PcapNgWriter, PcapWriter

HOST, DEVICE = ("10.0.0.2", 49152), ("10.0.0.9", 2575)
PEER = bytes.fromhex("01003750 49c6")


def segment(data, at, *, answer=False, flags="PA"):
    """One TCP segment of the conversation, `at` bytes behind the beginning."""
    (source, sport), (target, dport) = (DEVICE, HOST) if answer else (HOST, DEVICE)
    head = IP(src=source, dst=target) / TCP(sport=sport, dport=dport, seq=(0xFFFFFFF0 + at) % (1 << 32), flags=flags)
    return head / Raw(data) if data else head


def stream(messages, size=7):
    """Segments of a conversation, cut anywhere, some of them late and some twice, and an answer between."""
    data = b"".join(messages)
    cuts = [segment(data[start : start + size], 1 + start) for start in range(0, len(data), size)]
    for place in range(1, len(cuts) - 1, 4):
        cuts[place], cuts[place + 1] = cuts[place + 1], cuts[place]
    again = [packet for cut in cuts for packet in (cut, cut)]
    return [segment(b"", 0, flags="S"), *again, segment(b"an answer", 1, answer=True)]


def save_pcap(path, packets, *, cooked=False, ng=False):
    """The packets with a link layer."""
    head = CookedLinux(proto=0x0800) if cooked else Ether(dst="02:00:00:00:00:01", src="02:00:00:00:00:02")
    with (PcapNgWriter if ng else PcapWriter)(str(path)) as writer:
        writer.write([head / packet for packet in packets])
    return path


def connected(handle=0x40, central=True):
    """LE Connection Complete."""
    body = struct.pack("<BBHBB6sHHHB", 1, 0, handle, 0 if central else 1, 1, PEER, 24, 0, 42, 0)
    return False, bytes([4, 0x3E, len(body)]) + body


def pdu(data, *, sent=True, handle=0x40, channel=4, size=1000):
    """ACL packets of one L2CAP PDU, in fragments of `size` bytes."""
    frame = struct.pack("<HH", len(data), channel) + data
    parts = [frame[start : start + size] for start in range(0, len(frame), size)]
    heads = [handle | (0x1000 if place else 0x2000 if not sent else 0) for place in range(len(parts))]
    return [(sent, struct.pack("<BHH", 2, head, len(part)) + part) for head, part in zip(heads, parts, strict=True)]


def characteristics(*found):
    """The discovery of (value handle, 16-bit UUID) pairs: request and response."""
    entries = b"".join(struct.pack("<HBHH", handle - 1, 0x2A, handle, uuid) for handle, uuid in found)
    answer = pdu(b"\x09\x07" + entries, sent=False)
    return [*pdu(b"\x08\x01\x00\xff\xff\x03\x28"), *answer]


def save_btsnoop(path, packets, datalink=1002):
    """(sent, H4 packet) pairs."""
    with path.open("wb") as file:
        file.write(struct.pack(">8sII", b"btsnoop\0", 1, datalink))
        for sent, packet in packets:
            control = packet[0] in (1, 4)
            flags = (not sent) | 2 * control
            if datalink == 2001:
                flags = {1: 2, 4: 3, 2: 4 if sent else 5}[packet[0]]
            data = packet if datalink == 1002 else packet[1:]
            file.write(struct.pack(">IIIIQ", len(data), len(data), flags, 0, 0) + data)
    return path


def save_h4_pcap(path, packets, link=201):
    """The same as pcap, with the direction in front (201) or without (187)."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, link))
        for sent, packet in packets:
            data = (struct.pack(">I", not sent) if link == 201 else b"") + packet
            file.write(struct.pack("<IIII", 0, 0, len(data), len(data)) + data)
    return path
