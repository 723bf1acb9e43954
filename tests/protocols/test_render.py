"""The renderer: the bytes that boofuzz gives, fields found where they moved to, live fields that stop being live."""

from itertools import islice

import boofuzz
import pytest
from boofuzz.mutation_context import MutationContext
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from protocols.checksums import BlockChecksum, crc16_ccitt_false, lrc, sum8
from protocols.encoding import HexBlock
from protocols.modbus import modbus_ascii
from protocols.render import TAIL, Change, Layout
from targets.pump.protocol.hl7 import MESSAGES as HL7
from targets.pump.protocol.link import MESSAGES as PUMP

ASCII = modbus_ascii()


def request():
    body = boofuzz.Block(
        "body",
        children=(
            boofuzz.Word("token", 0, endian="<"),
            boofuzz.Size("name_length", ".name", length=1),
            boofuzz.String("name", "ward"),
        ),
    )
    return boofuzz.Request(
        "m",
        children=(
            boofuzz.Byte("start", 0xA5),
            boofuzz.Size("length", ".body", length=2, endian=">"),
            body,
            BlockChecksum("crc", [".length", ".body"], "crc16_ccitt_false"),
        ),
    )


def layout(**live):
    return Layout(request(), {"body.token": "token"} | live)


def digits():
    """A block of digits with a length of its own inside, and a length and a checksum of the digits outside."""
    inside = (
        boofuzz.Size("name_length", ".name", length=1),
        boofuzz.Word("number", 9, endian=">"),
        boofuzz.String("name", "ward"),
        BlockChecksum("sum", [".name_length", ".number", ".name"], "lrc"),
    )
    outside = (boofuzz.Size("length", ".text", length=1), boofuzz.Static("start", ":"), HexBlock("text", inside))
    return boofuzz.Request("m", children=(*outside, BlockChecksum("crc", [".start", ".text"], "sum8")))


@pytest.mark.parametrize("name", sorted(PUMP))
def test_same_bytes_as_boofuzz_for_every_mutation_of_a_pump_message(name):
    assert_same_as_boofuzz(PUMP[name].request, 1)


@pytest.mark.parametrize("name", sorted(HL7))
def test_same_bytes_as_boofuzz_for_mutations_of_an_hl7_message(name):
    assert_same_as_boofuzz(HL7[name].request, 211)


@pytest.mark.parametrize("name", sorted(ASCII.messages))
def test_same_bytes_as_boofuzz_for_mutations_of_digits(name):
    assert_same_as_boofuzz(ASCII.messages[name].request, 5)


def test_lengths_and_checksums_outside_digits_are_of_the_digits():
    assert_same_as_boofuzz(digits(), 3)
    ours = Layout(digits())
    body = bytes([4, 0, 9]) + b"ward"
    text = (body + bytes([lrc(body)])).hex().upper().encode()
    assert ours.default.data == bytes([len(text)]) + b":" + text + bytes([sum8(b":" + text)])


def test_a_change_in_digits_is_given_and_told_in_bytes():
    ours = Layout(digits())
    rendered = ours.render([Change("text.name", b"\xff\0")])
    given = ours.given(rendered.data, rendered.spans)
    assert b":020009FF00" in rendered.data
    assert (given["text.name"], given["text.name_length"], given["start"]) == (b"\xff\0", b"\2", b":")


def test_digits_are_read_back_and_nothing_else_is():
    ours = Layout(digits())
    data = ours.default.data
    assert ours.decoded(data)[2:9] == bytes([4, 0, 9]) + b"ward"
    assert ours.decoded(data.replace(b"0400", b"04x0")) is None
    assert layout().decoded(b"any") == b"any"


def test_what_goes_out_as_digits_cannot_be_live_and_is_one_block():
    with pytest.raises(UsageError, match=r"'text\.number' of message 'm' goes out coded"):
        Layout(digits(), {"text.number": "token"})
    blocks = [HexBlock(name, [boofuzz.Byte("one", 1)]) for name in ("a", "b")]
    with pytest.raises(UsageError, match="two blocks that are coded"):
        Layout(boofuzz.Request("m", children=blocks))


def assert_same_as_boofuzz(wanted, stride):
    ours = Layout(wanted)
    assert ours.default.data == wanted.render()
    compared = 0
    for mutations in islice(wanted.get_mutations(), 0, None, stride):
        if callable(mutations[0].value) or len(str(mutations[0].value)) < 5000:
            compared += 1
            assert ours.render(ours.of_mutations(mutations)).data == wanted.render(MutationContext(mutations=mutations))
    assert compared > 20


@given(st.text(max_size=40), st.integers(0, 0xFFFF))
def test_lengths_and_checksum_follow_two_changes(name, token):
    whole = layout()
    changes = whole.set(name=name, token=token)
    data = whole.render(changes).data
    text = name.encode("utf-8", "replace")
    body = token.to_bytes(2, "little") + bytes([len(text)]) + text
    framed = len(body).to_bytes(2, "big") + body
    assert data == b"\xa5" + framed + crc16_ccitt_false(framed).to_bytes(2, "big")


def test_live_fields_are_found_where_a_mutation_moved_them():
    rendered = layout(**{"body.name": "peer"}).render((Change("start", b"\xa5\xa5\xa5"),))
    by_name = {field.name: field for field in rendered.live}
    assert (by_name["token"].offset, by_name["peer"].offset) == (5, 8)
    crc = by_name["crc16_ccitt_false/big"]
    assert (crc.offset, crc.length, crc.start, crc.stop) == (12, 2, 3, 12)


def test_spans_cover_the_message_without_gaps():
    rendered = layout().render((Change("body.name", b"x" * 30),))
    at = 0
    for span in rendered.spans:
        assert span.offset == at
        at += span.length
    assert at == len(rendered.data)
    assert [span.length for span in rendered.spans if span.name == "body.name"] == [30]


def test_a_mutated_live_field_is_not_live_but_the_checksum_over_others_is():
    whole = layout(**{"body.name": "peer"})
    names = [field.name for field in whole.render(whole.set(token=7)).live]
    assert names == ["peer", "crc16_ccitt_false/big"]


def test_a_checksum_is_computed_at_once_when_nothing_under_it_is_live():
    whole = layout()
    rendered = whole.render(whole.set(token=7))
    assert rendered.live == ()
    assert rendered.data[-2:] == crc16_ccitt_false(rendered.data[1:-2]).to_bytes(2, "big")


def test_a_mutated_checksum_or_length_stays_wrong():
    whole = layout()
    wrong = whole.render((Change("crc", b"\0\0"), Change("length", b"\xff\xff")))
    assert (wrong.data[-2:], wrong.data[1:3]) == (b"\0\0", b"\xff\xff")
    assert [field.name for field in wrong.live] == ["token"]


def test_bytes_added_to_the_tail_leave_the_rest_live():
    whole = layout()
    rendered = whole.render((Change("body" + TAIL, b"more"),))
    assert [field.name for field in rendered.live] == ["token", "crc16_ccitt_false/big"]
    assert rendered.data[1:3] == (7 + 4).to_bytes(2, "big")


def test_an_empty_block_can_be_filled():
    empty = boofuzz.Request("m", children=(boofuzz.Size("n", ".body", length=1), boofuzz.Block("body")))
    assert Layout(empty).render((Change("body", b"abc"),)).data == b"\3abc"


def test_a_session_reference_is_live_by_itself():
    reference = boofuzz.ProtocolSessionReference("challenge", b"\0\0\0\0")
    rendered = Layout(boofuzz.Request("m", children=(boofuzz.Bytes("b", b"x"), BytesOf("r", reference)))).default
    assert [(field.name, field.offset, field.length) for field in rendered.live] == [("session:challenge", 1, 4)]


class BytesOf(boofuzz.Simple):
    """A primitive whose default boofuzz does not check."""


def test_encoded_blocks_and_mirrors_are_rendered_by_boofuzz():
    doubled = boofuzz.Block("b", encoder=lambda data: data * 2, children=(boofuzz.Byte("x", 1),))
    whole = boofuzz.Request("m", children=(doubled, boofuzz.Byte("y", 2), boofuzz.Mirror("copy", ".y")))
    assert_all_equal(whole)


def test_conditional_blocks_aligned_and_repeated():
    group = boofuzz.Group("kind", [b"a", b"b"])
    block = boofuzz.Block("b", dep="kind", dep_value=b"a", children=(boofuzz.Word("x", 1),))
    aligned = boofuzz.Aligned("pad", modulus=4, children=(boofuzz.Bytes("z", b"abc"),))
    assert_all_equal(boofuzz.Request("m", children=(group, block, aligned, boofuzz.Size("n", "pad", length=2))))


def test_ascii_lengths_and_stock_checksums():
    body = boofuzz.Block("body", children=(boofuzz.String("s", "hello"),))
    size = boofuzz.Size("n", "body", length=4, output_format="ascii")
    assert_all_equal(boofuzz.Request("m", children=(size, body, boofuzz.Checksum("c", "body", algorithm="md5"))))


def test_a_checksum_over_another():
    inner = boofuzz.Block("in", children=(boofuzz.Byte("x", 1), boofuzz.Checksum("a", "x", algorithm="crc32")))
    assert_all_equal(boofuzz.Request("m", children=(boofuzz.Checksum("b", "in", algorithm="sha1"), inner)))


def assert_all_equal(wanted):
    ours = Layout(wanted)
    assert ours.default.data == wanted.render()
    for mutations in wanted.get_mutations():
        if not isinstance(mutations[0].value, str) or len(mutations[0].value) < 3000:
            assert ours.render(ours.of_mutations(mutations)).data == wanted.render(MutationContext(mutations=mutations))


def test_unknown_fields_name_the_nearest():
    with pytest.raises(UsageError, match=r"body\.token"):
        Layout(request(), {"body.tokn": "token"})
    with pytest.raises(UsageError, match="no single field 'nam'"):
        layout().set(nam="x")
    with pytest.raises(UsageError, match="name one of its parts"):
        layout().leaf("body")


@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=9))
def test_live_fields_of_any_length_come_out_in_their_places_when_a_layout_stretches(first, second, mutated):
    fields = (
        boofuzz.Bytes("first", b"1234"),
        boofuzz.Size("length", ".body", length=4, output_format="ascii"),
        boofuzz.Delim("colon", ":"),
        boofuzz.Block("body", children=(boofuzz.Bytes("second", b""), boofuzz.Bytes("third", b"x"))),
    )
    live = {"first": "first", "length": "length", "body.second": "second"}
    layout = Layout(boofuzz.Request("m", children=fields), live, stretching=True)
    rendered = layout.render([Change("body.third", mutated)])
    data, seen = rendered.data, []
    for one in rendered.live:
        counted = b"%d" % len(data[one.offset :].partition(b":")[2])
        value = {"first": first, "second": second, "length": counted}[one.name]
        seen.append(one.name)
        data = data[: one.offset] + value + data[one.offset + one.length :]
    assert seen == ["second", "length", "first"]
    assert data == first + b"%d:" % (len(second) + len(mutated)) + second + mutated
