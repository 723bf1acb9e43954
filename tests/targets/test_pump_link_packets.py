"""Frames of the maintenance link: checksum, lengths, bodies by command, and the MAC against its published vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.siphash import siphash24
from targets.pump.protocol.packets import REQUESTS, Echo, PumpFrame, crc16, frame, image_mac
from targets.pump.protocol.replies import REPLIES, StatusOnly

KEY = bytes(range(16))
VECTORS = {
    0: "310e0edd47db6f72",
    1: "fd67dc93c539f874",
    2: "5a4fa9d909806c0d",
    7: "37d1018bf50002ab",
    8: "6224939a79f5f593",
    15: "e545be4961ca29a1",
}


@pytest.mark.parametrize("length", VECTORS)
def test_siphash_gives_the_published_vectors(length):
    assert siphash24(KEY, bytes(range(length))).hex() == VECTORS[length]


def test_siphash_refuses_a_short_key():
    with pytest.raises(ValueError, match="16 bytes"):
        siphash24(b"short", b"")


def test_crc_gives_the_check_value_of_ccitt_false():
    assert crc16(b"123456789") == 0x29B1


def test_the_image_mac_binds_version_and_content():
    assert image_mac(1, b"image") != image_mac(2, b"image") != image_mac(2, b"imagE")


@pytest.mark.parametrize("body", REQUESTS.values(), ids=lambda body: body.__name__)
def test_a_request_is_dissected_into_its_own_class(body):
    data = bytes(frame(body(), sequence=9))
    parsed = PumpFrame(data)
    assert int.from_bytes(data[1:3], "little") == len(data) - 5
    assert bytes(parsed) == data
    assert type(parsed.body) is body or not body.fields_desc


@pytest.mark.parametrize("body", REPLIES.values(), ids=lambda body: body.__name__)
def test_a_reply_with_another_status_than_ok_is_the_status_alone(body):
    refused = PumpFrame(bytes(PumpFrame(opcode=body.opcode, body=StatusOnly(status=7))))
    whole = PumpFrame(bytes(frame(body())))
    assert bytes(refused.body)[:1] == b"\x07"
    assert type(whole.body) is body


@given(st.binary(max_size=296), st.integers(0, 255))
def test_echo_frames_survive_a_round_trip(data, sequence):
    sent = bytes(frame(Echo(data=data), sequence))
    parsed = PumpFrame(sent)
    assert parsed.body.data == data
    assert parsed.sequence == sequence
    assert crc16(sent[1:-2]) == parsed.crc16
