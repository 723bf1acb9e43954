"""The virtual controller in front of hostile and of ordinary host stacks: each command has its answer."""

import contextlib
import random
import select
import socket
import struct
import time
from types import SimpleNamespace

import pytest

from harness.transports import ble, transport

ADDRESS = "F0:F1:F2:F3:F4:F5"
COMPLETE, STATUS = 0x0E, 0x0F
RESET, HOST_COMPLETED = 0x0C03, 0x0C35
LAST_OF_GROUP = {1: 0x5F, 2: 0x12, 3: 0x84, 4: 0x0F, 5: 0x0F, 6: 0x0A, 8: 0xB0}  # Core 6.1, vol 4 part E 7, rounded up
assert ble.CHANNELS  # its import registers the scheme


class Stack:
    """A bare host: it says commands and reads what comes."""

    def __init__(self, moniker):
        host, _, port = moniker.removeprefix("tcp:").rpartition(":")
        self._socket = socket.create_connection((host, int(port)), 2.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._said, self.events = b"", []

    def say(self, op_code, parameters=b""):
        self._socket.sendall(struct.pack("<BHB", 1, op_code, len(parameters)) + parameters)

    def flood(self, data):
        self._socket.sendall(data)

    def _read(self, seconds):
        if select.select([self._socket], [], [], seconds)[0]:
            self._said += self._socket.recv(65536)
        while len(self._said) >= 3 and len(self._said) >= 3 + self._said[2]:
            size = 3 + self._said[2]
            self.events.append(self._said[:size])
            self._said = self._said[size:]

    def answer(self, op_code, seconds=20.0):
        """Status of the answer to a command, or None."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for event in self.events:
                if event[1] == COMPLETE and struct.unpack("<H", event[4:6])[0] == op_code:
                    self.events.remove(event)
                    return event[6:]
                if event[1] == STATUS and struct.unpack("<H", event[5:7])[0] == op_code:
                    self.events.remove(event)
                    return event[3:4]
            self._read(0.2)
        return None

    def ask(self, op_code, parameters=b""):
        self.say(op_code, parameters)
        return self.answer(op_code)

    def close(self):
        self._socket.close()


@pytest.fixture
def stack(radio):
    with contextlib.closing(Stack(radio.listening[0])) as opened:
        yield opened


def serves(radio, address):
    """True when a device is connected to and read."""
    opened = transport(f"ble:{address}?layer=att", SimpleNamespace(radio=radio)).open(30.0)
    opened.send(b"\x0a\x03\x00", opened.now() + 20.0)
    answer = opened.receive(opened.now() + 20.0)
    opened.close()
    return answer[:1] == b"\x0b"


def every_opcode():
    for group, last in LAST_OF_GROUP.items():
        for command in range(last + 1):
            yield group << 10 | command
    yield from (0x3F << 10 | command for command in (0, 1, 0x3FF))  # vendors' own


@pytest.mark.parametrize("size", [None, 0, 3, 80])
def test_every_command_of_the_specification_is_answered_whatever_its_parameters(radio, attach, stack, size):
    chance = random.Random(size)
    silent = []
    for op_code in every_opcode():
        length = chance.randrange(0, 64) if size is None else size
        stack.say(op_code, chance.randbytes(length))
        if op_code != HOST_COMPLETED and stack.answer(op_code) is None:
            silent.append(hex(op_code))
    assert silent == []
    _process, address = attach(radio.listening[0])
    assert serves(radio, address)
    assert stack.ask(RESET) == b"\0"
    assert serves(radio, address)


@pytest.mark.parametrize(
    ("op_code", "parameters", "status"),
    [
        (0x2028, bytes(7), 0x00),  # LE Remove Device From Resolving List
        (0x2027, bytes(39), 0x00),  # Add
        (0x2029, b"", 0x00),  # Clear
        (0x202A, b"", 0x00),  # Read Size
        (0x202D, b"\x01", 0x00),  # Set Address Resolution Enable
        (0x202E, b"\x84\x03", 0x00),  # Set Resolvable Private Address Timeout
        (0x204E, bytes(8), 0x00),  # Set Privacy Mode
        (0x200F, b"", 0x00),  # Read Filter Accept List Size
        (0x2010, b"", 0x00),  # Clear
        (0x2011, bytes(7), 0x00),  # Add
        (0x2012, bytes(7), 0x00),  # Remove
        (0x2014, b"\xff\xff\xff\xff\x1f", 0x00),  # Set Host Channel Classification
        (0x2022, bytes(6), 0x02),  # Set Data Length, of no connection
        (0x2032, bytes(7), 0x02),  # Set PHY, of no connection
        (0x041D, b"\x77\x00", 0x02),  # Read Remote Version Information, of no connection
        (0x2028, bytes(6), 0x12),
        (0x202D, b"", 0x12),
        (0x0C03, b"\x00", 0x12),
        (0x2025, b"", 0x01),  # Read Local P-256 Public Key: its event would not come
        (0x0405, bytes(13), 0x01),  # Create Connection, of Classic
        (0x23FF, b"", 0x01),
    ],
)
def test_what_an_ordinary_host_asks_for_has_the_status_that_is_due(stack, op_code, parameters, status):
    assert stack.ask(op_code, parameters)[0] == status


def test_encrypt_is_done_for_a_host_without_a_cipher_of_its_own(stack):
    key, text = bytes.fromhex("4c68384139f574d836bcf34e9dfb01bf"), bytes.fromhex("0213243546576879acbdcedfe0f10213")
    assert stack.ask(0x2017, key[::-1] + text[::-1])[1:][::-1].hex() == "99ad1b5226a37e3e058e3b8e27c2c666"


@pytest.mark.parametrize("kind", ["legacy", "extended"])
def test_what_one_host_advertises_keeps_nobody_else_from_connecting(radio, attach, stack, kind):
    if kind == "legacy":
        stack.ask(0x2006, bytes(15))  # an interval of zero
        for _ in range(200):
            stack.say(0x200A, b"\x01")
    else:
        stack.ask(0x2036, b"\x07" + bytes(24))  # a set without an address
        stack.ask(0x2037, b"\x07\x03\x00\xfb" + b"\xff" * 251)
        for _ in range(200):
            stack.say(0x2039, b"\x01\x01\x07\x00\x00\x00")
    _process, address = attach(radio.listening[0])
    assert serves(radio, address)


def test_a_host_under_the_address_of_another_does_not_take_its_traffic(radio, attach, stack):
    _process, address = attach(radio.listening[0])
    stack.ask(0x2005, bytes.fromhex(address.replace(":", ""))[::-1])
    stack.ask(0x2005, bytes.fromhex("e04d465a0001")[::-1])  # the central's own
    for _ in range(2):
        assert serves(radio, address)


def test_a_reset_ends_what_the_host_had_begun(radio, stack):
    stack.ask(0x2005, bytes.fromhex("f0aa00000001")[::-1])
    stack.ask(0x2006, struct.pack("<HHBBB6sBB", 0x20, 0x20, 0, 1, 0, bytes(6), 7, 0))
    assert stack.ask(0x200A, b"\x01") == b"\0"
    assert [each["address"] for each in radio.client(1.0).ask("scan", seconds=0.1)["found"]] == ["F0:AA:00:00:00:01"]
    assert stack.ask(RESET) == b"\0"
    assert radio.client(1.0).ask("scan", seconds=0.1)["found"] == []


def test_a_device_that_comes_again_has_the_address_that_it_had(radio, attach):
    met = []
    other = Stack(radio.listening[0])
    for _ in range(3):
        process, address = attach(radio.listening[0], kind="public", address="00:00:00:00:00:00")
        met.append(address)
        process.kill()
        process.wait()
    assert len(set(met)) == 1
    own = other.ask(0x1009)[1:][::-1].hex(":").upper()
    assert own != met[0]
    other.close()
    with contextlib.closing(Stack(radio.listening[0])) as again:
        assert again.ask(0x1009)[1:][::-1].hex(":").upper() == own
