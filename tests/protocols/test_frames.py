"""Stacks of scapy's layers as messages: their bytes, checksums that stay right, answers, and what is refused."""

import struct
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, IPerror, UDPerror
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6ND_NA, IPv6
from scapy.layers.l2 import ARP, Ether

from harness.addresses import EXAMPLES, Addresses, stranger
from harness.errors import UsageError
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.icmp import ICMP as MESSAGES
from protocols.icmp import ICMPV6 as MESSAGES_6
from protocols.load import load_protocol
from protocols.render import Change
from protocols.stack import stack_of, version_of

PLACE = {
    4: Addresses(b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", ip_address("10.1.2.3").packed, ip_address("10.1.2.4").packed),
    6: Addresses(b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", ip_address("fd00::3").packed, ip_address("fd00::4").packed),
}
NAMES = ("arp", "icmp", "icmpv6")


@lru_cache
def placed(name):
    """The protocol between two addresses, as on a bench."""
    protocol = load_protocol(name)
    return replace(protocol, wire=protocol.wire.at(lambda: PLACE[protocol.wire.version]))


def sent(protocol, send):
    """The bytes that go out."""
    conversation = Conversation()
    return send.filled(lambda live, data: protocol.resolve(live, data, conversation))


def frame(packet):
    return Frame(FrameKind.REPLY, bytes(packet))


def reply_to(data, **changes):
    """What a host answers to an echo request of IPv4."""
    asked = Ether(data)
    told = Ether(src=asked.dst, dst=asked.src) / IP(src=asked[IP].dst, dst=asked[IP].src)
    icmp = ICMP(type=0, id=asked[ICMP].id, seq=asked[ICMP].seq)
    for name, value in changes.items():
        setattr(icmp, name, value)
    return told / icmp / bytes(asked[ICMP].payload)


def right_sums(data):
    """The same frame with all checksums computed by scapy."""
    packet = layer = Ether(data)
    while layer:
        for name in ("chksum", "cksum"):
            if name in layer.fields and not isinstance(layer, IPerror | UDPerror):
                del layer.fields[name]
        layer = layer.payload
    packet.clear_cache()
    return bytes(packet)


@pytest.mark.parametrize(("table", "name"), [(t, n) for t in (MESSAGES, MESSAGES_6) for n in t])
def test_a_message_is_what_scapy_builds_of_its_stack(table, name):
    protocol = load_protocol("icmp" if table is MESSAGES else "icmpv6")
    assert protocol.message(name).send().data == bytes(stack_of(table[name].text))


@pytest.mark.parametrize("name", NAMES)
def test_what_goes_out_names_the_bench_s_addresses_and_its_checksums_are_right(name):
    protocol = placed(name)
    for message in protocol.messages.values():
        data = sent(protocol, message.send())
        assert not stranger(data, PLACE[protocol.wire.version], broadcast=False), message.name
        if not message.name.endswith("_fragment"):  # whose checksum is that of the whole
            assert right_sums(data) == data, message.name


@settings(deadline=None)
@given(load=st.binary(max_size=60), number=st.integers(0, 255))
def test_lengths_and_checksums_stay_right_under_mutation(load, number):
    for name, message in (("icmp", "udp_to_a_closed_port"), ("icmpv6", "echo_request"), ("icmp", "echo_request")):
        protocol = placed(name)
        layout = protocol.message(message).layout
        ttl = next(leaf.name for leaf in layout.leaves if leaf.name in ("IP.ttl", "IPv6.hlim"))
        changes = (Change(layout.path("load"), load), Change(ttl, bytes([number])))
        data = sent(protocol, protocol.message(message).mutated(changes))
        assert right_sums(data) == data
        told = Ether(data)
        assert (told[IP].len - 20 if IP in told else told[IPv6].plen) == len(load) + 8


def test_a_checksum_that_is_bent_stays_bent():
    protocol = placed("icmp")
    bent = protocol.message("echo_request").mutated((Change("IP.ICMP.chksum", b"\0\1"),))
    assert Ether(sent(protocol, bent))[ICMP].chksum == 1


@pytest.mark.parametrize("name", NAMES)
def test_addresses_are_never_bent(name):
    for message in load_protocol(name).messages.values():
        for leaf in message.layout.leaves:
            assert leaf.primitive.fuzzable or leaf.live or not leaf.default, (message.name, leaf.name)
            assert not (leaf.live and leaf.live != "sequence" and leaf.primitive.fuzzable), leaf.name


def test_echoes_are_told_apart_by_their_numbers():
    protocol, conversation = placed("icmp"), Conversation()
    first, second = (protocol.probe.filled(lambda live, data: protocol.resolve(live, data, conversation)) for _ in "12")
    assert first != second
    assert protocol.answers(first, frame(reply_to(first)))
    assert not protocol.answers(first, frame(reply_to(second)))
    assert not protocol.answers(first, frame(first))
    assert not protocol.answers(first, Frame(FrameKind.UNSOLICITED, bytes(reply_to(first))))


def test_the_probe_is_served_by_its_own_data_only():
    protocol = placed("icmp")
    asked = sent(protocol, protocol.probe)
    assert protocol.served(frame(reply_to(asked)))
    assert not protocol.served(frame(bytes(reply_to(asked))[:-3] + b"xyz"))
    assert not protocol.served(frame(reply_to(asked, id=1)))
    arp = placed("arp")
    there = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / ARP(
        op=2, hwsrc="02:00:00:00:00:02", psrc="10.1.2.4", hwdst="02:00:00:00:00:01", pdst="10.1.2.3"
    )
    assert arp.answers(sent(arp, arp.probe), frame(there))
    assert arp.served(frame(there))
    there[ARP].psrc = "10.1.2.9"
    assert not arp.served(frame(there))


def test_a_neighbour_and_an_echo_of_ipv6_are_answers():
    protocol = placed("icmpv6")
    back = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IPv6(src="fd00::4", dst="fd00::3", hlim=255)
    asked = sent(protocol, protocol.probe)
    told = back / ICMPv6EchoReply(id=0x4D46, seq=1, data=asked[-24:])
    assert protocol.answers(asked, frame(told))
    assert protocol.served(frame(told))
    where = sent(protocol, protocol.message("neighbour_solicitation").send())
    assert protocol.answers(where, frame(back / ICMPv6ND_NA(tgt="fd00::4")))
    assert not protocol.answers(where, frame(back / ICMPv6ND_NA(tgt="fd00::9")))


def test_a_closed_port_s_error_answers_the_datagram():
    protocol = placed("icmp")
    asked = sent(protocol, protocol.message("udp_to_a_closed_port").send())
    told = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="10.1.2.4", dst="10.1.2.3")
    assert protocol.answers(asked, frame(told / ICMP(type=3, code=3) / bytes(Ether(asked)[IP])))
    other = Ether(asked)
    other[UDP].sport = 4
    assert not protocol.answers(asked, frame(told / ICMP(type=3, code=3) / bytes(other[IP])))


def test_only_what_is_right_in_all_must_be_answered():
    protocol = placed("icmp")
    message = protocol.message("echo_request")
    assert protocol.demands(sent(protocol, message.send()))
    for change in (
        Change("IP.ICMP.chksum", b"\0\1"),
        Change("IP.chksum", b"\0\1"),
        Change("IP.len", b"\0\x40"),
        Change("IP.ttl", b"\0"),
        Change("IP.version_ihl", b"\x46"),
        Change("IP.flags_frag", b"\x20\0"),
        Change("IP.ICMP.code", b"\1"),
        Change("src", b"\2\0\0\0\0\7"),
        Change("type", b"\x08\6"),
    ):
        assert not protocol.demands(sent(protocol, message.mutated((change,)))), change
    longer = message.mutated((Change("IP.ICMP.Raw.load", b"x" * 900),))
    assert protocol.demands(sent(protocol, longer))
    assert placed("arp").demands(sent(placed("arp"), placed("arp").probe))
    assert placed("icmpv6").demands(sent(placed("icmpv6"), placed("icmpv6").probe))


def test_what_a_reply_cannot_be_is_told():
    protocol = placed("icmp")
    message = protocol.message("echo_request")
    asked = sent(protocol, message.send())
    right = bytes(reply_to(asked))
    assert protocol.wrong(asked, frame(right)) == ""
    assert protocol.wrong(asked, frame(right + b"\0" * 9)) == "", "what fills a frame up is no data"
    told = Ether(right)
    told[ICMP].payload.load = b"other"
    del told[ICMP].chksum, told[IP].len, told[IP].chksum
    assert "other data" in protocol.wrong(asked, frame(told))
    assert "reply has a wrong checksum" in protocol.wrong(asked, frame(right[:36] + b"\xee\xee" + right[38:]))
    assert "IP header of an echo reply" in protocol.wrong(asked, frame(right[:24] + b"\xee\xee" + right[26:]))
    for field, words in (("IP.ICMP.chksum", "request with a wrong"), ("IP.chksum", "an IP header with a wrong")):
        bent = sent(protocol, message.mutated((Change(field, b"\0\1"),)))
        assert words in protocol.wrong(bent, frame(reply_to(bent)))


@settings(deadline=None)
@given(st.binary(max_size=90), st.binary(max_size=90))
def test_no_bytes_make_it_raise_and_none_are_lost(sent_bytes, came):
    for name in NAMES:
        protocol = placed(name)
        for data in (came, b"\2\0\0\0\0\1\2\0\0\0\0\2" + came, b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0\x45" + came):
            frames, rest = protocol.split(data)
            assert b"".join(one.data for one in frames) + rest == data
            for one in frames:
                protocol.answers(sent_bytes, one)
                protocol.served(one)
                protocol.wrong(sent_bytes, one)
                assert dict(one.fields) is not None
        protocol.demands(sent_bytes)
        protocol.expects_reply(sent_bytes)


def test_frames_that_were_read_at_once_stay_apart():
    protocol = placed("icmp")
    one = bytes(reply_to(sent(protocol, protocol.probe)))
    to_all = b"\xff" * 6 + one[6:]
    frames, rest = protocol.split(one + to_all + one)
    assert ([f.data for f in frames], rest) == ([one, to_all, one], b"")
    assert [f.kind for f in frames] == [FrameKind.REPLY, FrameKind.UNSOLICITED, FrameKind.REPLY]


@pytest.mark.parametrize("name", NAMES)
def test_the_guard_tells_each_message_in_what_goes_out(name):
    protocol = placed(name)
    for message in protocol.messages:
        found = protocol.forbidden([message]).search(sent(protocol, protocol.message(message).send()))
        assert found, message
    assert not protocol.forbidden([]).search(sent(protocol, protocol.probe))


def test_a_message_that_is_forbidden_is_told_behind_options_too():
    pattern = placed("icmp").forbidden(["redirect"])
    options = b"\x94\x04\0\0"
    for words in range(5, 16):
        header = struct.pack("!BBHHHBBH8s", 0x40 | words, 0, 40, 1, 0, 64, 1, 0, b"12345678") + options * (words - 5)
        assert pattern.search(bytes(12) + b"\x08\0" + header + b"\5\1")
        assert not pattern.search(bytes(12) + b"\x08\0" + header + b"\x08\0")


# -- a stack of one's own ----------------------------------------------------------------------------------------------


def test_a_stack_is_one_message_and_is_asked_by_an_echo():
    protocol = load_protocol("scapy:Ether()/IP()/UDP(sport=5000, dport=53)/DNS(qd=DNSQR(qname='a.b'))")
    assert list(protocol.messages) == ["DNS", "echo_probe"]
    assert Ether(protocol.message("DNS").send().data)[UDP].dport == 53
    assert protocol.probe.message == "echo_probe"


@pytest.mark.parametrize(
    ("spec", "probe"),
    [
        ("Ether()/IPv6()/UDP(dport=9)", "echo_probe"),
        ("Ether(type=0x88b5)/Raw('x')", "arp_probe"),
        ("Ether()/IP()/UDP(dport=9)?probe=arp", "arp_probe"),
        ("Ether()/IP()/UDP(dport=9)/Raw('is it there?')?probe=own", "UDP"),
        ("Dot3()/LLC()/STP()", "arp_probe"),
        ("Ether(dst='ff:ff:ff:ff:ff:ff')/scapy.contrib.lldp.LLDPDU()", "arp_probe"),
    ],
)
def test_its_probe_fits_its_layers(spec, probe):
    assert load_protocol(f"scapy:{spec}").probe.message == probe


def test_a_stack_that_is_its_own_probe_wants_an_answer():
    protocol = load_protocol("scapy:Ether()/IP()/UDP(sport=50, dport=9)/Raw('x')?probe=own")
    protocol = replace(protocol, wire=protocol.wire.at(lambda: PLACE[4]))
    asked = sent(protocol, protocol.probe)
    assert protocol.expects_reply(asked) and not protocol.expects_reply(asked + b"x")
    told = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01") / IP(src="10.1.2.4", dst="10.1.2.3")
    assert protocol.answers(asked, frame(told / UDP(sport=9, dport=50)))
    assert not protocol.answers(asked, frame(told / UDP(sport=9, dport=51)))
    assert protocol.served(frame(told / UDP(sport=9, dport=50)))


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ("Ether()/IP()/UPD()", "Did you mean 'UDP'"),
        ("Ether()/Something()", "write the module, too"),
        ("Ether()/no.such.Layer()", "is not there"),
        ("IP()/UDP()", "write Ether()/IP()/UDP()"),
        ("Ether()/IP(ttl=)", "is no stack of layers"),
        ("Ether()/IP(tlt=1)", "Did you mean 'ttl'"),
        ("Ether()/IP(64)", "a value without a name"),
        ("Ether()/IP(dst='device.example.org')", "an IP address in 'dst'"),
        ("Ether(dst='everybody')/IP()", "an Ethernet address in 'dst'"),
        ("Ether()/IP(ttl=open('/etc/passwd').read())", "is no layer"),
        ("Ether()/IP(dst=our_ip)", "own_ip, device_mac"),
        ("Ether()/(lambda: 0)()", "is no layer"),
        ("Ether()/IP()/UDP()?probe=ping", "not 'ping'"),
        ("Ether()/IP()/UDP()?prob=arp", "Did you mean 'probe'"),
    ],
)
def test_a_stack_that_cannot_be_read_is_explained_and_nothing_is_run(stack, words):
    with pytest.raises(UsageError) as raised:
        load_protocol(f"scapy:{stack}")
    assert words in str(raised.value)


def test_names_stand_for_the_bench_s_addresses():
    text = "Ether()/IPv6()/ICMPv6ND_NS(tgt=own_ip)/ICMPv6NDOptSrcLLAddr(lladdr=device_mac)"
    packet = stack_of(text)
    assert (version_of(text), packet.tgt) == (6, str(ip_address(EXAMPLES[6].own_ip)))
    assert packet.lladdr == EXAMPLES[6].device_mac.hex(":")
