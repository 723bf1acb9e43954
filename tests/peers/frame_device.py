"""A host behind a TAP device, of scapy's layers: frame_device.py TAP ADDRESS [long_frame]. Its MAC address is OWN.

It answers ARP and echoes. With `long_frame` it has room for 300 bytes of ICMP, and dies of more.
"""

import fcntl
import os
import struct
import sys

from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether
from scapy.utils import checksum

ROOM = 300
OWN = "02:00:00:00:00:02"
TUNSETIFF, TAP_WITHOUT_HEAD = 0x400454CA, 0x1002


def answer(frame, own, ip, *, faulty):
    """What a host says to a frame; None for nothing."""
    packet = Ether(frame)
    back = Ether(dst=packet.src, src=own)
    if ARP in packet and packet[ARP].op == 1 and packet[ARP].pdst == ip:
        return back / ARP(op=2, hwsrc=own, psrc=ip, hwdst=packet[ARP].hwsrc, pdst=packet[ARP].psrc)
    if IP not in packet or packet[IP].dst != ip or ICMP not in packet:
        return None
    if faulty and len(packet[ICMP]) > ROOM:
        os.abort()
    if checksum(bytes(frame[14 : 14 + 4 * packet[IP].ihl])) or checksum(bytes(packet[ICMP])):
        return None
    told, data = packet[ICMP], bytes(packet[ICMP].payload)
    if told.type != 8:
        return None
    return back / IP(src=ip, dst=packet[IP].src) / ICMP(type=0, id=told.id, seq=told.seq) / data


def main(name, ip, fault=""):
    """Serves until it is ended."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), TAP_WITHOUT_HEAD))
    while True:
        frame = os.read(tap, 65536)
        try:
            said = answer(frame, OWN, ip, faulty=fault == "long_frame")
        except Exception:  # noqa: BLE001  what it cannot read it drops
            continue
        if said is not None:
            os.write(tap, bytes(said)[:1514])


if __name__ == "__main__":
    main(*sys.argv[1:])
