"""The Bluetooth protocols in a real conversation: the executor, the radio, and a foreign host stack."""

from types import SimpleNamespace

import pytest
from scapy.fields import StrLenField
from wall_clock import WallClock

from harness.errors import LinkError
from harness.executor import Executor
from harness.guard import Guard
from harness.transports import ble, transport
from protocols.gatt.messages import graph, messages_by_name, read, write
from protocols.gatt.packets import Value
from protocols.gatt.wire import GattWire
from protocols.load import load_protocol
from protocols.model import Protocol

assert ble.CHANNELS  # its import registers the scheme
VALUE = "a0000002-0000-4000-8000-000000000000"


class Text(Value):
    """Whatever is written."""

    fields_desc = [StrLenField("text", b"ping", length_from=lambda _packet: 512)]


MESSAGES = messages_by_name((write("write", VALUE, Text()), read("read", VALUE)))
OWN = Protocol(
    name="own",
    messages=MESSAGES,
    edges=graph(MESSAGES.values(), ()),
    wire=GattWire(),
    states={},
    probe=MESSAGES["read"].send(),
)


@pytest.fixture
def speaker(radio, attach):
    """An executor that speaks a protocol to the peripheral over a layer."""
    _process, address = attach(radio.listening[0])
    made = []

    def speaks(protocol, layer):
        carrier = transport(f"ble:{address}?layer={layer}", SimpleNamespace(radio=radio))
        executor = Executor(
            protocol, carrier, WallClock(), Guard(None, ()), reply_timeout=5.0, open_timeout=30.0, adaptive=False
        )
        made.append(executor)
        return executor

    yield speaks
    for executor in made:
        executor.close()


def answers(executor, *names):
    """The first byte of what answered each message; None where nothing did."""
    executor.begin()
    executor.run(tuple(executor.protocol.message(name).send() for name in names))
    said = [exchange for exchange in executor.exchanges if exchange.sent]
    return [exchange.replies[0] if exchange.replies else None for exchange in said]


def test_a_characteristic_is_found_by_its_uuid_written_and_read(speaker):
    executor = speaker(OWN, "gatt")
    assert answers(executor, "write", "read", "write") == [b"\x13", b"\x0bhello", b"\x13"]
    notified = [frame for frame in executor.frames if frame.data[0] == 0x1B]
    assert notified and notified[0].fields["value"] == b"ping"


def test_a_characteristic_that_is_not_there_is_an_error_of_the_link(speaker):
    executor = speaker(load_protocol("gatt_racp"), "gatt")
    with pytest.raises(LinkError, match="2a52"):
        answers(executor, "count")


def test_a_secure_pairing_goes_on_until_the_addresses_count(speaker):
    executor = speaker(load_protocol("smp"), "smp")
    codes = [said and said[0] for said in answers(executor, "secure_pairing_request", "public_key", "secure_random")]
    assert codes == [0x02, 0x0C, 0x04]
    assert answers(executor, "dhkey_check")[0][0] == 0x05
    assert executor.probe() is not None


def test_a_legacy_pairing_goes_on_until_the_addresses_count(speaker):
    executor = speaker(load_protocol("smp"), "smp")
    codes = [said and said[0] for said in answers(executor, "pairing_request", "confirm", "random")]
    assert codes == [0x02, 0x03, 0x05]


def test_signalling_commands_are_answered_under_their_identifier(speaker):
    executor = speaker(load_protocol("l2cap_signalling"), "signalling")
    unknown, credit = answers(executor, "unknown", "credit_connection")
    assert (unknown[0], credit[0]) == (0x01, 0x15)
    assert unknown[1] != credit[1]
    assert executor.frames[0].fields["reason"] == "not understood"


def test_frames_of_every_channel_are_told_apart(speaker):
    executor = speaker(load_protocol("l2cap"), "l2cap")
    found = answers(executor, "device_name", "signalling_unknown", "channel_dynamic", "read")
    assert [said and (said[2], said[4]) for said in found] == [(4, 0x09), (5, 0x01), None, (4, 0x0B)]


def test_a_frame_with_a_wrong_length_is_survived(speaker):
    protocol = load_protocol("l2cap")
    executor, message = speaker(protocol, "l2cap"), protocol.message("read")
    wrong = message.mutated([message.layout.change(message.layout.leaf("len"), 0x40)])
    executor.begin()
    executor.run((wrong,))
    assert executor.probe() is not None
