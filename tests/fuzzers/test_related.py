"""Related: a bent write that a device accepts is soon put between readings of its place."""

from dataclasses import replace
from itertools import islice

import pytest

from fuzzers.related import RelatedFuzzer
from harness.case import Origin, Send, TestCase
from harness.deck import Deck
from harness.outcome import Outcome
from harness.transcript import Exchange, Transcript
from protocols.modbus import modbus_tcp

TCP = modbus_tcp()
ACCEPTED, REFUSED = bytes.fromhex("000100000006 01 06 0007 0001"), bytes.fromhex("000100000003 01 86 02")


def fuzzer():
    return RelatedFuzzer(TCP, "main", seed=1)


def write(address, *, mutated=True):
    """A write of one register, as another fuzzer would bend it."""
    send = replace(TCP.message("write_single_register").send(address=address, value=1), mutated=mutated)
    return TestCase("main", "idle", (send,), Origin("enumerate"))


def answered(reply):
    exchange = Exchange("write_single_register", b"", (reply,) if reply else (), (), b"", 0.0, 0.1, bool(reply))
    return Outcome(Transcript("c", (exchange,), 0.0, 0.1))


def following(case):
    """The addresses that a case reads, writes and writes again, where it follows what was accepted."""
    if "accepted" not in case.origin.mutation:
        return None
    return tuple(int.from_bytes(step.data[8:10]) for step in case.steps if isinstance(step, Send))


def test_what_is_accepted_is_followed_next_and_once():
    one = fuzzer()
    cases = one.cases()
    next(cases)
    for _ in range(2):
        one.learn(write(0x4321), answered(ACCEPTED))
    dealt = list(islice(cases, 4))
    assert [following(case) for case in dealt] == [(0x4321,) * 4, None, None, None]
    assert [case.origin.aimed for case in dealt] == [True, False, False, False]


@pytest.mark.parametrize("reply", [REFUSED, b""])
def test_what_is_refused_or_not_answered_is_not_followed(reply):
    one = fuzzer()
    one.learn(write(0x4321), answered(reply))
    assert not any(map(following, islice(one.cases(), 20)))


def test_neither_what_nobody_bent_nor_the_usual_place_is_followed():
    one = fuzzer()
    one.learn(write(0x4321, mutated=False), answered(ACCEPTED))
    usual = TCP.message("write_single_register").send().data
    one.learn(write(int.from_bytes(usual[8:10])), answered(ACCEPTED))
    assert not any(map(following, islice(one.cases(), 20)))


def test_there_is_no_more_to_follow_than_a_bound_and_the_planned_ones_go_on():
    one = fuzzer()
    for address in range(1000, 2000):
        one.learn(write(address), answered(ACCEPTED))
    dealt = [following(case) for case in one.cases()]
    followed = len(dealt) - one.forecast()
    assert 200 < followed <= 256
    assert dealt[: 2 * followed : 2] == [(1000 + n,) * 4 for n in range(followed)]
    assert not any(dealt[1 : 2 * followed : 2])


def test_another_run_follows_the_same():
    one, other = fuzzer(), fuzzer()
    deck, again = (Deck([each, Writes()], pytest.fail, saves=False) for each in (one, other))
    for number in range(40):
        case = next(deck).case
        one.learn(case, answered(ACCEPTED if number % 3 else REFUSED))
    again.skip(deck.state(), ())
    here, there = ([next(each).case for _ in range(60)] for each in (deck, again))
    assert [case.id for case in here] == [case.id for case in there]
    assert any(map(following, here))


class Writes:
    """Another fuzzer of the interface."""

    interface, every = "main", 1

    def cases(self):
        return (write(address) for address in range(5000, 6000))
