"""Messages, the graph, states, and protocols loaded by name or from a user's file."""

import sys

import boofuzz
import pytest

from harness.case import LiveField, Send
from harness.errors import UsageError
from harness.interfaces import Conversation, State
from protocols.checksums import Algorithm, BlockChecksum
from protocols.load import load_protocol
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.wire import Wire


def request(name="hello", **fields):
    return boofuzz.Request(name, children=tuple(boofuzz.Byte(field, value) for field, value in fields.items()))


def protocol(**options):
    messages = messages_by_name([Message(request("a", x=1)), Message(request("b", y=2)), Message(request("c", z=3))])
    defaults = {
        "name": "mine",
        "messages": messages,
        "edges": (Edge("", "a"), Edge("a", "b"), Edge("b", "c"), Edge("a", "c")),
        "wire": Wire(),
        "states": {"start": State("start", ())},
        "probe": messages["a"].send(),
    }
    return Protocol(**(defaults | options))


@pytest.mark.parametrize("name", ["pump_link", "pump_hl7"])
def test_shipped_protocols_are_whole(name):
    shipped = load_protocol(name)
    assert shipped.name == name
    for message in shipped.messages:
        assert shipped.path_to(message), f"no way leads to {message}"
        assert all(shipped.expects_reply(form.data) for form in shipped.message(message).valid)
    for state in shipped.states.values():
        for step in state.preamble:
            assert not isinstance(step, Send) or step.message in shipped.messages
    assert shipped.expects_reply(shipped.probe.data)


def test_the_shortest_way_is_taken():
    assert [edge.target for edge in protocol().path_to("c")] == ["a", "c"]


def test_valid_forms_are_the_ends_of_declared_ranges_and_the_variants():
    message = Message(request(dose=5), ranges={"dose": (1, 9)}, variants=({"dose": 7},))
    assert [form.data for form in message.valid] == [b"\5", b"\7", b"\1", b"\t"]


@pytest.mark.parametrize("name", ["", "a\nb", "a\tb", "\x1b[2J"])
def test_a_message_name_that_could_not_be_shown_is_refused(name):
    with pytest.raises(UsageError, match="message name"):
        protocol(messages={name: Message(request(name, x=1))})


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"edges": (Edge("", "aa"),)}, "no message 'aa'.*Did you mean 'a'"),
        ({"edges": (Edge("", "a", callback="login"),)}, "no callback 'login'"),
        ({"messages": {"x": Message(request("a", x=1))}}, "'a' is filed under 'x'"),
        ({"messages": {"a": Message(request("a", x=1), needs=("b",))}, "edges": ()}, "no message 'b'"),
    ],
)
def test_what_does_not_fit_is_named(options, error):
    with pytest.raises(UsageError, match=error):
        protocol(**options)


def test_two_messages_of_one_name():
    with pytest.raises(UsageError, match="two messages"):
        messages_by_name([Message(request("a", x=1)), Message(request("a", x=2))])


def test_session_values_are_fitted_to_their_field():
    conversation = Conversation({"key": b"abc", "number": 0x0102})
    resolve = protocol().resolve
    assert resolve(LiveField("session:key", 0, 2), bytes(8), conversation) == b"ab"
    assert resolve(LiveField("session:key", 0, 5), bytes(8), conversation) == b"abc\0\0"
    assert resolve(LiveField("session:number", 0, 2), bytes(8), conversation) == b"\1\2"
    assert resolve(LiveField("session:unset", 1, 2), b"wxyz", conversation) == b"xy"


def test_a_stock_boofuzz_checksum_over_a_live_field_is_resolved():
    reference = boofuzz.ProtocolSessionReference("token", b"\0\0")
    body = boofuzz.Block("body", children=(boofuzz.Simple("token", reference), boofuzz.Byte("x", 1)))
    message = Message(boofuzz.Request("m", children=(body, boofuzz.Checksum("sum", "body", algorithm="crc32"))))
    mine = protocol(messages={"m": message}, edges=(), probe=message.send())
    token, checksum = message.send().live
    assert token.name == "session:token"
    value = mine.resolve(checksum, b"\1\2\1" + bytes(4), Conversation())
    assert value == boofuzz.Checksum("s", algorithm="crc32")._checksum(b"\1\2\1", None, None)


def test_a_checksum_of_ones_own_over_a_live_field_is_resolved():
    own = Algorithm("own", 1, lambda data: data[0] ^ 0xFF)
    parts = (boofuzz.Byte("number", 1), BlockChecksum("sum", [".number"], own))
    message = Message(boofuzz.Request("m", children=parts), live={"number": "session:n"})
    mine = protocol(messages={"m": message}, edges=(), probe=message.send())
    assert mine.resolve(message.send().live[1], b"\x0f\0", Conversation()) == b"\xf0"


def test_a_checksum_that_covers_itself_counts_itself_as_zeros():
    found = protocol().resolve(LiveField("sum8/big", 1, 1, 0, 3), b"\1\xff\2", Conversation())
    assert found == b"\3"


def test_forbidding_an_unknown_message_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'bolus'"):
        load_protocol("pump_link").forbidden(["boluss"])


def test_a_wire_that_cannot_tell_messages_apart_lets_nothing_out():
    assert protocol().forbidden(["a"]).search(b"x")
    assert not protocol().forbidden([]).search(b"x")


SCRIPT = """
import boofuzz
from harness.interfaces import State
from protocols.model import Message, Protocol, Edge
from protocols.wire import Wire
message = Message(boofuzz.Request("ping", children=(boofuzz.Byte("x", 1),)))
DEVICE = Protocol("mine", {"ping": message}, (Edge("", "ping"),), Wire(), {"on": State("on", ())}, message.send())
"""


def test_a_protocol_in_the_users_own_file(tmp_path):
    (tmp_path / "device.py").write_text(SCRIPT)
    assert load_protocol("device.py:DEVICE", tmp_path).name == "mine"


def test_a_protocols_file_imports_what_lies_beside_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "device_definition", raising=False)
    (tmp_path / "device_definition.py").write_text(SCRIPT)
    (tmp_path / "split.py").write_text("from device_definition import DEVICE\n")
    assert load_protocol("split.py:DEVICE", tmp_path).name == "mine"


@pytest.mark.parametrize(
    ("spec", "text", "error"),
    [
        ("pump_lnk", "", "Did you mean 'pump_link'"),
        ("none.py:X", "", r"none\.py: no such file"),
        ("device.py:DEVISE", SCRIPT, "'DEVISE' is missing. Did you mean 'DEVICE'"),
        ("device.py:message", SCRIPT, "'message' is not a Protocol"),
        ("device.py", SCRIPT, "'PROTOCOL' is missing"),
        ("device.py:X", "x = 1\nx.y", r"device\.py:2: AttributeError"),
        ("device.py:X", "x = (", "SyntaxError"),
    ],
)
def test_errors_name_file_attribute_and_what_to_do(tmp_path, spec, text, error):
    (tmp_path / "device.py").write_text(text)
    with pytest.raises(UsageError, match=error):
        load_protocol(spec, tmp_path)


@pytest.mark.parametrize(
    ("name", "judges"),
    [("modbus_tcp", True), ("hl7_mllp", True), ("dicom", True), ("pump_link", False), ("att", False)],
)
def test_only_a_protocol_that_says_what_a_reply_must_be_is_held_against_it(name, judges):
    assert load_protocol(name).judges_replies is judges
