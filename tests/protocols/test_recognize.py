"""Captured bytes are taken for the message that they are, with its values, and for none where a byte is off."""

import boofuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.load import SHIPPED, load_protocol
from protocols.model import Message, Protocol, messages_by_name
from protocols.recognize import HANDLE, recognized, taken_for, with_values
from protocols.wire import Wire

LINK, HL7, ATT = (load_protocol(name) for name in ("pump_link", "pump_hl7", "att"))


def uuid_of(message):
    return next((name.removeprefix(HANDLE) for name in message.live.values() if name.startswith(HANDLE)), "")


@pytest.mark.parametrize("name", sorted({*SHIPPED} - {"bytes"}))
def test_every_valid_form_of_every_shipped_message_is_recognized(name):
    protocol = load_protocol(name)
    for message in protocol.messages.values():
        for form in message.valid:
            found = recognized(protocol, form.data, uuid_of(message))
            if not form.data:
                assert found is None, "who only waits sends nothing"
                continue
            assert found is not None and found.send().data == form.data
            alike = protocol.message(found.name).layout.default.data[:1] == message.layout.default.data[:1]
            assert found.name == message.name or alike


@pytest.mark.parametrize("protocol", [LINK, HL7], ids=["pump_link", "pump_hl7"])
def test_a_message_that_is_off_by_a_byte_of_its_frame_is_none(protocol):
    for message in protocol.messages.values():
        data = message.send().data
        assert recognized(protocol, data[:-1]) is recognized(protocol, data + b"\0") is None
        assert recognized(protocol, bytes([data[0] ^ 1]) + data[1:]) is None


def test_the_field_that_tells_messages_apart_must_be_known():
    assert recognized(ATT, b"\x0a\x20\x00").name == "read"
    assert recognized(ATT, b"\x0b\x20\x00").name == "read_response"
    assert recognized(ATT, b"\x77\x20\x00") is None


def test_texts_of_other_lengths_are_read_between_their_delimiters():
    data = HL7.message("order").send().data.replace(b"GATEWAY", b"G").replace(b"JANE", b"MARY ANN")
    found = recognized(HL7, data)
    parts = {leaf.name.rpartition(".")[2]: leaf.default for leaf in found.layout.leaves}
    assert (found.name, parts["sending_application"], parts["given_name"]) == ("order", b"G", b"MARY ANN")


def test_values_stay_with_the_seed_and_what_is_live_stays_live():
    bolus = LINK.message("bolus")
    seed = recognized(LINK, bolus.send(amount=77, token=99).data)
    assert seed.layout.leaf("body.amount").default == (77).to_bytes(4, "little")
    assert seed.layout.leaf("body.token").default == bolus.layout.leaf("body.token").default
    assert seed.send().live == bolus.send().live
    assert bolus.layout.leaf("body.amount").default != seed.layout.leaf("body.amount").default


def test_a_handle_is_known_by_its_characteristic_only():
    insulin = load_protocol("insulin")
    data = insulin.message("hello").send().data
    assert recognized(insulin, data, uuid_of(insulin.message("hello"))).name == "hello"
    assert recognized(insulin, data) is recognized(insulin, data, "2a19") is None


def test_what_boofuzz_cannot_say_is_no_message():
    text = Message(boofuzz.Request("text", children=(boofuzz.String("text", "hello"),)))
    assert taken_for(text, b"\xff\xfe") is None
    assert with_values(text, taken_for(text, b"other")).send().data == b"other"


def counted():
    """A length in front of something else, a block with two texts, one of them counted, and a rest."""
    inner = (boofuzz.Size("size", ".name", length=1), boofuzz.String("name", "abc"), boofuzz.Bytes("rest", b"xy"))
    body = boofuzz.Block("body", children=inner)
    parts = (
        boofuzz.Size("length", ".body", length=2, endian="<"),
        boofuzz.Byte("kind", 7),
        body,
        boofuzz.Byte("end", 0),
    )
    message = Message(boofuzz.Request("counted", children=parts))
    return Protocol("own", messages_by_name([message]), (), Wire(), {}, message.send())


OWN = counted()


@given(st.text(max_size=40), st.binary(max_size=40), st.integers(0, 255))
def test_lengths_say_where_texts_end(name, rest, kind):
    data = OWN.message("counted").send(**{"body.name": name, "body.rest": rest, "kind": kind}).data
    found = recognized(OWN, data)
    assert found.send().data == data
    assert found.layout.leaf("body.name").default == name.encode()


@settings(max_examples=300)
@given(st.binary(max_size=60), st.sampled_from(["", "2a52"]))
def test_arbitrary_bytes_raise_nothing(data, uuid):
    for protocol in (LINK, HL7, ATT, OWN):
        found = recognized(protocol, data, uuid)
        assert found is None or len(found.send().data) == len(data)
