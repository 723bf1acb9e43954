"""Aims at bytes of which nobody knows the layout: a program that parses frames leads to frames that it accepts."""

from copy import deepcopy
from dataclasses import replace
from itertools import islice

import pytest

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.guided import GuidedFuzzer
from fuzzers.operands import hits, mask_of
from harness.case import Send
from harness.deck import Deck
from harness.learned import Compared, Learned
from harness.novelty import News
from harness.outcome import Measures, Outcome
from harness.serialize import dumps, loads
from harness.transcript import Transcript
from protocols.plain_bytes import plain_bytes

START = 0xA5
ENOUGH = 1500


class Program:
    """Parses `A5 command length payload sum`, compares as it goes, and knows two commands by their numbers.

    `seen` are the places that it has been at, `accepted` the frames whose sum was right, by their commands. A `hidden`
    sum is compared with nothing.
    """

    def __init__(self, jumps=False, hidden=False):
        self.jumps, self.hidden, self.seen, self.accepted = jumps, hidden, set(), {}

    def __call__(self, data):
        yield from self._framed(data)

    def _framed(self, data):
        for at, byte in enumerate(data):
            yield Compared(0x10, byte, START)
            if byte == START:
                yield from self._body(data[at + 1 :])
                return

    def _body(self, rest):
        if len(rest) < 3:
            return
        command, length = rest[0], rest[1]
        yield Compared(0x20, length, 40)
        if length > 40 or len(rest) < length + 3:
            return
        worked_out = sum(rest[: length + 2]) & 0xFF
        if not self.hidden:
            yield Compared(0x30, worked_out, rest[length + 2])
        if worked_out == rest[length + 2]:
            yield from self._command(command, rest[2 : length + 2])

    def _command(self, command, payload):
        self.accepted.setdefault(command, []).append(payload)
        if self.jumps:
            yield Compared(0x40, command, 0x20)
        else:
            yield Compared(0x41, command, 0x11)
            yield Compared(0x42, command, 0x77)
        if command in (0x11, 0x77):
            yield Compared(0x50 + command, len(payload), 6)


def told(fuzzer, case, program):
    """Give a case to the program, and tell what it compared and where it was for the first time."""
    compared = tuple(program(b"".join(step.data for step in case.steps if isinstance(step, Send))))
    fresh = {one.place for one in compared} - program.seen
    program.seen |= fresh
    news = News(edges=len(fresh)) if fresh else None
    looked = compared if fuzzer.looks(case) else ()
    fuzzer.learn(case, Outcome(Transcript(case.id, (), 0.0, 0.1), (), Measures(compared=looked, news=news)))


def play(fuzzer, program, count):
    """Deal cases, each to the program."""
    for case in islice(fuzzer.cases(), count):
        told(fuzzer, case, program)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_frames_with_a_start_a_length_and_a_sum_are_found_from_nothing(seed):
    fuzzer, program = GuidedFuzzer(plain_bytes(b""), "link", seed=seed, compares=True), Program()
    play(fuzzer, program, ENOUGH)
    assert {0x11, 0x77} <= program.accepted.keys()
    assert any(len(payload) > 6 for payload in program.accepted[0x11])
    (repair, *_others) = [repair for looked in fuzzer.state().looked for repair in looked.repairs]
    assert (repair.algorithm, repair.field) == ("sum8", "bytes")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_frames_are_found_though_nothing_is_compared_with_their_sum(seed):
    fuzzer, program = GuidedFuzzer(plain_bytes(b""), "link", seed=seed, compares=True), Program(hidden=True)
    for case in islice(fuzzer.cases(), 20 * ENOUGH):
        told(fuzzer, case, program)
        if {0x11, 0x77} <= program.accepted.keys():
            break
    assert {0x11, 0x77} <= program.accepted.keys()
    assert not any(looked.repairs for looked in fuzzer.state().looked), "it is seen in no comparison"


def test_a_table_of_jumps_is_gone_through():
    fuzzer, program = GuidedFuzzer(plain_bytes(b""), "link", seed=1, compares=True), Program(jumps=True)
    play(fuzzer, program, 2 * ENOUGH)
    assert set(range(0x20)) - program.accepted.keys() <= {0}


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("before", [40, 333, 700, 1999])
def test_another_run_goes_on_with_the_same_bytes(before, hidden):
    one, other = (GuidedFuzzer(plain_bytes(b""), "link", seed=5, compares=True) for _ in range(2))
    deck, again = (Deck([each], pytest.fail, saves=False) for each in (one, other))
    program = Program(hidden=hidden)
    for _ in range(before):
        told(one, next(deck).case, program)
    again.skip(replace(deck.state(), learned=(loads(Learned, dumps(one.state())),)), ())
    later = deepcopy(program)
    for _ in range(60):
        case = next(deck).case
        assert case.id == next(again).case.id
        told(one, case, program)
        told(other, case, later)


@pytest.mark.parametrize("before", [97, 250, 601, 990])
def test_another_run_goes_on_where_another_fuzzer_has_its_turn_behind(before):
    """What a case of another's shows is taken where cases are dealt, and nowhere else."""

    def both():
        one = GuidedFuzzer(plain_bytes(b""), "link", seed=3, compares=True)
        return one, EnumerateFuzzer(plain_bytes(b""), "link", seed=3)

    one, other = both(), both()
    deck, again = Deck(one, pytest.fail, saves=False), Deck(other, pytest.fail, saves=False)
    program = Program()
    for _ in range(before):
        told(one[0], next(deck).case, program)
    again.skip(replace(deck.state(), learned=(loads(Learned, dumps(one[0].state())),)), ())
    assert again.state().checksum == deck.state().checksum


def test_a_masked_byte_is_solved_for_its_other_bits():
    numbers = {"first": (0x68, 0x71, 0x4E)}
    mask = 0x47
    runs = [(Compared(0x10, number & mask, 0x41),) for number in numbers["first"]]
    found = [hit.number for hit in hits(runs, numbers, {"first": False})]
    assert found
    assert all(number & mask == 0x41 for number in found)
    assert mask_of((5, 5, 5), (5, 5, 5)) == 0


def test_where_a_byte_has_room_for_it_no_wider_number_is_aimed_at():
    numbers = {"byte": (0x10, 0x20, 0x33), "word": (0x1055, 0x2055, 0x3355)}
    room, lengths = {"byte": 0xFF, "word": 0xFFFF}, {"byte": False, "word": False}
    near = [(Compared(0x10, number, 0x7A),) for number in numbers["byte"]]
    assert {hit.key for hit in hits(near, numbers, lengths, room)} == {"byte"}
