"""For how long a program was kept from a processor: what its threads have waited, told late or not told yet."""

import subprocess
import sys

import pytest

from harness import tasks
from harness.tasks import Queue, holders_of, threads_of, tree_of

SECOND = 1_000_000_000
BEAT = 0.02


@pytest.fixture
def told(monkeypatch):
    """A queue, and looks at threads of a program: (seconds run, seconds waited, ready) each."""
    queue, threads = Queue(), {}

    def contents(place):
        ran, waited, ready = threads[place.rpartition("/")[0]]
        if place.endswith("stat") and not place.endswith("schedstat"):
            return b"7 (a) b) " + (b"R" if ready else b"S") + b" 1"
        return b"%d %d 3" % (ran * SECOND, waited * SECOND)

    def look(*seen, seconds=BEAT):
        threads.clear()
        threads.update({f"/proc/7/task/{number}": one for number, one in enumerate(seen)})
        monkeypatch.setattr(tasks, "tasks_of", lambda _pid: list(threads))
        monkeypatch.setattr(tasks, "contents", contents)
        return queue.kept((7,), seconds)

    return look


def test_what_was_waited_before_the_first_look_is_not_told(told):
    assert told((5.0, 9.0, False)) == 0.0
    assert told((5.0, 9.0, False)) == 0.0


def test_what_a_thread_waited_since_the_last_look_is(told):
    told((5.0, 9.0, False))
    assert told((5.001, 9.015, False)) == pytest.approx(0.015)
    assert told((5.002, 9.015, True)) == 0.0


def test_a_thread_that_is_ready_and_has_not_run_waits_although_the_system_does_not_tell_yet(told):
    told((5.0, 9.0, False))
    assert [told((5.0, 9.0, True)) for _ in range(3)] == [BEAT] * 3
    assert told((5.0001, 9.065, True)) == pytest.approx(0.005)  # of which 60 ms were told before
    assert told((5.0, 9.065, False)) == 0.0


def test_a_program_that_sleeps_is_kept_from_nothing(told):
    told((5.0, 9.0, False))
    assert told((5.0, 9.0, False)) == 0.0


def test_threads_that_hand_on_to_one_another_wait_together_but_not_while_one_runs(told):
    told((1.0, 1.0, False), (1.0, 1.0, False))
    assert told((1.001, 1.008, False), (1.001, 1.009, False)) == pytest.approx(0.017)
    assert told((1.011, 1.014, False), (1.001, 1.017, False)) == pytest.approx(0.010)


def test_a_thread_that_was_started_since_counts_from_its_start(told):
    told((1.0, 1.0, False))
    assert told((1.0, 1.0, False), (0.0, 0.007, False)) == pytest.approx(0.007)


def test_no_more_is_told_than_went_by(told):
    told((1.0, 1.0, False), (1.0, 1.0, False))
    assert told((1.0001, 4.0, False), (1.0001, 5.0, False)) == BEAT


def test_where_the_system_tells_nothing_nothing_is_waited(monkeypatch):
    monkeypatch.setattr(tasks, "contents", lambda _place: b"")
    assert Queue().kept((1,), BEAT) == 0.0


def test_a_running_program_its_children_and_what_it_holds_open(tmp_path):
    (tmp_path / "held").write_text("")
    child = "print('up', flush=True); input()"
    words = "import subprocess, sys; f = open(sys.argv[1]); subprocess.run([sys.executable, '-c', sys.argv[2]])"
    command, pipes = (
        [sys.executable, "-c", words, tmp_path / "held", child],
        {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE},
    )
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, **pipes) as parent:
        assert parent.stdout.readline() == b"up\n"  # it is its own program by now, and has nothing of its parent's
        tree = tree_of(parent.pid)
        assert (tree[0], len(tree)) == (parent.pid, 2)
        assert len(threads_of(tree)) >= 2
        assert holders_of(str(tmp_path / "held")) == (parent.pid,)
        parent.stdin.close()
    assert (threads_of((parent.pid,)), holders_of(str(tmp_path / "held"))) == ({}, ())
