"""SFLOAT, FLOAT and the E2E-CRC: the standard's own examples, round trips, and what a derived field is bent to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.fields import ByteField
from scapy.packet import Packet

from fuzzers.values import of_leaf
from harness.errors import UsageError
from protocols.checksums import crc16_mcrf4xx
from protocols.derive import derive
from protocols.gatt.values import FLOAT, SFLOAT, FloatField, SFloatField, e2e_crc
from protocols.render import Change, Layout

# IEEE 11073-20601 annex F; Personal Health Devices Transcoding white paper, 2.2.
PUBLISHED = [
    (SFLOAT, 0x07FF, "NaN"),
    (SFLOAT, 0x0800, "NRes"),
    (SFLOAT, 0x07FE, "+INF"),
    (SFLOAT, 0x0802, "-INF"),
    (SFLOAT, 0x0801, "reserved"),
    (SFLOAT, 0x0072, "114"),
    (SFLOAT, 0xF170, "36.8"),
    (FLOAT, 0x007FFFFF, "NaN"),
    (FLOAT, 0x00800000, "NRes"),
    (FLOAT, 0x007FFFFE, "+INF"),
    (FLOAT, 0x00800002, "-INF"),
    (FLOAT, 0x00800001, "reserved"),
    (FLOAT, 0xFF00016C, "36.4"),
]


@pytest.mark.parametrize(("form", "raw", "text"), PUBLISHED)
def test_published_values(form, raw, text):
    assert form.text(raw) == text
    assert form.raw(text) == raw


@pytest.mark.parametrize("form", [SFLOAT, FLOAT])
@given(data=st.data())
def test_any_bits_survive_a_round_trip_through_text(form, data):
    raw = data.draw(st.integers(0, (1 << (form.mantissa_bits + form.exponent_bits)) - 1))
    assert form.text(form.raw(form.text(raw))) == form.text(raw)


@given(st.integers(-2045, 2045), st.integers(-8, 7))
def test_an_exponent_may_be_chosen(mantissa, exponent):
    text = SFLOAT.text(SFLOAT.raw(f"{mantissa}e{exponent}", exponent))
    assert float(text) == pytest.approx(float(f"{mantissa}e{exponent}"))
    assert SFLOAT.split(SFLOAT.raw(f"{mantissa}e{exponent}", exponent)) == (mantissa, exponent)


@pytest.mark.parametrize("number", ["12.345", "3e10", "2046e7", "1e-9"])
def test_a_number_that_does_not_fit_is_refused(number):
    with pytest.raises(UsageError, match="does not fit SFLOAT"):
        SFLOAT.raw(number)


def test_the_crc_gives_its_check_value():
    assert crc16_mcrf4xx(b"123456789") == 0x6F91


class Dose(Packet):
    fields_desc = [
        ByteField("opcode", 1),
        SFloatField("amount", "2.5"),
        FloatField("rate", "36.4"),
        e2e_crc("opcode", "rate"),
    ]


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
def test_derived_bytes_equal_scapys(amount, rate):
    packet = Dose(amount=amount, rate=rate)
    assert derive("m", packet).render() == bytes(packet)
    assert crc16_mcrf4xx(bytes(packet)[:-2]).to_bytes(2, "little") == bytes(packet)[-2:]
    assert Dose(bytes(packet)).amount == amount


def test_text_is_taken_and_shown():
    assert bytes(Dose(amount="NaN"))[1:3] == b"\xff\x07"
    assert "36.4" in Dose().show(dump=True)


def test_a_derived_field_is_bent_to_every_special_value_and_its_digits_at_every_exponent():
    layout = Layout(derive("m", Dose()))
    tried = {
        values.at(k)[0].data
        for values in of_leaf(layout, layout.leaf("amount"), 64, "", None)
        for k in range(values.count)
    }
    assert {raw.to_bytes(2, "little") for raw in SFLOAT.specials.values()} <= tried
    assert {SFLOAT.raw(f"25e{power}", power).to_bytes(2, "little") for power in range(-8, 8) if power != -1} <= tried


def test_the_crc_follows_a_change_and_is_itself_sometimes_wrong():
    layout = Layout(derive("m", Dose()))
    bent = layout.render([Change("amount", b"\xff\x07")]).data
    assert crc16_mcrf4xx(bent[:-2]).to_bytes(2, "little") == bent[-2:]
    kinds = {values.kind for values in of_leaf(layout, layout.leaf("e2e_crc"), 64, "", None)}
    assert "wrong checksum" in kinds
