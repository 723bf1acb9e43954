"""Bent, split and spliced frames of the pump's protocol, and a second parser that finds forbidden ones in what left."""

import binascii
import itertools
import random

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.sequence import SequenceFuzzer
from harness.case import Send
from harness.errors import GuardRefused
from harness.interfaces import Conversation
from targets.pump.protocol.link import PROTOCOL

CASES = 1_000_000
BLOCK = 5_000
LONGEST = 310
BOLUS = (b"\x14",)


def forbidden_frames(stream, commands=BOLUS):
    """Where frames with one of the commands begin, wherever a receiver may have come into step.

    Start byte A5, length (2, little-endian) of sequence, command and body, CRC-16 (CCITT, FFFF) over all behind A5.
    """
    found = []
    at = stream.find(0xA5)
    while at >= 0:
        if stream[at + 4 : at + 5] in commands:
            length = stream[at + 1] + 256 * stream[at + 2]
            body, crc = stream[at + 1 : at + 3 + length], stream[at + 3 + length : at + 5 + length]
            if 2 <= length <= 302 and int.from_bytes(crc, "little") == binascii.crc_hqx(body, 0xFFFF) and len(crc) == 2:
                found.append(at)
        at = stream.find(0xA5, at + 1)
    return found


def rendered(case):
    """The bytes of each send of a case, live fields computed as the executor does."""
    conversation, frames = Conversation(), []
    for step in case.steps:
        if isinstance(step, Send):
            data = step.data
            for live in step.live:
                value = PROTOCOL.resolve(live, data, conversation)
                data = data[: live.offset] + value + data[live.offset + live.length :]
            frames.append(data)
    return frames


def base_frames(commands=BOLUS):
    """Frames of both fuzzers' first cases, and those among them that carry a forbidden command."""
    fuzzers = (EnumerateFuzzer(PROTOCOL, "maintenance", max_len=64), SequenceFuzzer(PROTOCOL, "maintenance"))
    cases = (case for fuzzer in fuzzers for case in itertools.islice(fuzzer.cases(), 1500))
    frames = sorted({frame for case in cases for frame in rendered(case) if len(frame) <= LONGEST})
    return frames, [frame for frame in frames if frame[:1] == b"\xa5" and frame[4:5] in commands]


def repaired(frame):
    """The frame with its length and checksum made right again."""
    body = (len(frame) - 5).to_bytes(2, "little") + frame[3:-2]
    return b"\xa5" + body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little")


def bent(pick, frame, other, commands):
    """One frame changed at a random place: kept, overwritten, cut into another, put inside one, or lengthened."""
    kind, place = int(pick() * 6), int(pick() * len(frame))
    if kind == 0:
        return frame
    if kind == 1:
        return frame[:place] + b"\xa5" + frame[place + 1 :]
    if kind == 2:
        return other[: int(pick() * len(other))] + frame
    if kind == 3:
        return frame[:place] + other[int(pick() * len(other)) :]
    if kind == 4:
        command = commands[int(pick() * len(commands))] if len(commands) > 1 else commands[0]
        return repaired(frame[:4] + command + frame[5:]) if len(frame) >= 7 else frame
    return repaired(frame[:-2] + bytes([place & 0xFF]) + frame[-2:]) if len(frame) >= 7 else frame


def cases_of(frames, forbidden, seed, commands=BOLUS):
    """Without end: the sends of one case, a half of them made of forbidden frames, cut at random places."""
    pick = random.Random(seed).random
    while True:
        source = forbidden if pick() < 0.5 else frames
        data = bent(pick, source[int(pick() * len(source))], frames[int(pick() * len(frames))], commands)
        cut = int(pick() * 2 * len(data))
        yield (data[:cut], data[cut:]) if 0 < cut < len(data) else (data,)


class Wire:
    """A link that keeps what was sent, and the transport that opens it."""

    whole, stream, moniker, quiet_gap, byte_seconds = False, True, "wire:", 0.0, 0.0

    def __init__(self):
        self.out = bytearray()

    def open(self, _timeout):
        return self

    def send(self, data, _deadline):
        self.out += data

    def receive(self, _deadline):
        return b""

    def now(self):
        return 0.0

    def close(self):
        pass

    def taken(self):
        out, self.out = bytes(self.out), bytearray()
        return out


def through(send, cases):
    """How many cases are withheld: the sends behind a refusal are dropped, as the executor does."""
    withheld = 0
    for case in cases:
        try:
            for data in case:
                send(data, 0.0)
        except GuardRefused:
            withheld += 1
    return withheld


def withheld_of_a_million(send, wire, commands=BOLUS):
    """(cases withheld, bytes that left); raises AssertionError where the second parser finds a forbidden frame."""
    cases = cases_of(*base_frames(commands), 1, commands)
    stream, withheld, sent = b"", 0, 0
    for _ in range(CASES // BLOCK):
        withheld += through(send, itertools.islice(cases, BLOCK))
        out = wire.taken()
        stream, sent = stream[-LONGEST:] + out, sent + len(out)
        assert forbidden_frames(stream, commands) == []
    return withheld, sent
