"""What polling loops are given: loops as compilers and vendors make them, each read for read."""

import pytest

from targets.board.auto.polling import Polling

REGISTER, BESIDE = 0x40001000, 0x40001004
MOST = 2_000


def read(polling, code, register=REGISTER, held=0):
    return polling.value((code, register), held, 4, written=False, resolving=True)


def polls(polling, *looks):
    """Reads at places in the code, one behind the other, until all of a round find their bits; how many rounds."""
    for rounds in range(1, MOST):
        if all(read(polling, code) & bits == bits for code, bits in looks):
            return rounds
    return None


def told(polling):
    dry = []
    polling.dry = lambda: dry.append(True)
    return dry


@pytest.mark.parametrize("bit", [0, 7, 31])
def test_a_bit_that_a_loop_waits_for_is_found(bit):
    assert polls(Polling(), (0x100, 1 << bit)) < 40


def test_a_loop_that_looks_at_two_places_keeps_what_led_to_the_second():
    assert polls(Polling(), (0x100, 1 << 7), (0x108, 1 << 6)) < 100


def test_a_loop_that_a_compiler_unrolled_looks_at_each_of_them():
    polling = Polling()
    for _ in range(MOST):
        found = next((code for code in (0x100, 0x108, 0x110, 0x118) if read(polling, code) & 1 << 13), None)
        if found is not None:
            return
    pytest.fail("none of them was given its bit")


def test_one_function_waits_for_other_bits_at_each_call():
    polling = Polling()
    for number, bits in enumerate((1 << 12, 1 << 6 | 1 << 9, 1 << 13, 1 << 26)):
        assert polls(polling, (0x100, bits)) is not None
        polling.got_on(0x200 + number)


def test_what_was_waited_for_is_there_where_it_is_looked_at_once_more():
    polling = Polling()
    polls(polling, (0x100, 1 << 25))
    assert read(polling, 0x180, held=1 << 24) == 1 << 25 | 1 << 24
    assert read(polling, 0x190, register=BESIDE) == 0


def test_where_nothing_helps_it_waits():
    polling = Polling()
    dry = told(polling)
    for _ in range(MOST):
        if dry:
            break
        read(polling, 0x100)
    assert (dry, polling.dry_sites, polling.learned) == ([True], {(0x100, REGISTER)}, {})


def test_where_it_is_known_to_wait_nothing_is_tried():
    polling = Polling()
    dry, polling.waits = told(polling), frozenset({(0x100, REGISTER)})
    assert [read(polling, 0x100) for _ in range(5)] == [0] * 5
    assert dry == [True, True]


def test_the_next_boot_needs_no_trials():
    polling = Polling()
    polls(polling, (0x100, 1 << 7), (0x108, 1 << 6))
    polling.known = dict(polling.learned)
    polling.reset()
    assert polls(polling, (0x100, 1 << 7), (0x108, 1 << 6)) == 1
    assert polling.learned == polling.known


def test_a_moment_that_is_gone_back_to_is_tried_the_same_way():
    polling = Polling()
    for _ in range(9):
        read(polling, 0x100)
    moment = polling.state()
    once = [read(polling, 0x100) for _ in range(20)]
    polling.restore(moment)
    assert [read(polling, 0x100) for _ in range(20)] == once
