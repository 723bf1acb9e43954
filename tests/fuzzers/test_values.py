"""Classes of values: what each holds, that each is bounded, and that lengths and checksums stay right around them."""

import boofuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzers import values as library
from fuzzers.values import fit, of_extent, of_leaf, of_shape, text_kind
from protocols.render import Layout


def layout(*children):
    return Layout(boofuzz.Request("m", children=children))


def made(values):
    return [values.at(k) for k in range(values.count)]


def by_kind(whole, name, max_len=64, limits=None):
    return {values.kind: values for values in of_leaf(whole, whole.leaf(name), max_len, "seed", limits)}


def test_a_byte_takes_every_value():
    kinds = by_kind(layout(boofuzz.Byte("x", 7)), "x")
    assert {changes[0].data for changes in made(kinds["value"])} == {bytes([n]) for n in range(256) if n != 7}


def test_a_word_takes_boundaries_flips_boofuzz_s_values_and_random_ones():
    kinds = by_kind(layout(boofuzz.Word("x", 7, endian=">")), "x", limits=(1, 500))
    assert set(kinds) == {"edge", "boofuzz", "flip", "random"}
    assert {b"\x01\xf5", b"\x01\xf4", b"\x00\x00", b"\xff\xff", b"\x80\x00"} <= {c[0].data for c in made(kinds["edge"])}
    assert len({changes[0].data for changes in made(kinds["flip"])}) == 16


def test_text_is_sorted_into_classes():
    kinds = by_kind(layout(boofuzz.String("x", "ward", fuzz_values=["mine"])), "x")
    assert {"plain", "long", "format", "control", "own", "sweep", "fill", "flip"} == set(kinds)
    assert [changes[0].data for changes in made(kinds["own"])] == [b"mine"]
    assert any(b"%n" in changes[0].data for changes in made(kinds["format"]))


@pytest.mark.parametrize(
    ("text", "kind"),
    [("abc", "plain"), ("%s%s", "format"), ("\r\n", "control"), ("A" * 64, "long"), ("%n" * 50, "format")],
)
def test_a_text_s_class(text, kind):
    assert text_kind(text) == kind


@pytest.mark.parametrize("primitive", [boofuzz.String("x", "ward"), boofuzz.Bytes("x", b"ward")], ids=["text", "bytes"])
def test_nothing_grows_beyond_the_limit(primitive):
    for values in by_kind(layout(primitive), "x", max_len=50).values():
        assert all(len(changes[0].data) <= 4 * 50 for changes in made(values))


def test_a_text_with_a_length_byte_is_not_swept_beyond_what_the_byte_can_tell():
    whole = layout(boofuzz.Size("n", ".x", length=1), boofuzz.Bytes("x", b"ab"))
    lengths = {len(changes[0].data) for changes in made(by_kind(whole, "x", max_len=400)["sweep"])}
    assert lengths == set(range(256)) - {2}


@given(st.binary(max_size=20), st.integers(0, 40), st.sampled_from([b"A", b"%n", b"\xff\0"]))
def test_fitting_keeps_what_it_can(data, length, filler):
    fitted = fit(data, length, filler)
    assert len(fitted) == length
    assert fitted[: len(data)] == data[:length]


def test_a_counted_block_is_cut_from_its_end_and_grows_at_its_tail():
    body = boofuzz.Block("body", children=(boofuzz.Word("a", 0x0102, endian=">"), boofuzz.Bytes("b", b"xyz")))
    whole = layout(boofuzz.Size("n", ".body", length=1), body)
    sweep = of_extent(whole, "body", 9)[0]
    rendered = {whole.render(changes).data for changes in made(sweep)}
    assert {b"\x01\x01", b"\x03\x01\x02x", b"\x07\x01\x02xyzAA", b"\x00"} <= rendered
    assert all(data[0] == len(data) - 1 for data in rendered)


def test_a_part_is_left_out_or_repeated():
    whole = layout(boofuzz.Bytes("a", b"1"), boofuzz.Bytes("b", b"2"))
    rendered = {whole.render(changes).data for changes in made(of_shape(whole, "a")[0])}
    assert rendered == {b"2", b"112", b"1" * 16 + b"2"}


def test_a_length_is_wrong_by_a_little_and_by_much():
    whole = layout(boofuzz.Size("n", ".x", length=2, endian=">"), boofuzz.Bytes("x", b"abcd"))
    wrong = {changes[0].data for changes in made(by_kind(whole, "n")["wrong length"])}
    assert {b"\0\5", b"\0\3", b"\0\0", b"\xff\xff", b"\x80\0"} <= wrong
    assert b"\0\4" not in wrong


def test_what_is_not_fuzzable_is_left_alone():
    whole = layout(boofuzz.Static("s", b"fixed"), boofuzz.Byte("x", 1, fuzzable=False))
    assert by_kind(whole, "s") == by_kind(whole, "x") == {}


@settings(max_examples=200, deadline=None)
@given(
    default=st.text("AB%\0é", max_size=80),
    longest=st.sampled_from((None, 1, 4, 8, 60, 64, 200, 4096)),
    max_len=st.sampled_from((1, 8, 64, 302, 4096)),
    own=st.sampled_from(((), ("q",), ("AAAA",))),
)
def test_a_strings_values_are_those_of_boofuzz_in_their_order_whether_copied_or_not(default, longest, max_len, own):
    string = boofuzz.String("any", default, max_len=longest, fuzz_values=list(own))
    expected = {}
    for kind, value in dict.fromkeys(library._library(string, max_len)):
        expected.setdefault(kind, []).append(value)
    made = {kind: [told[k] for k in range(len(told))] for kind, told in library._by_kind(string, max_len).items()}
    assert list(made.items()) == list(expected.items())


def boofuzz_cut(primitive, max_len):
    """What boofuzz makes of a field, each value cut and bound at once, without what the field holds anyway."""
    default, found = primitive.original_value(), []
    for mutations in primitive.get_mutations():
        value = mutations[0].value if isinstance(mutations, list) else mutations.value
        found.append((value(default) if callable(value) else value)[:max_len])
    return [value for value in dict.fromkeys(found) if value != default]


@settings(max_examples=100, deadline=None)
@given(
    default=st.binary(max_size=3)
    | st.sampled_from((13, 16, 17, 18, 19, 20, 21, 60)).map(lambda size: b"A\0\xff" * size),
    longest=st.sampled_from((None, 1, 20, 4096)),
    max_len=st.sampled_from((1, 8, 48, 57, 64)),
)
def test_bytes_have_boofuzzs_values_however_much_of_them_is_cut_off(default, longest, max_len):
    field = boofuzz.Bytes("any", default, max_len=longest)
    made = [value for values in library._by_kind(field, max_len).values() for value in values]
    assert made == boofuzz_cut(field, max_len)


def test_fields_that_differ_only_in_their_names_share_their_values():
    one, same, other = (boofuzz.Bytes(name, default) for name, default in (("a", b"x"), ("b", b"x"), ("a", b"y")))
    assert library._by_kind(one, 64) is library._by_kind(same, 64)
    assert library._by_kind(one, 64) != library._by_kind(other, 64)
