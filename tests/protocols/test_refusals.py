"""Which replies are refusals: the message was read, and not carried out."""

import pytest

from harness.interfaces import Frame, FrameKind
from protocols.att_wire import AttWire
from protocols.hl7_wire import Hl7Wire
from protocols.l2cap_wire import SignallingWire
from protocols.load import load_protocol
from protocols.smp_wire import SmpWire
from protocols.wire import Wire


def acknowledgement(code):
    return b"\x0bMSH|^~\\&|A|B|C|D|1||ACK|1|P|2.5\rMSA|" + code + b"|MSG1\r\x1c\r"


@pytest.mark.parametrize(
    ("wire", "reply", "refused"),
    [
        (Hl7Wire({}), acknowledgement(b"AA"), False),
        (Hl7Wire({}), acknowledgement(b"AE"), True),
        (Hl7Wire({}), acknowledgement(b"CR"), True),
        (Hl7Wire({}), b"\x0bnothing\x1c\r", False),
        (AttWire, b"\x01\x0a\x03\x00\x02", True),
        (AttWire, b"\x0b\x01", False),
        (SmpWire, b"\x05\x08", True),
        (SmpWire, b"\x02\x03", False),
        (SignallingWire, b"\x01\x07\x02\x00\x00\x00", True),
        (Wire(), b"no", False),
    ],
)
def test_a_refusal_is_known(wire, reply, refused):
    wire = wire.__new__(wire) if isinstance(wire, type) else wire
    assert wire.refuses(Frame(FrameKind.REPLY, reply)) is refused


def test_the_pumps_status_says_it(tmp_path):
    protocol = load_protocol("pump_link", tmp_path)
    from protocols.checksums import crc16_ccitt_false

    def reply(*content):
        body = bytes([len(content), 0, *content])
        return b"\xa5" + body + crc16_ccitt_false(body).to_bytes(2, "little")

    assert not protocol.refuses(reply(1, 0x81, 0))
    assert protocol.refuses(reply(1, 0x89, 5))
    assert protocol.refuses(reply(1, 0xFF, 0))
    assert not protocol.refuses(b"\xa5\x00")
    assert not protocol.refuses(b"")
