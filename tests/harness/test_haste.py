"""The wait for an answer that does not come is cut short by a probe behind the message, and hardly ever in a replay."""

from dataclasses import replace
from functools import partial

import pytest
from test_reading import answers, clocked, told
from toy import case, message

from harness.case import Send, Wait
from harness.latency import Haste, Latency
from harness.transcript import Way

A, B = message(b"a"), message(b"b")


@pytest.fixture
def hasty(toy):
    """A toy on the wall clock that answers `b` after 50 ms, and has done so; and `run`, which runs steps in haste."""

    def made(**options):
        t = toy(adaptive=True, **options)
        t.connection.open()
        answers(t, b"b", b"<B>", after=0.05)
        t.device.planted[b"a"] = lambda _device: []
        t.executor.begin()
        t.executor.run((B,))
        t.executor.begin()
        t.run = lambda *steps: t.executor.run(steps, haste=Haste.SOME)
        return t

    return made


def test_a_probe_that_is_served_behind_a_message_ends_the_wait_for_its_answer(hasty):
    t = hasty()
    seconds = clocked(t, lambda: t.run(A))
    assert [(name, bool(replies)) for name, replies, _unasked, _stray in told(t)] == [("a", False), ("probe", True)]
    assert seconds == pytest.approx(0.2 + 0.05 + 0.2, abs=0.05)  # overdue, the probe, and as long again


def test_what_was_served_behind_the_message_is_the_probe_of_the_case(hasty):
    t = hasty()
    t.run(A)
    sent = len(t.transport.sent)
    assert t.executor.probe().fields["state"] == "i"
    assert len(t.transport.sent) == sent
    assert t.executor.probe() is not None
    assert len(t.transport.sent) == sent + 1


def test_without_haste_the_whole_timeout_is_waited(hasty):
    t = hasty()
    assert clocked(t, lambda: t.executor.run((A,))) == pytest.approx(1.0)
    assert len(t.executor.exchanges) == 1


def test_an_answer_that_comes_behind_the_probe_but_before_its_answer_is_taken(hasty):
    t = hasty()
    answers(t, b"a", b"<A>", after=0.3)
    t.run(A)
    assert told(t)[0] == ("a", (b"<A>",), (), b"")


def test_an_answer_that_overtakes_is_taken_for_a_while(hasty):
    t = hasty()
    turns = iter([0.4, 0.05])

    def answer(pieces):
        def act(_device):
            t.transport.delay = next(turns)
            return pieces

        return act

    t.device.planted[b"a"] = answer([b"<A>"])
    t.run(A)
    assert told(t)[0][:2] == ("a", (b"<A>",))


def test_where_the_probe_is_not_served_it_gets_its_time_and_is_not_asked_at_once_again(hasty):
    t = hasty()
    t.device.planted[b"a"] = lambda device: setattr(device, "dead", True) or []
    seconds = clocked(t, lambda: t.run(A))
    assert seconds == pytest.approx(1.2, abs=0.05)
    assert t.executor.overdue
    served = t.interface.ladder.climb(closed=False, broken=False, patience=0.0)
    assert served.service.way is Way.NEVER
    t.executor.begin()
    t.device.dead = False
    t.executor.run((B,))
    assert not t.executor.overdue


def test_a_probe_that_was_not_served_is_answered_by_the_next_one(hasty):
    t = hasty()
    t.device.planted[b"a"] = lambda device: setattr(device, "hungry", 3) or []  # it takes the probe for its rest
    t.run(A)
    served = t.interface.ladder.climb(closed=False, broken=False, patience=0.0)
    assert served.service.way is Way.AT_ONCE


@pytest.mark.parametrize("options", [{"framed": False}, {"callbacks": {"x": lambda *_: b""}}])
def test_an_answer_that_cannot_be_told_from_a_probes_is_waited_for(hasty, options):
    t = hasty(**options)
    assert clocked(t, lambda: t.run(A)) == pytest.approx(1.0, abs=0.05)


def test_before_any_answer_nobody_knows_when_one_is_overdue(toy):
    t = toy(adaptive=True)
    t.connection.open()
    t.device.planted[b"a"] = lambda _device: []
    t.executor.begin()
    assert clocked(t, lambda: t.executor.run((A,), haste=Haste.SOME)) == pytest.approx(1.0)


def test_behind_a_probe_no_other_is_sent(hasty):
    t = hasty()
    t.device.dead = True
    assert clocked(t, lambda: t.run(message(b"p", "probe"))) == pytest.approx(1.0)


def test_only_the_last_message_of_a_case_is_cut_short(hasty):
    t = hasty()
    assert clocked(t, lambda: t.run(A, B)) == pytest.approx(1.05, abs=0.02)
    assert [name for name, *_rest in told(t)] == ["a", "b"]
    t.executor.begin()
    assert clocked(t, lambda: t.run(A, Wait(0.1))) == pytest.approx(1.1, abs=0.02)


def test_a_message_that_was_never_answered_is_not_waited_for_in_the_middle(hasty):
    t = hasty()
    for _ in range(3):
        t.run(A, B)
    assert clocked(t, lambda: t.run(A, B)) == pytest.approx(0.25, abs=0.02)
    for _ in range(12):
        t.run(A, B)
    assert clocked(t, lambda: t.run(A, B)) == pytest.approx(1.05, abs=0.02)  # the seventeenth: does it still not?
    answers(t, b"a", b"<A>")
    t.run(A, B)
    t.executor.begin()
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: t.run(A, B)) == pytest.approx(1.05, abs=0.1)


def test_cases_are_run_in_haste_and_replays_are_not(hasty):
    t = hasty()
    t.runner.start()
    t.executor.run((B,))
    quick = clocked(t, lambda: t.runner.run(case(A)))
    with t.runner.sequential():
        careful = clocked(t, lambda: t.runner.run(case(A)))
    assert quick < 0.6
    assert careful > 1.0


def test_a_device_that_is_known_to_be_deaf_now_and_then_is_not_waited_for(hasty):
    t = hasty()
    t.device.planted[b"p"] = lambda _device: []
    some = clocked(t, lambda: t.executor.run((A,), haste=Haste.SOME))
    t.executor.begin()
    more = clocked(t, lambda: t.executor.run((A,), haste=Haste.MORE))
    assert t.executor.overdue
    assert some == pytest.approx(0.2 + 1.0, abs=0.05)
    assert more == pytest.approx(0.2 + 0.4, abs=0.05)  # the probe, for twice what any answer is given


def test_nor_is_a_bent_message_in_the_middle_of_a_case_which_is_answered_late_then(hasty):
    t = hasty()
    answers(t, b"a", b"<A>", after=0.45)
    bent = replace(A, mutated=True)
    assert clocked(t, lambda: t.executor.run((bent, B), haste=Haste.MORE)) == pytest.approx(0.5, abs=0.1)
    assert [(name, replies) for name, replies, _unasked, _stray in told(t)] == [("a", (b"<A>",)), ("b", (b"<B>",))]


def test_nor_is_any_message_behind_one_that_was_not_answered(hasty):
    t = hasty()
    assert clocked(t, lambda: t.executor.run((A, A, A, B), haste=Haste.MORE)) == pytest.approx(
        1.0 + 0.2 + 0.2 + 0.05, abs=0.05
    )


def test_one_slow_answer_does_not_make_what_a_deaf_device_is_told_wait(hasty):
    latency = Latency(1.0)
    for seconds in (0.9, *[0.002] * 9):
        latency.answered("b", seconds)
    assert (latency.brief("a"), latency.deaf("a")) == (1.0, 0.1)
    for _ in range(20):
        latency.answered("b", 0.1)
    assert latency.deaf("a") == pytest.approx(0.4)


def test_what_proves_that_a_message_is_not_answered_waits_for_none_behind_it(hasty):
    t = hasty()

    def took(*steps):
        t.executor.begin()
        return clocked(t, lambda: t.executor.run(steps, haste=Haste.LITTLE))

    assert took(A) == pytest.approx(1.0)
    assert took(A, A) == pytest.approx(1.2, abs=0.05)
    assert took(replace(A, mutated=True), B) == pytest.approx(1.05, abs=0.05)
    assert not t.executor.overdue


def test_a_campaign_is_in_more_haste_where_a_way_back_is_trusted_and_a_replay_where_it_need_not_prove_anything(hasty):
    t = hasty()
    t.runner.start()
    t.executor.run((B,))
    runs = []
    t.interface.executor.run = lambda steps, *, reopens=False, haste=None: runs.extend([haste] * (A in steps))
    t.runner.run(case(A))
    t.interface.ladder.trusted = frozenset({Way.FILLED})
    t.runner.run(case(A))
    for quick, presumed in ((False, ()), (False, {Way.FILLED}), (True, {Way.RECONNECTED})):
        with t.runner.sequential(frozenset(presumed), haste=Haste.MOST if quick else Haste.NONE):
            t.runner.run(case(A))
    t.runner.run(case(A))
    assert runs == [Haste.SOME, Haste.MORE, Haste.NONE, Haste.NONE, Haste.MOST, Haste.MORE]


def test_what_proves_nothing_waits_for_the_last_message_and_its_first_probe_no_longer_than_is_usual(hasty):
    t = hasty()
    t.device.planted[b"p"] = lambda _device: []
    probe = (message(b"p", "probe"),)
    seconds = list[float]()
    for haste in Haste:
        t.executor.begin()
        seconds.append(clocked(t, partial(t.executor.run, probe, haste=haste)))
    assert seconds == pytest.approx([1.0, 1.0, 1.0, 1.0, 0.2], abs=0.05)
    for presumed, quick in ((True, False), (True, True)):
        t.executor.begin()
        haste = Haste.MOST if quick else Haste.NONE
        with t.runner.sequential(frozenset({Way.FILLED} if presumed else ()), haste=haste):
            t.device.hungry, t.device.planted = 100, {}
            began = t.executor.now()
            assert t.interface.ladder.climb(closed=False, broken=False, patience=5.0).service.way is Way.FILLED
            assert t.executor.now() - began == pytest.approx(0.7 if quick else 1.3, abs=0.2)


@pytest.mark.parametrize(("filler", "given"), [(0, 1280), (1280, 1280), (256, 1280)])
def test_a_replay_gives_as_many_bytes_at_once_as_it_took_and_the_probe_its_time_before(hasty, filler, given):
    t = hasty()
    t.executor.run((B,))
    t.executor.begin()
    with t.runner.sequential(frozenset({Way.FILLED}), filler=filler, haste=Haste.SOME):
        t.device.hungry = 1000
        t.executor.run((A,), haste=Haste.SOME)
        assert t.executor.overdue
        began = t.executor.now()
        service = t.interface.ladder.climb(closed=False, broken=False, patience=5.0).service
    assert (service.way, service.filler) == (Way.FILLED, given)
    assert t.executor.now() - began == pytest.approx(1.3 if filler == given else 2.3, abs=0.3)


def test_the_bench_may_say_that_no_probe_is_sent_behind_a_message(hasty):
    t = hasty()
    t.executor.eager = False
    assert clocked(t, lambda: t.run(A)) == pytest.approx(1.0)


def test_how_slow_a_device_was_once_is_forgotten(hasty):
    latency = Latency(1.0)
    assert not latency.known
    latency.answered("a", 0.2)
    assert latency.quiet("a") == latency.quiet("b") == pytest.approx(0.8)
    for _ in range(400):
        latency.answered("a", 0.001)
    assert latency.quiet("a") == latency.quiet("b") == pytest.approx(0.02)


def test_a_message_that_takes_long_does_not_make_the_others_wait(hasty):
    latency = Latency(3.0)
    for _ in range(3):
        latency.answered("quick", 0.01)
        latency.answered("slow", 0.5)
    assert (latency.quiet("quick"), latency.quiet("slow")) == (pytest.approx(0.04), pytest.approx(2.0))
    assert latency.quiet("new") == pytest.approx(2.0)
    latency.answered("quick", 0.2)
    for _ in range(30):
        latency.answered("quick", 0.01)
    assert latency.quiet("quick") == pytest.approx(0.04)


@pytest.mark.parametrize(("bent", "seconds"), [(True, 0.4 + 0.05), (False, 1.0 + 0.05)])
def test_a_bent_message_in_the_middle_of_a_case_is_waited_for_twice_as_long_as_any_answer_is(hasty, bent, seconds):
    t = hasty()
    assert clocked(t, lambda: t.run(replace(A, mutated=bent), B)) == pytest.approx(seconds, abs=0.05)


def test_one_that_is_answered_behind_its_time_has_its_time_from_then_on(hasty):
    t = hasty()
    bent = replace(A, mutated=True)
    answers(t, b"a", b"<A>", after=0.42)
    t.run(bent, B)
    assert told(t)[0] == ("a", (b"<A>",), (), b"")
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: t.run(bent, B)) == pytest.approx(1.05, abs=0.05)


def test_a_message_that_is_owed_nothing_is_hardly_waited_for_once_nothing_came_three_times(hasty):
    t = hasty()
    owed_nothing = Send("open", b"<open")
    for _ in range(3):
        assert clocked(t, lambda: t.run(owed_nothing, B)) == pytest.approx(0.2 + 0.05, abs=0.02)
    assert clocked(t, lambda: t.run(owed_nothing, B)) == pytest.approx(0.02 + 0.05, abs=0.02)


def test_a_silent_message_is_a_send_that_waits(hasty):
    t = hasty()
    t.run(Send("a", b"<a>", wait=False))
    assert told(t)[0][0] == "a"
    assert t.executor.probe() is not None
