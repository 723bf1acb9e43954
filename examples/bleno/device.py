"""thermo over GATT, as discovered; values are what the device said, or plausible ones."""
# ruff: noqa: RUF012  (scapy's fields_desc)

import boofuzz
from scapy.fields import StrLenField

from harness.interfaces import Mark
from protocols.att_table import Attribute, with_table
from protocols.derive import fields_of
from protocols.gatt.messages import read, service, write
from protocols.gatt.packets import Value
from protocols.model import Message

WRITTEN = frozenset({Mark.PRIVILEGED})  # Mark.THERAPY where a write acts on the patient


def command(name, uuid, value):
    """A Write Command: nothing answers it."""
    parts = (
        boofuzz.Byte("opcode", 0x52),
        boofuzz.Word("handle", 0, endian="<"),
        boofuzz.Block("value", children=fields_of(value)),
    )
    live = {"handle": f"handle:{uuid}"}
    return Message(boofuzz.Request(name, children=parts), marks=WRITTEN, live=live, reply_expected=False)


class ValueMeasurementInterval(Value):
    """2a21 Measurement Interval."""

    fields_desc = [StrLenField("value", b"<\x00", length_from=lambda _packet: 512)]


class ValueFff1(Value):
    """fff1."""

    fields_desc = [StrLenField("value", b"\x01\x00", length_from=lambda _packet: 512)]


MESSAGES = (
    read("read_device_name", "2a00"),
    read("read_appearance", "2a01"),
    read("read_measurement_interval", "2a21"),
    write("write_measurement_interval", "2a21", ValueMeasurementInterval(), marks=WRITTEN),
    command("write_fff1", "fff1", ValueFff1()),
)
CHAINS = (("write_measurement_interval", "read_measurement_interval"),)

PROTOCOL = service("thermo", MESSAGES, CHAINS)

ATT = with_table(
    (
        Attribute(0x0003, (), bytes.fromhex("746865726d6f")),  # 2a00 Device Name
        Attribute(0x0005, (), bytes.fromhex("8000")),  # 2a01 Appearance
        Attribute(0x0008, ()),  # 2a05 Service Changed
        Attribute(0x0009, ("write",)),  # 2902
        Attribute(0x000C, ()),  # 2a1c Temperature Measurement
        Attribute(0x000E, ()),  # 2901
        Attribute(0x000D, ("write",)),  # 2902
        Attribute(0x0010, ("write",), bytes.fromhex("3c00")),  # 2a21 Measurement Interval
        Attribute(0x0012, ("command",)),  # fff1
        Attribute(0x0013, ("write",)),  # 2902
    )
)
