"""Whole frames: who may be addressed, what belongs to the conversation, what is said where a bench is not right."""

import contextlib
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, LLC, SNAP, Dot1Q, Dot3, Ether

from harness.addresses import BROADCAST, EXAMPLES, Addresses, stranger
from harness.errors import BenchError, GuardRefused, LinkClosed, LinkError, UsageError
from harness.transports import ethernet, raw, transport
from harness.transports.raw import FrameLink

HERE = EXAMPLES[4]
OWN, DEVICE = HERE.own_mac.hex(":"), HERE.device_mac.hex(":")
OUT, BACK = {"src": OWN, "dst": DEVICE}, {"src": DEVICE, "dst": OWN}
US, IT = "192.0.2.1", "192.0.2.2"
PLACE = f"raw:eth9/{DEVICE}?ip={IT}"


def reason(packet, *, broadcast=False, addresses=HERE):
    return stranger(bytes(packet), addresses, broadcast=broadcast)


@contextlib.contextmanager
def cable(addresses=HERE, *, mtu=1500, broadcast=False):
    """A link, and the other end of what it sends and receives on: a pair of sockets, for which nobody needs rights."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    link = FrameLink(near, "raw:test", addresses, mtu=mtu, broadcast=broadcast)
    far.settimeout(5)
    with contextlib.closing(link), far:
        yield link, far


# -- who may be addressed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (Ether(**OUT) / IP(src=US, dst=IT) / ICMP(), ""),
        (Ether(**OUT) / IP(src="0.0.0.0", dst="255.255.255.255"), ""),
        (Ether(**OUT) / IP(src=IT, dst=IT), ""),
        (Ether(**OUT) / IP(src=US, dst="224.0.0.1"), ""),
        (Ether(**OUT) / IP(src=US, dst="127.0.0.1"), ""),
        (Ether(**OUT, type=0x88CC) / b"anything", ""),
        (Ether(**OUT) / ARP(hwsrc=OWN, psrc=US, hwdst=DEVICE, pdst=IT), ""),
        (Ether(src=OWN, dst="02:00:00:00:00:99") / IP(src=US, dst=IT), "goes to 02:00:00:00:00:99"),
        (Ether(src="02:00:00:00:00:99", dst=DEVICE) / IP(src=US, dst=IT), "comes from 02:00:00:00:00:99"),
        (Ether(src=OWN, dst="ff:ff:ff:ff:ff:ff") / (b"x" * 46), "broadcast=on"),
        (Ether(src=OWN, dst="01:80:c2:00:00:00") / (b"x" * 46), "goes to 01:80:c2:00:00:00"),
        (Ether(**OUT) / IP(src=US, dst="192.0.2.9"), "for 192.0.2.9"),
        (Ether(**OUT) / IP(src="192.0.2.9", dst=IT), "from 192.0.2.9"),
        (Ether(**OUT) / IP(src="224.0.0.1", dst=IT), "from 224.0.0.1"),
        (Ether(**OUT) / Dot1Q(vlan=3) / IP(src=US, dst="192.0.2.9"), "for 192.0.2.9"),
        (Dot3(**OUT) / LLC() / SNAP(code=0x0800) / IP(src=US, dst="192.0.2.9"), "for 192.0.2.9"),
        (Ether(**OUT) / IPv6(src="2001:db8::9", dst="2001:db8::2"), "from 2001:db8::9"),
        (Ether(**OUT) / ARP(hwsrc=OWN, psrc=US, hwdst=DEVICE, pdst="192.0.2.9"), "for 192.0.2.9"),
        (Ether(**OUT) / ARP(hwsrc=DEVICE, psrc=US, hwdst=DEVICE, pdst=IT), "our own address is told"),
        (b"\2\0\x5e", "shorter than the header"),
    ],
)
def test_a_frame_that_names_somebody_else_is_told_by_whom(packet, words):
    found = reason(packet)
    assert words in found
    assert bool(found) == bool(words)


def test_a_frame_to_all_leaves_only_where_the_bench_says_so():
    packet = Ether(src=OWN, dst="ff:ff:ff:ff:ff:ff") / IP(src="0.0.0.0", dst="255.255.255.255")
    assert reason(packet) and not reason(packet, broadcast=True)


def test_where_no_address_is_known_no_host_is_named():
    bare = Addresses(HERE.own_mac, HERE.device_mac)
    assert reason(Ether(**OUT) / IP(src=US, dst=IT), addresses=bare)
    assert not reason(Ether(**OUT, type=0x88CC) / b"anything", addresses=bare)


@settings(deadline=None)
@given(st.binary(max_size=80), st.booleans())
def test_whatever_the_bytes_only_the_device_is_addressed(data, broadcast):
    for frame in (data, HERE.device_mac + data, HERE.device_mac + HERE.own_mac + data):
        if not stranger(frame, HERE, broadcast=broadcast):
            assert frame[6:12] == HERE.own_mac
            assert frame[:6] == HERE.device_mac or (broadcast and frame[:6] == BROADCAST)


def test_what_is_withheld_never_leaves():
    with cable() as (link, far):
        far.setblocking(False)
        for frame in (b"", Ether(**OUT) / IP(src=US, dst="10.0.0.1"), Ether(**OUT, type=0x88CC) / (b"x" * 1501)):
            with pytest.raises(GuardRefused, match="withheld a frame"):
                link.send(bytes(frame), link.now() + 1)
        with pytest.raises(BlockingIOError):
            far.recv(2000)
        link.send(bytes(Ether(**OUT, type=0x88CC) / (b"x" * 1500)), link.now() + 1)
        assert len(far.recv(2000)) == 1514


# -- what belongs to the conversation ----------------------------------------------------------------------------------


def test_each_frame_is_one_answer_and_what_is_for_others_is_none():
    first, second = (bytes(Ether(**BACK) / IP(src=IT, dst=US) / ICMP(type=0, seq=number)) for number in (1, 2))
    others = (
        b"short",
        Ether(src="02:00:00:00:00:99", dst=OWN) / IP(src=IT, dst=US),
        Ether(src=DEVICE, dst="02:00:00:00:00:99") / IP(src=IT, dst=US),
        Ether(**BACK) / IP(src=IT, dst="192.0.2.9"),
    )
    with cable() as (link, far):
        for frame in (others[0], first, *others[1:], second):
            far.send(bytes(frame))
        assert [link.receive(link.now() + 1) for _ in range(2)] == [first, second]
        assert link.receive(link.now()) == b""


def test_who_asks_where_we_are_is_told_by_arp():
    asks = Ether(src=DEVICE, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=DEVICE, psrc=IT, pdst=US)
    with cable() as (link, far):
        far.send(bytes(asks))
        assert link.receive(link.now() + 0.05) == b""
        told = Ether(far.recv(2000))
        assert told.dst == DEVICE
        assert (told[ARP].op, told[ARP].hwsrc, told[ARP].psrc) == (2, OWN, US)
        assert told.answers(asks)
        far.setblocking(False)
        far.send(bytes(Ether(src=DEVICE, dst="ff:ff:ff:ff:ff:ff") / ARP(op=1, hwsrc=DEVICE, psrc=IT, pdst="192.0.2.9")))
        assert link.receive(link.now() + 0.05)
        with pytest.raises(BlockingIOError):
            far.recv(2000)


def test_who_asks_where_we_are_is_told_by_neighbour_discovery():
    asks = Ether(src=DEVICE, dst="33:33:ff:00:00:01") / IPv6(src="2001:db8::2", dst="ff02::1:ff00:1", hlim=255)
    asks /= ICMPv6ND_NS(tgt="2001:db8::1")
    with cable(EXAMPLES[6]) as (link, far):
        far.send(bytes(asks))
        assert link.receive(link.now() + 0.05) == b""
        told = Ether(far.recv(2000))
        assert (told.dst, told[IPv6].dst, told[ICMPv6ND_NA].tgt) == (DEVICE, "2001:db8::2", "2001:db8::1")
        assert told.lladdr == OWN
        sum_told = told[ICMPv6ND_NA].cksum
        del told[ICMPv6ND_NA].cksum
        assert Ether(bytes(told))[ICMPv6ND_NA].cksum == sum_told


def test_a_flood_of_what_is_for_others_ends_at_the_deadline():
    frame = bytes(Ether(src="02:00:00:00:00:99", dst=OWN) / IP(src=IT, dst=US))
    with cable() as (link, far):
        far.setblocking(False)

        class Flood:
            """A socket on which there is always something for somebody else."""

            def recv(self, _most):
                return frame

            def close(self):
                pass

        link._socket.close()
        link._socket = Flood()
        began = time.monotonic()
        assert link.receive(began + 0.1) == b""
        assert time.monotonic() - began < 30.0


def test_a_carrier_that_is_lost_is_the_end_of_the_connection():
    with cable() as (link, _far):
        link._connected = lambda: False
        with pytest.raises(LinkClosed, match="carrier is lost"):
            link.receive(link.now())


def test_an_interface_that_goes_down_is_our_trouble():
    with cable() as (link, far):
        far.close()
        with pytest.raises(LinkError, match="interface still up"):
            link.send(bytes(Ether(**OUT) / IP(src=US, dst=IT)), link.now() + 0.2)


# -- what is said of a bench that is not right -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moniker", "words"),
    [
        ("raw:eth1", "ip neighbour show dev eth1"),
        ("raw:eth1/192.0.2.2", "write raw:INTERFACE/MAC"),
        ("raw:/02:00:00:00:00:02", "write raw:INTERFACE/MAC"),
        ("raw:eth1/02:00:00:00:00", "write raw:INTERFACE/MAC"),
        ("raw:eth1/ff:ff:ff:ff:ff:ff", "not one device's address"),
        ("raw:eth1/33:33:00:00:00:01", "not one device's address"),
        ("raw:eth1/00:00:00:00:00:00", "not one device's address"),
        (f"{PLACE}&own_ip=2001:db8::1", "both IPv4 or both IPv6"),
        (f"raw:eth1/{DEVICE}?ip=192.0.2.300", "not '192.0.2.300'"),
        (f"raw:eth1/{DEVICE}?ip=224.0.0.1", "not one host's address"),
        (f"raw:eth1/{DEVICE}?ip=255.255.255.255", "not one host's address"),
        (f"{PLACE}&brodcast=on", "Did you mean 'broadcast'"),
        (f"{PLACE}&shared=yes", "on or off"),
    ],
)
def test_a_wrong_moniker_is_explained(moniker, words):
    with pytest.raises(UsageError) as raised:
        transport(moniker, None)
    assert words in str(raised.value)


@pytest.mark.parametrize(("flags", "there"), [(0x43, True), (0x03, False), (0x42, False)])
def test_a_carrier_is_what_the_kernel_says(monkeypatch, flags, there):
    monkeypatch.setattr(ethernet, "_asked", asked(flags))
    assert ethernet.has_carrier("eth9") is there


def asked(flags=0x43, kind=1, mac=HERE.own_mac, mtu=1500):
    """What the kernel says of an interface."""
    said = {0x8913: flags, 0x8927: kind, 0x8921: mtu}

    def ask(_name, question):
        return said[question].to_bytes(4, "little")[:2] + (mac if question == 0x8927 else b"\0" * 6) + bytes(16)

    return ask


@pytest.mark.parametrize(
    ("flags", "kind", "error", "words"),
    [(0, 1, LinkError, "ip link set eth9 up"), (1, 1, LinkError, "no carrier"), (0x43, 772, UsageError, "no Ethernet")],
)
def test_an_interface_that_cannot_be_used_is_explained(monkeypatch, flags, kind, error, words):
    monkeypatch.setattr(ethernet, "_asked", asked(flags, kind))
    with pytest.raises(error, match=words):
        transport(PLACE, None).open(1.0)


def test_an_interface_that_is_not_there_is_told_with_the_nearest():
    assert not ethernet.has_carrier("lo0")
    with pytest.raises(LinkError, match=r"no network interface 'lo0'\. Did you mean 'lo'"):
        transport(f"raw:lo0/{DEVICE}?ip={IT}", None).open(1.0)


def test_who_has_no_right_to_send_frames_is_told_which_and_how_to_get_it(monkeypatch):
    def refused(*_arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ethernet.socket, "socket", refused)
    with pytest.raises(BenchError, match=r"CAP_NET_RAW.*sudo.*setcap cap_net_raw") as raised:
        ethernet.frame_socket("raw:x", "eth9", sender=HERE.device_mac)
    assert not isinstance(raised.value, LinkError)


@pytest.mark.parametrize(
    ("more", "words"),
    [("", "write .*&shared=on"), ("&shared=on&broadcast=on", "would reach everybody"), ("&shared=on", "")],
)
def test_an_interface_on_which_others_are_wants_a_word(monkeypatch, more, words):
    """Without the right to open a socket this ends there, and not before."""
    monkeypatch.setattr(ethernet, "_asked", asked())
    monkeypatch.setattr(raw, "leads_everywhere", lambda _name: True)
    monkeypatch.setattr(raw, "frame_socket", lambda *_arguments, **_options: socket.socket(socket.AF_UNIX))
    opened = transport(f"{PLACE}&own_ip={US}{more}", None)
    if not words:
        opened.open(1.0).close()
        return
    with pytest.raises(UsageError, match=words):
        opened.open(1.0)


def test_our_own_address_is_not_taken_for_a_device_s(monkeypatch):
    monkeypatch.setattr(ethernet, "_asked", asked(mac=HERE.device_mac))
    with pytest.raises(UsageError, match="is this machine"):
        transport(f"{PLACE}&own_ip={US}", None).open(1.0)
