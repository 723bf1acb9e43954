"""What a program keeps and how busy it is, on a target that measures what it is told to."""

import pytest
from toy import case, message

from harness.case import Reconnect, Wait
from harness.errors import OwnError
from harness.finding import bucket_of
from harness.interfaces import Meters
from harness.monitors.resources import ResourceMonitor, repetition_of
from harness.monitors.spin import SpinMonitor
from harness.transcript import LIMIT, WORN, Exchange, TargetEvent, Transcript
from harness.usage import Usage, Wakefulness
from harness.verdict import Kind

READ, WRITE, BENT = message(b"read"), message(b"write"), message(b"bad", mutated=True, wait=False)
BLOCKS, EACH = 12, 40


class Metered:
    """Samples as `held` says for so many repetitions; `later` is what it holds behind the case. Time is its own."""

    measured, was_idle = True, True

    def __init__(self, held=None, later=None, shares=()):
        self.held, self.later, self.shares, self.time, self.anew = held, later, list(shares), 0.0, 0

    def usage(self, since):
        if since > BLOCKS:
            return [self.later] if self.later else []
        return [self.held(number * EACH, number + 0.9) for number in range(1, BLOCKS)]

    def busy(self, since):
        return self.shares.pop(0) if self.shares else None

    def awake(self, seconds):
        self.time += seconds
        found = self.sleeps.pop(0)
        return found and Wakefulness(*found)

    def begin_anew(self):
        self.anew += 1

    def now(self):
        return self.time

    def advance(self, seconds):
        self.time += seconds


def usage(time, descriptors=5, processes=1, threads=1, memory=1 << 20):
    return Usage(time, descriptors, processes, threads, memory)


def repeated(*unit):
    return case(*((*unit * EACH, Wait(0.08)) * BLOCKS))


def transcript(of, **options):
    sends = [step for step in of.steps if hasattr(step, "data")]
    step = BLOCKS / len(sends)
    exchanges = tuple(
        Exchange(s.message, s.data, (b"<R>",), (), b"", n * step, (n + 1) * step - 1e-6, True)
        for n, s in enumerate(sends)
    )
    return Transcript(of.id, exchanges, 0.0, float(BLOCKS), **{"probe_served": True} | options)


def seen(target, of=None, monitor=None, **options):
    of = of or repeated(READ)
    target.time = BLOCKS + 0.1
    return (monitor or ResourceMonitor(target, 35.0)).observe(of, transcript(of, **options))


def test_the_target_of_these_tests_is_one():
    assert isinstance(Metered(), Meters)


def test_memory_that_grows_with_each_message_is_told_with_the_slope():
    target = Metered(lambda n, t: usage(t, memory=(1 << 20) + 16384 * n), usage(60.0, memory=16384 * 460))
    (told,) = seen(target)
    assert told.summary.startswith("the program keeps 16,384 bytes of memory with each read: ")
    assert (told.kind, told.fingerprint, told.detail["weakness"]) == (Kind.RESOURCE_LEAK, ("memory", "read"), "CWE-401")
    assert target.anew == 1


@pytest.mark.parametrize(
    ("what", "words", "weakness"),
    [
        ("descriptors", "keeps 1 descriptor with each connection: ", "CWE-775"),
        ("threads", "keeps 1 thread with each connection: ", "CWE-772"),
        ("processes", "keeps 1 process with each connection: ", "CWE-772"),
    ],
)
def test_what_is_kept_of_a_connection_is_the_connections_whatever_was_said_on_it(what, words, weakness):
    monitor = None
    for name in (READ, WRITE):
        target = Metered(lambda n, t: usage(t, **{what: 5 + n}), usage(60.0, **{what: 480}))
        monitor = monitor or ResourceMonitor(target, 35.0)
        monitor._target = target
        (told,) = seen(target, repeated(Reconnect(), name), monitor)
        assert words in told.summary and told.fingerprint == (what, "connection")
        assert told.detail["weakness"] == weakness


def test_threads_that_are_kept_are_told_and_their_memory_is_not():
    target = Metered(lambda n, t: usage(t, threads=n, memory=16384 * n), usage(60.0, threads=480, memory=16384 * 460))
    assert [told.fingerprint for told in seen(target)] == [("threads", "read")]


def test_memory_that_grows_while_connections_are_still_open_is_theirs():
    target = Metered(lambda n, t: usage(t, threads=n // 10, memory=16384 * n), usage(60.0, memory=16384 * 460))
    assert seen(target) == ()


def test_what_is_given_back_within_the_time_is_no_leak():
    target = Metered(lambda n, t: usage(t, descriptors=5 + n), usage(60.0, descriptors=9))
    assert seen(target) == () and target.anew == 0


def test_what_is_kept_is_given_its_time_once_and_a_replay_a_second():
    target = Metered(lambda n, t: usage(t, descriptors=5 + n), usage(60.0, descriptors=480))
    monitor = ResourceMonitor(target, 35.0)
    assert seen(target, monitor=monitor) and target.time > BLOCKS + 35
    assert seen(target, monitor=monitor) and target.time < BLOCKS + 2


def test_what_is_given_back_late_is_waited_for_each_time_and_after_twice_not_looked_at_any_more():
    target = Metered(lambda n, t: usage(t, threads=5 + n), usage(60.0, threads=9))
    monitor = ResourceMonitor(target, 35.0)
    for patience in (0.2, 0.2, 0.0):
        assert seen(target, monitor=monitor) == ()
        assert target.time >= BLOCKS + patience
    assert target.time < BLOCKS + 0.2


def test_what_grows_by_itself_is_no_messages_doing():
    target = Metered(lambda n, t: usage(t, memory=16384 * n), usage(20.0, memory=200 << 20))
    assert seen(target) == ()


def test_nothing_is_told_of_memory_that_a_runtime_keeps_or_of_nothing_measured_behind_the_case():
    assert seen(Metered(lambda n, t: usage(t, memory=None))) == ()
    assert seen(Metered(lambda n, t: usage(t, memory=16384 * n), None)) == ()


def test_what_was_not_served_or_restarted_or_is_not_measured_is_not_compared():
    target = Metered(lambda n, t: usage(t, memory=16384 * n), usage(60.0, memory=16384 * 460))
    assert seen(target, probe_served=False) == ()
    assert seen(target, events=(TargetEvent(WORN, 1.0),)) == ()
    assert seen(target, monitor=ResourceMonitor(target, 35.0, measured=False)) == ()
    assert len(seen(target)) == 1


def test_a_bent_message_that_keeps_no_more_than_a_connection_does_is_the_connections():
    target = Metered(lambda n, t: usage(t, descriptors=5 + n), usage(60.0, descriptors=480))
    monitor = ResourceMonitor(target, 1.0)
    ours = [seen(target, repeated(Reconnect(), READ), monitor)]
    target.held = lambda n, t: usage(t, descriptors=5 + 2 * n)
    target.later = usage(60.0, descriptors=920)
    broken = repeated(Reconnect(), BENT, Reconnect(), READ)
    ours.append(seen(target, broken, monitor))
    target.held = lambda n, t: usage(t, descriptors=5 + 3 * n)
    target.later = usage(60.0, descriptors=1380)
    ours.append(seen(target, broken, monitor))
    assert [told.fingerprint[1] for (told,) in ours] == ["connection", "connection", "bad"]
    assert len({bucket_of(told) for (told,) in ours}) == 2


def test_what_three_messages_keep_alike_is_one_leak_for_all_others():
    target = Metered(lambda n, t: usage(t, memory=16384 * n), usage(60.0, memory=16384 * 460))
    monitor = ResourceMonitor(target, 1.0)
    names = [seen(target, repeated(message(word)), monitor)[0].fingerprint[1] for word in (b"a", b"b", b"c", b"d")]
    assert names == ["a", "b", "c", "a"]


def test_a_case_that_repeats_little_repeats_nothing():
    assert repetition_of(case(*[READ] * 63)) is None
    assert repetition_of(case(*[Wait(0.1)] * 90)) is None
    assert repetition_of(case(*[READ] * 70)).times == 70


def test_the_bench_that_ended_its_program_says_so_and_blames_nobody():
    events = (TargetEvent(LIMIT, 1.0, {"status": "the bench's own limit: it held more"}),)
    with pytest.raises(OwnError, match=r"ended by the bench's own limit: it held more\. Give it more"):
        seen(Metered(), events=events)


def spins(awake, *, share=1.0, idle=True, served=True, spent=0.0, endless=2.7):
    target = Metered(shares=[share])
    target.was_idle, target.time, target.sleeps = idle, 100.0, list(awake)
    monitor = SpinMonitor(target, endless)
    monitor._began, monitor._spent = 0.0, spent
    of = case(READ)
    return monitor.observe(of, transcript(of, probe_served=served)), target


def test_a_thread_that_does_not_sleep_for_seconds_with_nothing_to_do_spins():
    (told,), target = spins([(1.0, 1.0, 1.0), (1.0, 0.4, 0.4)])
    assert (told.kind, told.blames, told.timed, told.detail["weakness"]) == (Kind.SPIN, "read", True, "CWE-835")
    assert told.detail["ran"] == "40% of a processor core" and target.anew == 1


def test_the_first_one_must_have_no_end_for_longer():
    busy = (1.0, 1.0, 1.0)
    assert spins([busy] * 14, endless=35.0)[0]
    assert not spins([*[busy] * 13, (0.2, 0.2, 0.2)], endless=35.0)[0]


def test_threads_that_take_turns_spin_together():
    (told,), _target = spins([(0.4, 0.3, 1.0), (0.4, 0.3, 1.0)])
    assert told.kind is Kind.SPIN


@pytest.mark.parametrize(
    ("awake", "options"),
    [
        ([], {"share": 0.01}),
        ([], {"share": None}),
        ([None], {}),
        ([(0.5, 0.5, 0.6)], {}),
        ([(1.0, 1.0, 1.0), (0.8, 0.8, 0.8)], {}),
        ([(1.0, 0.05, 0.05)] * 2, {}),
        ([(1.0, 1.0, 1.0)] * 2, {"idle": False}),
        ([(1.0, 1.0, 1.0)] * 2, {"served": False}),
        ([(1.0, 1.0, 1.0)] * 2, {"spent": 50.0}),
    ],
    ids=[
        "idle",
        "unknown",
        "not told",
        "busy for us",
        "work ends",
        "waits",
        "polls by nature",
        "silent",
        "asked enough",
    ],
)
def test_a_program_that_works_does_not_spin(awake, options):
    found, target = spins(awake, **options)
    assert (found, target.anew) == ((), 0)


def test_how_busy_it_is_is_asked_four_times_a_second_at_most():
    target = Metered(shares=[0.01, 0.01])
    target.time, monitor, of = 1.0, SpinMonitor(target, 3.0), case(READ)
    for _ in range(10):
        monitor.observe(of, transcript(of))
    assert len(target.shares) == 1
