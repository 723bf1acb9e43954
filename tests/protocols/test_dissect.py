"""Messages taken apart and put together: the same bytes for all that a fuzzer sends, right ones for fewer parts."""

from itertools import islice

import boofuzz
import pytest

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.sequence import SequenceFuzzer
from harness.case import Send
from harness.interfaces import Dissects
from protocols.load import PROTOCOLS, load_protocol
from protocols.model import Message, Protocol
from protocols.render import Change
from protocols.wire import Wire

EVERY = sorted({*PROTOCOLS} - {"bytes"})
LINK = load_protocol("pump_link")


def sends(protocol, fuzzer, count=1500):
    cases = fuzzer(protocol, "main", seed=3, max_len=64).cases()
    steps = [step for case in islice(cases, count) for step in case.steps if isinstance(step, Send)]
    return [step for step in steps if step.replay_of < 0]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("fuzzer", [EnumerateFuzzer, SequenceFuzzer])
def test_whatever_a_fuzzer_sends_is_its_message_and_some_parts(name, fuzzer):
    protocol = load_protocol(name)
    assert isinstance(protocol, Dissects)
    met = sends(protocol, fuzzer)
    for send in met:
        parts = protocol.parts(send)
        assert parts is not None
        again = protocol.composed(send, parts)
        assert (again, again.spans) == (send, send.spans)
    assert any(protocol.parts(send) for send in met)


@pytest.mark.parametrize("name", ["pump_link", "pump_hl7", "insulin", "att"])
def test_without_its_parts_a_message_is_as_it_stands(name):
    protocol = load_protocol(name)
    for send in sends(protocol, EnumerateFuzzer, 300):
        plain = protocol.composed(send, ())
        assert (plain.data, plain.live, plain.mutated) == (
            protocol.message(send.message).send().data,
            *plain_of(protocol, send),
        )
        assert (plain.callback, plain.wait) == (send.callback, send.wait)


def plain_of(protocol, send):
    return protocol.message(send.message).send().live, False


def parts(send):
    return {part.name: (part.data, part.usual, part.computed, part.number) for part in LINK.parts(send)}


def test_a_part_says_what_is_in_it_and_what_usually_is():
    message = LINK.message("program_rate")
    assert parts(message.send()) == {}
    assert parts(message.send(rate=7)) == {
        "body.rate": ((7).to_bytes(4, "little"), (5000).to_bytes(4, "little"), False, "little")
    }


def test_a_length_or_checksum_is_a_part_only_where_it_is_wrong():
    message = LINK.message("set_device_name")
    layout = message.layout
    longer = message.mutated([layout.change(layout.leaf("body.name"), b"A" * 40)])
    assert set(parts(longer)) == {"body.name"}
    sizes = [layout.leaves[size.leaf].name for size in layout.sizes]
    wrong = message.mutated(
        [layout.change(layout.leaf("body.name"), b"A" * 40), layout.change(layout.leaf(sizes[0]), 3)]
    )
    found = parts(wrong)
    assert set(found) == {"body.name", sizes[0]}
    assert found[sizes[0]][2]
    without = LINK.composed(wrong, [part for part in LINK.parts(wrong) if part.name == "body.name"])
    assert without == longer


def test_a_length_of_what_a_wrong_length_stands_in_is_right():
    layout = LINK.message("echo").layout
    short = LINK.message("echo").mutated([Change("body.count", b"")])
    assert set(parts(short)) == {"body.count"}
    assert layout.leaf("body.count").index in layout.computed


def test_a_live_field_that_was_set_is_a_part_and_one_that_is_live_is_none():
    message = next(m for m in LINK.messages.values() if any(leaf.live for leaf in m.layout.leaves))
    leaf = next(leaf for leaf in message.layout.leaves if leaf.live)
    assert parts(message.send()) == {}
    fixed = message.mutated([message.layout.change(leaf, message.layout.usual(leaf) or b"x")])
    assert leaf.name in parts(fixed)
    assert LINK.composed(fixed, ()) == message.send()


def test_bytes_that_the_message_cannot_be_are_not_taken_apart():
    send = LINK.message("status").send()
    assert LINK.parts(Send("status", send.data)) is None
    assert LINK.parts(Send("status", send.data + b"x", send.live, send.spans)) is None
    assert LINK.parts(Send("nobody", b"x")) is None
    assert LINK.parts(Send("status", send.data, replay_of=0)) is None


def test_digits_are_a_number_in_digits():
    request = boofuzz.Request(
        "set", children=(boofuzz.DWord("rate", 5, output_format="ascii"), boofuzz.String("unit", "ml"))
    )
    protocol = Protocol("text", {"set": Message(request)}, (), Wire(), {}, Send("set", b"5ml"))
    found = protocol.parts(protocol.message("set").send(rate=900, unit="l"))
    assert [(part.name, part.data, part.number) for part in found] == [("rate", b"900", "ascii"), ("unit", b"l", "")]
