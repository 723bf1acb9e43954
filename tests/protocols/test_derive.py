"""Requests derived from scapy packets: equal bytes, lengths and checksums that follow, errors that name the field."""

import inspect

import boofuzz
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib import modbus
from scapy.fields import (
    BitField,
    BitFieldLenField,
    ByteField,
    ConditionalField,
    FieldLenField,
    FieldListField,
    FlagsField,
    LEShortField,
    MultipleTypeField,
    PacketListField,
    ShortField,
    StrLenField,
    ThreeBytesField,
    XShortField,
)
from scapy.layers import bluetooth
from scapy.packet import Packet, Raw

from protocols.bits import BitGroup
from protocols.checksums import crc16_modbus
from protocols.derive import UnderivableError, derive
from protocols.packets import ChecksumField
from protocols.render import Layout
from targets.pump.protocol import packets as pump_link_packets
from targets.pump.protocol import replies as pump_link_replies

CANNOT_BE_BUILT = {"ModbusPDU11ReportSlaveIdResponse"}


def classes(module, prefix):
    return [
        cls
        for name, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, Packet) and name.startswith(prefix) and cls.__module__ == module.__name__
    ]


FOREIGN = [
    *classes(bluetooth, "ATT"),
    *classes(bluetooth, "SM_"),
    *(cls for cls in classes(modbus, "Modbus") if cls.__name__ not in CANNOT_BE_BUILT),
]
OURS = [*pump_link_packets.REQUESTS.values(), *pump_link_replies.REPLIES.values()]


@pytest.mark.parametrize("cls", FOREIGN, ids=lambda cls: cls.__name__)
def test_derived_bytes_equal_scapys(cls):
    assert derive("m", cls()).render() == bytes(cls())


@pytest.mark.parametrize("cls", [c for c in FOREIGN if c.__name__.startswith("SM_")], ids=lambda cls: cls.__name__)
def test_under_l2cap_too(cls):
    packet = bluetooth.L2CAP_Hdr(cid=6) / bluetooth.SM_Hdr() / cls()
    assert derive("m", packet).render() == bytes(packet)


@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
def test_every_shipped_packet(cls):
    framed = pump_link_packets.frame(cls())
    assert derive("m", framed).render() == bytes(framed)


def numbers(field):
    size = getattr(field, "sz", 0)
    return st.integers(0, (1 << int(8 * size)) - 1) if size in (1, 2, 4) else st.none()


@given(st.sampled_from(OURS), st.data())
def test_every_shipped_packet_with_any_numbers(cls, data):
    drawn = {
        field.name: data.draw(numbers(field), label=field.name)
        for field in cls.fields_desc
        if type(field) in (ByteField, LEShortField) and not field.name.endswith("_length")
    }
    packet = pump_link_packets.frame(cls(**{name: value for name, value in drawn.items() if value is not None}))
    assert derive("m", packet).render() == bytes(packet)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 0xFFFF), st.integers(0, 0xFF))
def test_modbus_with_any_registers(data, start, unit):
    pdu = modbus.ModbusPDU10WriteMultipleRegistersRequest(startAddr=start, outputsValue=list(data))
    packet = modbus.ModbusADURequest(unitId=unit) / pdu
    assert derive("m", packet).render() == bytes(packet)


class Element(Packet):
    fields_desc = [
        ByteField("kind", 1),
        FieldLenField("size", None, length_of="value", fmt="B"),
        StrLenField("value", b"ab"),
    ]

    def extract_padding(self, s):
        return b"", s


class Everything(Packet):
    fields_desc = [
        BitField("version", 2, 3),
        FlagsField("flags", 5, 5, "abcde"),
        FieldLenField("count", None, count_of="elements", fmt="B"),
        FieldLenField("length", None, length_of="elements", fmt="<H", adjust=lambda _, n: n + 1),
        ConditionalField(ShortField("extra", 7), lambda packet: packet.version == 2),
        ConditionalField(ShortField("never", 7), lambda packet: packet.version == 3),
        MultipleTypeField([(XShortField("shape", 9), lambda packet: packet.version == 2)], ByteField("shape", 1)),
        PacketListField("elements", [], Element, length_from=lambda packet: packet.length - 1),
        FieldListField("ports", [1, 2, 3], LEShortField("port", 0)),
        ThreeBytesField("wide", 0x010203),
        ChecksumField("check", over=("count", "wide"), algorithm="crc16_modbus", order="little"),
    ]


def everything():
    return Everything(elements=[Element(), Element(value=b"xy")])


def test_bits_conditions_lists_and_checksums():
    request = derive("m", everything())
    names = [leaf.name for leaf in Layout(request).leaves]
    assert request.render() == bytes(everything())
    assert {"version_flags", "extra", "elements.Element1.value", "ports.element2", "wide", "check"} <= set(names)
    assert "never" not in names
    assert isinstance(request.names["m.version_flags"], BitGroup)


class Flagged(Packet):
    fields_desc = [
        BitField("high", 1, 3),
        BitField("low", 2, 5),
        ByteField("value", 7),
        ChecksumField("check", over=("low", "value"), algorithm="sum8"),
    ]


def test_a_checksum_over_a_flag_covers_the_bytes_that_hold_it():
    layout = Layout(derive("m", Flagged(high=0)))
    assert layout.default.data == bytes(Flagged(high=0)) == b"\x02\x07\x09"
    assert layout.render([layout.change(layout.leaf("high_low"), 0x42)]).data == b"\x42\x07\x49"


def test_nested_lengths_and_the_checksum_follow_a_mutation():
    layout = Layout(derive("m", everything()))
    plain, longer = layout.default.data, layout.render(layout.set(**{"elements.Element1.value": b"0123456789"})).data
    assert longer[2:4] == (plain[2] + 8).to_bytes(2, "little")
    assert b"\x01\x0a0123456789" in longer
    assert longer[-2:] == crc16_modbus(longer[1:-2]).to_bytes(2, "little")


def test_the_checksum_field_parses_and_can_be_given():
    given_value = Everything(version=3, check=0x1234)
    assert bytes(given_value)[-2:] == b"\x34\x12"
    assert derive("m", given_value).render() == bytes(given_value)


def test_a_length_filled_in_by_post_build_is_recognized():
    layout = Layout(derive("m", bluetooth.L2CAP_Hdr(cid=6) / bluetooth.SM_Hdr() / bluetooth.SM_Pairing_Request()))
    assert isinstance(layout.leaf("len").primitive, boofuzz.Size)
    longer = layout.render(layout.set(**{"SM_Hdr.SM_Pairing_Request.max_key_size": 255}))
    assert longer.data[:2] == b"\x07\0"


class Summed(Packet):
    fields_desc = [ByteField("value", 1), ByteField("sum", None)]

    def post_build(self, pkt, pay):
        return pkt[:1] + bytes([pkt[0] ^ 0xFF]) + pkt[2:] + pay


class Odd(Packet):
    fields_desc = [BitField("lonely", 1, 3)]


class BitCount(Packet):
    fields_desc = [
        BitFieldLenField("size", None, 4, length_of="text"),
        BitField("rest", 0, 4),
        StrLenField("text", b"x"),
    ]


@pytest.mark.parametrize(
    ("packet", "named"),
    [
        (Summed(), r"Summed\.sum.*ChecksumField"),
        (Odd() / Raw(b"x"), r"Odd.*cannot"),
        (BitCount(), r"BitCount\.size.*give it a value"),
        (modbus.ModbusPDU11ReportSlaveIdResponse(), "ModbusPDU11ReportSlaveIdResponse.*scapy cannot build"),
    ],
)
def test_an_underivable_field_is_named(packet, named):
    with pytest.raises(UnderivableError, match=named):
        derive("m", packet)


def test_bit_mutations_change_one_member():
    group = derive("m", Everything(version=2, flags=5)).names["m.version_flags"]
    values = list(group.mutations(group.original_value()))
    assert len(values) == group.num_mutations(group.original_value()) == len(set(values)) == 7 + 31
    assert all((value >> 5 == 2) != (value & 31 == 5) for value in values)
