"""The glucose meter on the board, with a controller that follows a script: what the tests of its firmware share."""

from __future__ import annotations

import tomllib
from pathlib import Path

from harness.bench import Bench
from targets.board.image import Image
from targets.emulated import EmulatedTarget, EmulatorLink

GLUCOMETER = Path(__file__).parents[2] / "targets" / "glucometer"
DEVICE = Bench.model_validate(tomllib.loads((GLUCOMETER / "device.toml").read_text()) | {"interfaces": {}})
OWN = bytes.fromhex("0100334d47c7")
PEER = bytes.fromhex("0102030405c6")
ATT, SIGNALLING, SMP = 4, 5, 6
COMMAND, ACL, EVENT = 1, 2, 4
RESET, READ_ADDRESS, BUFFER_SIZE, ENABLE = 0x0C03, 0x1009, 0x2002, 0x200A
KEY_REPLY, KEY_NEGATIVE_REPLY = 0x201A, 0x201B
VALUES = {READ_ADDRESS: bytes.fromhex("0100000000c0"), BUFFER_SIZE: b"\xfb\x00\x08"}
HANDLE = 0x40


def u16(number):
    return number.to_bytes(2, "little")


class GlucoseMeter:
    """One ELF, running. Commands are completed, data packets are said to be sent, unless `silent`."""

    def __init__(self, elf, silent=()):
        table = DEVICE.target
        self.target = EmulatedTarget(
            Image(elf),
            name="glucose meter",
            ports=table.ports,
            signals=DEVICE.signals,
            stimuli=DEVICE.stimuli,
            hz=table.hz,
            hang_budget=table.hang_budget,
            seed=1,
            settle=table.settle,
        )
        self.target.start()
        self.silent = set(silent)
        self.commands, self.pdus, self.events = [], [], []
        self.received, self.frame = b"", b""
        self.sends = True
        self.link = EmulatorLink(self.target, self.target.usart("hci"))
        self.target.machine.reset("power-on")
        self.wait(0.1)

    # -- the wire -------------------------------------------------------------------------------------------------

    def event(self, code, body):
        """The controller tells something."""
        self.link.send(bytes([EVENT, code, len(body)]) + body, 0)

    def wait(self, seconds=0.05):
        """Let time pass; the controller does what it is told."""
        deadline = self.target.now() + seconds
        while more := self.link.receive(deadline):
            self.received += more
            while self._packet():
                pass
        self.events += self.target.take_events()
        return self

    def _packet(self):
        """Take one whole packet; False when there is none."""
        data = self.received
        if len(data) < 4 or (data[0] == ACL and len(data) < 5):
            return False
        size = 4 + data[3] if data[0] == COMMAND else 5 + int.from_bytes(data[3:5], "little")
        if len(data) < size:
            return False
        self.received = data[size:]
        (self._command if data[0] == COMMAND else self._fragment)(data[1:size])
        return True

    def _command(self, packet):
        opcode, parameters = int.from_bytes(packet[:2], "little"), packet[3:]
        self.commands.append((opcode, parameters))
        if opcode not in self.silent:
            self.event(0x0E, b"\x01" + u16(opcode) + b"\x00" + VALUES.get(opcode, b""))

    def _fragment(self, packet):
        """Put frames together, and say that the fragment is sent."""
        self.frame = packet[4:] if not packet[1] & 0x10 else self.frame + packet[4:]
        if len(self.frame) == 4 + int.from_bytes(self.frame[:2], "little"):
            self.pdus.append((int.from_bytes(self.frame[2:4], "little"), self.frame[4:]))
        if self.sends:
            self.sent()

    def sent(self, count=1):
        """The controller has sent fragments."""
        self.event(0x13, b"\x01" + u16(HANDLE) + u16(count))

    # -- a central ------------------------------------------------------------------------------------------------

    def connect(self, peer=PEER):
        """A central connects."""
        self.event(0x3E, b"\x01\x00" + u16(HANDLE) + b"\x01\x01" + peer + b"\x18\x00\x00\x00\xc8\x00\x00")
        return self.wait()

    def disconnect(self):
        """It goes."""
        self.event(0x05, b"\x00" + u16(HANDLE) + b"\x13")
        return self.wait()

    def fragment(self, data, boundary=2):
        """One ACL data packet."""
        self.link.send(bytes([ACL]) + u16(HANDLE | boundary << 12) + u16(len(data)) + data, 0)

    def send(self, channel, pdu, length=None):
        """One frame in one fragment, with a wrong length if told."""
        self.fragment(u16(len(pdu) if length is None else length) + u16(channel) + pdu)

    def ask(self, channel, *pdus, seconds=0.1):
        """Send PDUs right behind one another; what comes on the channel."""
        self.pdus = []
        for pdu in pdus:
            self.send(channel, pdu)
        self.wait(seconds)
        return [pdu for cid, pdu in self.pdus if cid == channel]

    def att(self, *pdus):
        """ATT requests and their answers; a single one is given as it is."""
        answers = self.ask(ATT, *pdus)
        return answers[0] if len(pdus) == len(answers) == 1 else answers

    # -- watching -------------------------------------------------------------------------------------------------

    def value(self, signal):
        """A signal's present value."""
        sampler = self.target.machine.sampler
        return dict(zip(sampler.names, sampler.current(self.target.machine), strict=True))[signal]

    @property
    def kinds(self):
        """What the machine reported, in order."""
        return [event.kind for event in self.events]
