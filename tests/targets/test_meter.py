"""What a program of the bench's own holds and how busy it is, as Linux tells it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.bench import load_bench
from harness.errors import TargetError, UsageError
from harness.tasks import tree_of
from harness.transcript import LIMIT, WORN
from harness.transports import tcp  # noqa: F401  its schemes
from targets.meter import Meter
from targets.proc import descriptors_of, keeps_memory, memory_of, pulse_of
from targets.process import OwnProcess
from targets.served import ServedTarget

PYTHON = sys.executable


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


@pytest.fixture
def program():
    """Starts Python programs that say `up` and listen for lines, which they execute; ends them."""
    started = []

    def start(code="pass"):
        talk = f"import os, sys, threading, time\n{code}\nprint('up', flush=True)\n"
        talk += "for line in sys.stdin:\n    exec(line)\n    print('done', flush=True)"
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        one = subprocess.Popen([PYTHON, "-c", talk], start_new_session=True, **pipes)
        started.append(one)
        assert one.stdout.readline() == "up\n"
        return one

    yield start
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.communicate()


def does(program, line):
    program.stdin.write(line + "\n")
    program.stdin.flush()
    assert program.stdout.readline() == "done\n"


def test_what_it_holds_is_counted(program):
    it = program("kept = []")
    pid, before = it.pid, (descriptors_of(it.pid), memory_of(it.pid), pulse_of(it.pid).threads)
    does(it, "kept += [os.dup(0) for _ in range(7)]; kept.append(os.urandom(9 << 20))")
    does(it, "[threading.Thread(target=time.sleep, args=(99,), daemon=True).start() for _ in range(3)]")
    assert descriptors_of(pid) - before[0] == 7
    assert 9 << 20 <= memory_of(pid) - before[1] < 11 << 20
    assert pulse_of(pid).threads - before[2] == 3


def test_what_it_started_belongs_to_it_also_what_has_ended_and_is_not_taken_away(program):
    it = program()
    does(it, "os.spawnlp(os.P_NOWAIT, 'sleep', 'sleep', '60'); os.spawnlp(os.P_NOWAIT, 'true', 'true')")
    assert len(tree_of(it.pid)) == 3


def test_of_a_process_that_is_no_more_nothing_is_told(program):
    it = program()
    it.kill()
    it.wait()
    assert (pulse_of(it.pid), tree_of(it.pid), descriptors_of(it.pid), memory_of(it.pid)) == (None, (it.pid,), 0, 0)
    assert keeps_memory(it.pid)


def test_a_plain_program_gives_memory_back_and_one_with_a_collector_keeps_it(program, tmp_path):
    assert not keeps_memory(program().pid)
    (copied := tmp_path / "node").write_bytes(Path("/bin/sleep").read_bytes())
    copied.chmod(0o755)
    one = subprocess.Popen([copied, "60"])
    try:
        until(lambda: b"node" in Path(f"/proc/{one.pid}/cmdline").read_bytes())
        assert keeps_memory(one.pid)
    finally:
        one.kill()
        one.wait()


def test_a_quiet_program_is_sampled_and_a_busy_one_is_busy(program):
    it = program("kept = []")
    meter = Meter(it.pid)
    try:
        until(lambda: meter.samples(0.0) and meter.was_idle)
        does(it, "kept += [os.dup(0) for _ in range(5)]")
        until(lambda: meter.samples(0.0)[-1].descriptors - meter.samples(0.0)[0].descriptors == 5)
        assert meter.awake(0.2).awake < 0.5
        since = time.monotonic()
        it.stdin.write("while True: pass\n")
        it.stdin.flush()
        found = meter.awake(0.5)
        assert found.awake > 0.9 and 0.0 < found.ran < 1.1
        assert meter.busy(since) > 0.0
        assert meter.busy(time.monotonic()) is None
    finally:
        meter.stop()


def test_a_meter_ends_with_its_process_and_when_it_is_told_to(program):
    it, before = program(), threading.active_count()
    meters = Meter(it.pid), Meter(it.pid)
    meters[0].stop()
    it.kill()
    it.wait()
    until(lambda: threading.active_count() == before)
    meters[1].stop()


def test_more_memory_than_the_bench_allows_ends_a_program_by_the_benchs_own_hand():
    hungry = "import time\nkept = b'x' * (200 << 20)\ntime.sleep(60)"
    device = OwnProcess([PYTHON, "-c", hungry])
    device.measure(100 << 20)
    try:
        assert until(lambda: device.ended(0.1)).startswith("the bench's own limit: it held more ")
        assert device.ended().endswith("[target] memory allows, 100 MiB")
    finally:
        device.stop()


BENCH = """
[target]
kind = "process"
name = "hungry"
command = ["{python}", "server.py"]
settle = 0.1
memory = "100M"
[interfaces.main]
transport = "unix:{socket}"
protocol = "hl7_mllp"
"""
SERVER = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    link, _ = listener.accept()
    if link.recv(9) == b"eat":
        kept = b"x" * (200 << 20)
"""


def hungry(tmp_path, memory='memory = "100M"'):
    place = tmp_path / "socket"
    (tmp_path / "server.py").write_text(SERVER)
    text = BENCH.format(python=PYTHON, socket=place).replace('"server.py"]', f'"server.py", "{place}"]')
    (tmp_path / "bench.toml").write_text(text.replace('memory = "100M"', memory))
    return place, tmp_path / "bench.toml"


def test_the_end_of_a_program_by_the_benchs_limit_is_no_exit(tmp_path):
    place, bench = hungry(tmp_path)
    target = ServedTarget(load_bench(bench))
    try:
        target.start()
        assert target.measured
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(place))
            link.sendall(b"eat")
            (event,) = until(target.take_events)
        assert event.kind == LIMIT and event.detail["status"].endswith("memory allows, 100 MiB")
        place.unlink()
        target.reset()
        target.begin_anew()
        assert [event.kind for event in target.take_events()] == [WORN]
        place.unlink()
        target.reset()
        assert not target.take_events()
    finally:
        target.stop()


def test_a_program_that_needs_more_to_come_up_is_told_why_it_did_not(tmp_path):
    _place, bench = hungry(tmp_path)
    (tmp_path / "server.py").write_text("import time\nkept = b'x' * (200 << 20)\ntime.sleep(9)")
    target = ServedTarget(load_bench(bench))
    with pytest.raises(TargetError, match=r"with the bench's own limit: it held more than .* memory allows, 100 MiB"):
        target.start()


@pytest.mark.parametrize("size", ["512", "0M", "-1M", "512 MB", "M", "512m"])
def test_what_is_no_size_is_refused(tmp_path, size):
    _place, bench = hungry(tmp_path, f'memory = "{size}"')
    with pytest.raises(UsageError, match=r"\[target.memory\] '.*' is no size: write a number and K, M or G"):
        load_bench(bench)


def test_an_emulator_in_the_devices_place_is_not_watched(tmp_path):
    _place, bench = hungry(tmp_path, 'channel = "tcp:127.0.0.1:0"')
    assert not ServedTarget(load_bench(bench)).measured
    _place, bench = hungry(tmp_path, "")
    bench.write_text(bench.read_text() + "[monitors]\nresources = false\n")
    assert not ServedTarget(load_bench(bench)).measured
