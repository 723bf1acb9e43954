"""The insulin pump on the board, spoken to through its mailbox: what the tests of its firmware share."""

from __future__ import annotations

import tomllib
from pathlib import Path

from harness.bench import Bench
from harness.requirements import load_requirements
from harness.temporal import FormulaSet, SignalDeclaration, parse
from targets.board.image import Image
from targets.emulated import EmulatedTarget, EmulatorLink

INSULIN = Path(__file__).parents[2] / "targets" / "insulin"
DEVICE = Bench.model_validate(tomllib.loads((INSULIN / "device.toml").read_text()) | {"interfaces": {}})
REQUIREMENTS = load_requirements(INSULIN / "requirements.toml")
PIN = b"73918425"
PEER = bytes.fromhex("0102030405c6")
RACP, MEASUREMENT, SOCP, READER, COMMAND, IDD_RACP, HISTORY = 0x2A52, 0x2AA7, 0x2AAC, 0x2B24, 0x2B25, 0x2B27, 0x2B28
LOGIN, STATUS, SETTINGS, UPLOAD, PATIENT, LOG = range(0xF001, 0xF007)
COUNTED = (READER, COMMAND, IDD_RACP)
CONTROL_POINTS = (RACP, SOCP, READER, COMMAND, IDD_RACP, LOGIN)
OK, SUCCESS = 0, 0x0F
_MASK = (1 << 64) - 1


def crc(data):
    """CRC-16/MCRF4XX."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value.to_bytes(2, "little")


def sfloat(mantissa, exponent=0):
    """An SFLOAT from its two parts."""
    return ((exponent & 15) << 12 | mantissa & 0xFFF).to_bytes(2, "little")


ONE_UNIT = sfloat(10, -1)


def siphash(key, data):
    """SipHash-2-4 as eight bytes."""
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def _rotate(value, bits):
    return (value << bits | value >> (64 - bits)) & _MASK


def _rounds(v, count):
    for _ in range(count):
        for a, b, left, right in ((0, 1, 13, 32), (2, 3, 16, 0), (0, 3, 21, 0), (2, 1, 17, 32)):
            v[a] = (v[a] + v[b]) & _MASK
            v[b] = _rotate(v[b], left) ^ v[a]
            v[a] = _rotate(v[a], right) if right else v[a]


def proof(nonce, pin=PIN):
    """The answer to a login's nonce."""
    return siphash(siphash(b"IP7-LOGIN-KEY-01", pin) + siphash(b"IP7-LOGIN-KEY-02", pin), nonce)


class InsulinPump:
    """One ELF, running: values go out with counter and CRC in place, indications are confirmed."""

    def __init__(self, elf):
        table = DEVICE.target
        self.target = EmulatedTarget(
            Image(elf),
            name="insulin pump",
            ports=table.ports,
            signals=DEVICE.signals,
            stimuli=DEVICE.stimuli,
            hz=table.hz,
            hang_budget=table.hang_budget,
            seed=1,
            settle=table.settle,
        )
        self.target.start()
        self.booted = self.target.snapshot()
        self.begin()

    def begin(self):
        """A fresh conversation with what has just booted."""
        self.link = EmulatorLink(self.target, self.target.usart("mailbox"))
        self.received = b""
        self.frames, self.events, self.sent = [], [], b""
        self.confirm = True
        self.counters = dict.fromkeys(COUNTED, 0)
        declared = {n: SignalDeclaration(n, s.kind, *s.range, s.unit) for n, s in DEVICE.signals.items()}
        watched = [parse(r.formula, declared, r.id) for r in REQUIREMENTS if r.watched]
        self.safety, self.violated = FormulaSet(watched, len(declared)), set()

    def again(self):
        """Back to the moment after the boot."""
        self.target.restore(self.booted)
        self.target.machine.sampler.restore(())
        self.begin()
        return self

    # -- the mailbox ----------------------------------------------------------------------------------------------

    def frame(self, op, body=b""):
        """Send one frame."""
        self.link.send((len(body) + 1).to_bytes(2, "little") + bytes([op]) + body, 0)

    def wait(self, seconds=0.05):
        """Let time pass; indications are confirmed as they come."""
        deadline = self.target.now() + seconds
        while more := self.link.receive(deadline):
            self.received += more
            self._take_frames()
        self.look()

    def _take_frames(self):
        while len(self.received) >= 2 and len(self.received) >= 2 + (
            size := int.from_bytes(self.received[:2], "little")
        ):
            frame, self.received = self.received[2 : 2 + size], self.received[2 + size :]
            self.frames.append(frame)
            if frame[0] == 0x83 and self.confirm:
                self.frame(0x07, frame[1:3])

    def taken(self, op, attribute=None):
        """The bodies of the frames of one kind that came since the last exchange."""
        wanted = [f[1:] for f in self.frames if f[0] == op]
        if attribute is None:
            return wanted
        return [body[2:] for body in wanted if int.from_bytes(body[:2], "little") == attribute]

    def result(self, op, body):
        """A read or write: ATT error and value, or None when nothing came."""
        self.frames = []
        self.frame(op, body)
        deadline = self.target.now() + 0.3
        while not self.taken(0x81) and (more := self.link.receive(deadline)):
            self.received += more
            self._take_frames()
        self.wait()
        results = self.taken(0x81)
        assert len(results) <= 1
        return (results[0][0], results[0][1:]) if results else None

    def write(self, attribute, data):
        """Write a value as it is; the ATT error, or None."""
        answer = self.result(0x03, attribute.to_bytes(2, "little") + b"\x01" + data)
        return answer[0] if answer else None

    def read(self, attribute):
        """Read a value: ATT error and value."""
        return self.result(0x04, attribute.to_bytes(2, "little"))

    def connect(self, flags=1, peer=PEER):
        """A peer connects and subscribes to everything."""
        self.frame(0x01, b"\x01" + peer + bytes([flags]))
        for attribute in (*CONTROL_POINTS, 0x2B21):
            self.frame(0x06, attribute.to_bytes(2, "little") + b"\x02\x00")
        for attribute in (MEASUREMENT, HISTORY, 0x2A19):
            self.frame(0x06, attribute.to_bytes(2, "little") + b"\x01\x00")
        self.counters = dict.fromkeys(COUNTED, 0)
        self.wait(0.4)
        return self

    def bond(self, peer=PEER):
        """The front has paired the peer."""
        self.frame(0x09, peer + b"K" * 16)
        self.wait(0.4)

    # -- control points -------------------------------------------------------------------------------------------

    def protected(self, attribute, data):
        """Counter and CRC, as the attribute wants them."""
        if attribute in COUNTED:
            self.counters[attribute] = self.counters[attribute] % 255 + 1
            data += bytes([self.counters[attribute]])
        return data + crc(data) if attribute in (*COUNTED, SOCP) else data

    def control(self, attribute, data):
        """Write to a control point: its indicated answer without counter and CRC, or the ATT error."""
        self.sent = self.protected(attribute, data)
        error = self.write(attribute, self.sent)
        answers = self.taken(0x83, attribute)
        if error or not answers:
            return error
        return answers[-1][: -3 if attribute in COUNTED else -2 if attribute == SOCP else None]

    def login(self, pin=PIN):
        """Hello and prove; the status of the answer."""
        nonce = self.control(LOGIN, b"\x01")[2:]
        return self.control(LOGIN, b"\x02" + proof(nonce, pin))[1]

    def command(self, opcode, operand=b""):
        """One command: the response code, or the answer's operand where it has its own opcode."""
        answer = self.control(COMMAND, opcode.to_bytes(2, "little") + operand)
        if isinstance(answer, bytes) and answer[:2] == b"\x55\x0f":
            return answer[4]
        return answer

    def bolus(self, amount=ONE_UNIT, *, recommended=False):
        """A fast bolus, 1 U unless told."""
        flags, activation = (4, b"\x3c") if recommended else (0, b"")
        return self.command(0x114B, bytes([flags, 0x33]) + amount + sfloat(0) + b"\0\0" + activation)

    def specific(self, opcode, operand=b""):
        """One CGM specific operation: its response code, or the answer."""
        answer = self.control(SOCP, bytes([opcode]) + operand)
        return answer[2] if isinstance(answer, bytes) and answer[0] == 28 else answer

    # -- watching -------------------------------------------------------------------------------------------------

    def stimulate(self, name, value, seconds=0.6):
        """A sensor or key changes and the control task sees it."""
        self.target.stimulate(name, value)
        self.wait(seconds)

    def look(self):
        """Take events and samples; judge the samples."""
        self.events += self.target.take_events()
        for sample in self.target.take_samples():
            self.violated |= {v.requirement for v in self.safety.push(sample.time, sample.values)}
        self.violated |= {v.requirement for v in self.safety.advance(self.target.now())}

    def value(self, signal):
        """A signal's present value."""
        sampler = self.target.machine.sampler
        return dict(zip(sampler.names, sampler.current(self.target.machine), strict=True))[signal]

    @property
    def kinds(self):
        """What the machine reported, in order."""
        return [event.kind for event in self.events]
