"""What of a message matters, and which checksum it carries: devices that compare no checksum that can be seen."""

from random import Random

import pytest

from fuzzers.inquiry import Inquiry, Part, standing_in, variants_of
from fuzzers.repairs import Repairs, ending_of, guessed
from harness.learned import Compared, Looked, Repair
from protocols.checksums import ALGORITHMS

LOOP, TOOK = 0x100, 0x200


def device(algorithm, start):
    """Takes what stands between two `~`, if the checksum at its end is right: then it compares a byte more."""
    width = ALGORITHMS.get(algorithm).width

    def compared(data):
        frames = [frame for frame in data.split(b"~")[1:-1] if len(frame) > start + width]
        sums = [ALGORITHMS.get(algorithm).compute(frame[start:-width]).to_bytes(width) for frame in frames]
        right = any(frame[-width:] == expected for frame, expected in zip(frames, sums, strict=True))
        return tuple(Compared(LOOP, byte, 0x7E) for byte in data) + ((Compared(TOOK, 1, 2),) if right else ())

    return compared


def asked(inquiry, compared, known=()):
    """Ask until there is nothing left; how many sequences were run."""
    count, known = 0, set(known)
    while (trial := inquiry.trial()) is not None:
        trial.runs = [compared(b"".join(steps)) for steps in trial.variants]
        held, places = trial.held(known)
        known |= set(places)
        inquiry.told(Looked(count, 0, held=held, places=places))
        count += len(trial.variants)
    return count


def inquiry_into(data, others=(), knows=lambda _part, _data: False):
    """Into a message behind others; each by itself is a part, too."""
    together = Part("m", "f", data, lambda made: (*others, made))
    alone = [Part("m", "f", each, lambda made: (made,)) for each in (*others, data)]
    return Inquiry("idle", together, alone, knows=knows)


def frame(algorithm, body):
    width = ALGORITHMS.get(algorithm).width
    return b"~" + body + ALGORITHMS.get(algorithm).compute(body).to_bytes(width) + b"~"


@pytest.mark.parametrize("algorithm", ["crc8", "xor8", "sum8", "lrc", "crc16_ccitt_false", "crc16_xmodem", "crc32"])
def test_a_checksum_that_is_compared_with_nothing_is_found(algorithm):
    inquiry = inquiry_into(frame(algorithm, b"\x31\x02\x10\x09\xc4"))
    asked(inquiry, device(algorithm, 0), known={LOOP})
    assert inquiry.found is not None
    assert (inquiry.found.algorithm, inquiry.found.start, inquiry.found.tail) == (algorithm, 1, 1)
    assert bytes.fromhex(inquiry.found.ending) == b"~"


def test_what_stands_before_and_behind_goes_first():
    message = frame("crc8", b"\x31\x02\x10\x09\xc4")
    inquiry = inquiry_into(b"noise of all kinds" * 3 + message + b"and more of it" * 4, others=(b"hello",))
    ran = asked(inquiry, device("crc8", 0), known={LOOP})
    assert inquiry.data == message
    assert (inquiry.alone, inquiry.steps) == (True, (message,))
    assert inquiry.found is not None
    assert ran < 60


def test_of_several_messages_it_goes_on_with_the_one_that_is_enough():
    message = frame("crc8", b"\x31\x02\x10\x09\xc4")
    inquiry = inquiry_into(b"hello", others=(b"good morning", message))
    asked(inquiry, device("crc8", 0), known={LOOP})
    assert inquiry.data == message
    assert inquiry.found is not None


def test_a_message_that_led_to_nothing_new_is_left_as_it_is():
    data = b"noise of all kinds" * 3
    inquiry = inquiry_into(data, others=(b"hello",))
    asked(inquiry, device("crc8", 0), known={LOOP})
    assert (inquiry.data, inquiry.alone, inquiry.found) == (data, False, None)


def test_a_checksum_that_stands_by_chance_is_none():
    inquiry = inquiry_into(frame("sum8", b"\x31\x02\x10\x09\xc4"))
    asked(inquiry, lambda data: tuple(Compared(LOOP, byte, 0x7E) for byte in data))
    assert inquiry.found is None


def test_one_that_is_known_is_not_asked_for():
    inquiry = inquiry_into(frame("crc8", b"\x31\x02"), knows=lambda _part, _data: True)
    asked(inquiry, device("crc8", 0), known={LOOP})
    assert inquiry.found is None


def test_noughts_carry_no_checksum():
    assert list(standing_in(bytes(12))) == []


def test_variants_differ_in_one_byte_with_the_checksum_right_and_wrong():
    message = frame("crc8", b"\x31\x02\x10\x09\xc4")
    repair = next(one for one in standing_in(message) if (one.algorithm, one.start) == ("crc8", 1))
    right, wrong, other, _ = variants_of(repair, message)
    crc8 = ALGORITHMS.get("crc8").compute
    assert [crc8(made[1:-1]) for made in (right, other)] == [0, 0]
    assert (right[:-2], right[-1]) == (wrong[:-2], wrong[-1])
    assert right[-2] != wrong[-2]
    assert right[:5] == message[:5]
    assert other[:4] == message[:4]


def test_a_message_that_becomes_shorter_still_ends_as_it_has_to():
    repairs, random = Repairs(), Random(1)
    repairs.add(Repair("m", "f", "crc8", 1, "big", 1, ending="7e"))
    made = [repairs.bent("m", "f", b"~\x31\x02\x10\x09\xc4", random) for _ in range(200)]
    crc8 = ALGORITHMS.get("crc8").compute
    assert sum(one[-1:] == b"~" and crc8(one[1:-1]) == 0 for one in made) > 100


def test_what_stands_behind_a_checksum_in_all_messages_is_its_ending():
    assert ending_of([b"ab\r\n", b"cd\r\n"], 2) == "0d0a"
    assert ending_of([b"ab\r\n", b"cd\r "], 2) == ""
    assert ending_of([b"abcdef", b"xycdef"], 2) == ""


def test_a_guessed_checksum_is_right_now_and_then():
    random, crc8 = Random(1), ALGORITHMS.get("crc8").compute
    made = [guessed(b"~\x31\x02\x10\x09\xc4\x00\x00", random) for _ in range(4000)]
    assert sum(one[-1:] == b"~" and crc8(one[1:-1]) == 0 for one in made) > 4000 // 400
    assert guessed(b"a", random) == b"a"
