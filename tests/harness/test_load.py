"""What this machine lost: late beats, crowded cores, held processes; and never more than the time that went by."""

import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import load
from harness.load import BEAT_SECONDS, Load, crowding, is_held, unknown

drawn = settings(deadline=None, derandomize=True, database=None)


class Clock:
    """The monotonic clock, as the script says."""

    def __init__(self, now=100.0):
        self.now = now

    def monotonic(self):
        return self.now


@pytest.fixture
def measured(monkeypatch):
    """A Load whose beats and clock are given, on a machine with `crowd` processes a core, and the process held."""

    def measured(*seconds, crowd=1.0, held=False, unseen=BEAT_SECONDS, device=unknown):
        clock = Clock()
        monkeypatch.setattr(load, "time", clock)
        monkeypatch.setattr(load, "crowding", lambda: crowd)
        monkeypatch.setattr(load, "is_held", lambda pid: held and pid == 7)
        measuring = Load(lambda: (5, 7), device)
        measuring._thread = object()
        for beat in seconds:
            clock.now += beat
            measuring._beat(clock.now)
        clock.now += unseen
        return measuring

    return measured


def eventually(comes, seconds=20.0):
    """True as soon as something comes, False when it did not within some seconds."""
    waited, ended = threading.Event(), time.monotonic() + seconds
    while not (came := comes()) and time.monotonic() < ended:
        waited.wait(0.005)
    return came


def test_a_machine_that_keeps_its_beat_loses_nothing(measured):
    assert measured(BEAT_SECONDS, BEAT_SECONDS, BEAT_SECONDS + 0.009).lost(0.0) == 0.0


def test_the_time_by_which_a_beat_came_late_is_lost(measured):
    assert measured(BEAT_SECONDS, BEAT_SECONDS + 3.0, BEAT_SECONDS).lost(0.0) == pytest.approx(3.0)


def test_with_five_processes_for_a_core_four_fifths_are_lost(measured):
    assert measured(1.0, crowd=5.0).lost(0.0) == pytest.approx(max(0.8, 1.0 - BEAT_SECONDS))
    assert measured(*[BEAT_SECONDS] * 50, crowd=5.0).lost(0.0) == pytest.approx(0.8 * 50 * BEAT_SECONDS)


def test_of_a_device_whose_processes_are_known_what_its_threads_waited_is_lost_whatever_the_crowd(
    monkeypatch, measured
):
    monkeypatch.setattr(load.Queue, "kept", lambda _queue, pids, seconds: {(9,): 0.1, (): 0.0}[tuple(pids)] * seconds)
    beats = [BEAT_SECONDS] * 50
    assert measured(*beats, crowd=5.0, device=lambda: (9,)).lost(0.0) == pytest.approx(0.1 * 50 * BEAT_SECONDS)
    assert measured(*beats, crowd=5.0, device=tuple).lost(0.0) == 0.0
    assert measured(*beats, crowd=5.0).lost(0.0) == pytest.approx(0.8 * 50 * BEAT_SECONDS)
    assert measured(*beats, device=lambda: pytest.fail("nobody waits on a machine with room")).lost(0.0) == 0.0


def test_all_time_in_which_a_process_of_the_bench_is_held_is_lost(measured):
    assert measured(BEAT_SECONDS, BEAT_SECONDS, held=True).lost(0.0) == pytest.approx(2 * BEAT_SECONDS)


def test_only_what_was_lost_since_the_message_counts(measured):
    measuring = measured(1.0, BEAT_SECONDS, 2.0)
    assert measuring.lost(100.5) == pytest.approx(2.0 - BEAT_SECONDS)
    assert measuring.lost(101.0) == pytest.approx(2.0 - BEAT_SECONDS)
    assert measuring.lost(102.0) == 0.0
    assert measured(1.0, 2.0).lost(101.0) == pytest.approx(2.0 - BEAT_SECONDS)  # from the beginning of a beat on


def test_a_stall_that_is_not_over_yet_counts_already(measured):
    assert measured(BEAT_SECONDS, unseen=5.0).lost(0.0) == pytest.approx(5.0 - BEAT_SECONDS)
    assert measured(BEAT_SECONDS, unseen=5.0).lost(103.0) == pytest.approx(2.02 - BEAT_SECONDS)
    assert measured(BEAT_SECONDS, unseen=BEAT_SECONDS + 0.009).lost(0.0) == 0.0


@drawn
@given(
    beats=st.lists(st.floats(0.001, 5.0), max_size=8),
    crowd=st.floats(1.0, 50.0),
    held=st.booleans(),
    unseen=st.floats(0.0, 9.0),
    since=st.floats(0.0, 50.0),
)
def test_never_more_is_lost_than_went_by(beats, crowd, held, unseen, since):
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(load, "time", clock)
        patch.setattr(load, "crowding", lambda: crowd)
        patch.setattr(load, "is_held", lambda _pid: held)
        measuring = Load(lambda: (1,))
        measuring._thread = object()
        for beat in beats:
            clock.now += beat
            measuring._beat(clock.now)
        clock.now += unseen
        since += 100.0
        assert 0.0 <= measuring.lost(since) <= max(0.0, clock.now - since) + 1e-9


def test_no_more_than_two_minutes_are_remembered():
    assert Load()._beats.maxlen * BEAT_SECONDS == pytest.approx(120.0)


def test_what_is_not_measured_is_not_lost():
    assert Load().lost(0.0) == 0.0


def test_it_measures_between_start_and_stop_and_both_may_be_said_twice():
    measuring = Load(lambda: ())
    measuring.start()
    thread = measuring._thread
    measuring.start()
    assert measuring._thread is thread and thread.is_alive() and thread.daemon
    measuring.stop()
    measuring.stop()
    assert not thread.is_alive() and measuring.lost(0.0) == 0.0
    measuring.start()
    assert measuring._thread.is_alive()
    measuring.stop()


def test_beats_follow_one_another_without_a_hole():
    measuring = Load(lambda: ())
    measuring.start()
    assert eventually(lambda: len(measuring._beats) >= 3)
    measuring.stop()
    beats = list(measuring._beats)
    assert all(before.ended == after.began for before, after in pairwise(beats))
    assert all(beat.ended - beat.began >= 0.9 * BEAT_SECONDS for beat in beats)


@pytest.mark.parametrize(
    ("told", "share"), [("0.1 0.2 0.3 9/200 1", 3.0), ("0.1 0.2 0.3 1/200 1", 1.0), ("words", 1.0), ("1 2 3 x/y", 1.0)]
)
def test_crowding_is_runnable_processes_by_core_and_at_least_one(monkeypatch, told, share):
    monkeypatch.setattr(Path, "read_text", lambda path: {"/proc/loadavg": told}[str(path)])
    monkeypatch.setattr(load.os, "sched_getaffinity", lambda pid: {0: {0, 1, 2}}[pid])
    assert crowding() == share


def test_a_system_that_does_not_tell_is_not_crowded(monkeypatch):
    def no_such_file(_path):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", no_such_file)
    assert crowding() == 1.0


@pytest.mark.parametrize(
    ("stat", "held"),
    [(b"7 (a) T 1 2", True), (b"7 (a) t 1 2", True), (b"7 (a) S 1", False), (b"7 (a) T (b) R 1", False), (b"", False)],
)
def test_a_process_is_held_where_its_state_says_so_whatever_its_name(monkeypatch, stat, held):
    monkeypatch.setattr(load, "stat_of", {7: stat}.__getitem__)
    assert is_held(7) is held


def test_a_process_that_a_signal_stops_is_held_until_it_is_continued():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert not is_held(process.pid)
        process.send_signal(signal.SIGSTOP)
        assert eventually(lambda: is_held(process.pid))
        process.send_signal(signal.SIGCONT)
        assert eventually(lambda: not is_held(process.pid))
        process.stdin.close()
    assert not is_held(process.pid)
