"""A million bent, split and spliced cases through the guard: a second parser finds no forbidden frame in the output."""

import binascii
import itertools
import random

import pytest

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.sequence import SequenceFuzzer
from harness.case import Send
from harness.errors import GuardRefused
from harness.guard import Guard, GuardedLink
from harness.interfaces import Conversation
from protocols.pump_link import PROTOCOL

CASES = 1_000_000
BLOCK = 5_000
LONGEST = 310


def forbidden_frames(stream):
    """Where frames with the bolus command begin, wherever a receiver may have come into step.

    Start byte A5, length (2, little-endian) of sequence, command and body, CRC-16 (CCITT, FFFF) over all behind A5.
    """
    found = []
    at = stream.find(0xA5)
    while at >= 0:
        if stream[at + 4 : at + 5] == b"\x14":
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


def base_frames():
    """Frames of both fuzzers' first cases, and those among them that carry the forbidden command."""
    fuzzers = (EnumerateFuzzer(PROTOCOL, "maintenance", max_len=64), SequenceFuzzer(PROTOCOL, "maintenance"))
    cases = (case for fuzzer in fuzzers for case in itertools.islice(fuzzer.cases(), 1500))
    frames = sorted({frame for case in cases for frame in rendered(case) if len(frame) <= LONGEST})
    return frames, [frame for frame in frames if frame[:1] == b"\xa5" and frame[4:5] == b"\x14"]


def repaired(frame):
    """The frame with its length and checksum made right again."""
    body = (len(frame) - 5).to_bytes(2, "little") + frame[3:-2]
    return b"\xa5" + body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "little")


def bent(pick, frame, other):
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
        return repaired(frame[:4] + b"\x14" + frame[5:]) if len(frame) >= 7 else frame
    return repaired(frame[:-2] + bytes([place & 0xFF]) + frame[-2:]) if len(frame) >= 7 else frame


def cases_of(frames, boluses, seed):
    """Without end: the sends of one case, a half of them made of forbidden frames, cut at random places."""
    pick = random.Random(seed).random
    while True:
        source = boluses if pick() < 0.5 else frames
        data = bent(pick, source[int(pick() * len(source))], frames[int(pick() * len(frames))])
        cut = int(pick() * 2 * len(data))
        yield (data[:cut], data[cut:]) if 0 < cut < len(data) else (data,)


class Wire:
    """A link that keeps what was sent."""

    whole, stream = False, True

    def __init__(self):
        self.out = bytearray()

    def send(self, data, _deadline):
        self.out += data

    receive = close = now = None


def through(guard, cases):
    """(bytes that left, cases withheld): the sends behind a refusal are dropped, as the executor does."""
    wire, withheld = Wire(), 0
    send = GuardedLink(wire, guard).send
    for case in cases:
        try:
            for data in case:
                send(data, 0.0)
        except GuardRefused:
            withheld += 1
    return bytes(wire.out), withheld


def test_the_second_parser_sees_what_the_guard_is_for():
    frames, boluses = base_frames()
    out, withheld = through(Guard(None, ()), itertools.islice(cases_of(frames, boluses, 1), BLOCK))
    assert withheld == 0
    assert len(forbidden_frames(out)) > BLOCK // 10


class Forgetful(Guard):
    """What the guard would be if it looked at each send alone."""

    def check(self, data):
        self.forget()
        super().check(data)


def test_the_cases_hold_forbidden_frames_that_only_show_across_sends():
    frames, boluses = base_frames()
    guard = Forgetful(PROTOCOL.forbidden(("bolus",)), ("bolus",))
    out, withheld = through(guard, itertools.islice(cases_of(frames, boluses, 1), BLOCK))
    assert withheld > 0
    assert len(forbidden_frames(out)) > BLOCK // 100


@pytest.mark.slow
def test_no_forbidden_frame_leaves_in_a_million_cases():
    frames, boluses = base_frames()
    cases = cases_of(frames, boluses, 1)
    guard = Guard(PROTOCOL.forbidden(("bolus",)), ("bolus",))
    stream, withheld, sent = b"", 0, 0
    for _ in range(CASES // BLOCK):
        out, refused = through(guard, itertools.islice(cases, BLOCK))
        withheld, sent = withheld + refused, sent + len(out)
        stream = stream[-LONGEST:] + out
        assert forbidden_frames(stream) == []
    assert CASES // 4 < withheld < 9 * CASES // 10
    assert sent > 5 * CASES
