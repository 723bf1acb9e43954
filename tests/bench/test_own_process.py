"""A device that is a process of ours: it ends with us, however we end, and takes along what it started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from served_device import ENVIRONMENT, MEDFUZZ, PUMP, Program, write_process_bench

from harness.assembly.assemble import assemble
from targets.process import OwnProcess

FIXED = PUMP / "pump-fixed.elf"


def ended(number):
    """True when no process has this id, or only its remains are left."""
    try:
        return "Z" in Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


KILLED = """
import os, sys, time
from targets.process import OwnProcess
device = OwnProcess(sys.argv[1:])
print(device.pid, flush=True)
time.sleep(60.0)
"""


@pytest.mark.parametrize("device", ["sleep 60", "trap '' TERM; while :; do sleep 0.1; done", "sleep 60 & sleep 60"])
def test_a_device_of_ours_ends_with_us_also_when_we_are_killed(device):
    words = [sys.executable, "-c", KILLED, "/bin/sh", "-c", device]
    with subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as ours:
        group = int(ours.stdout.readline())
        assert not ended(group)
        ours.kill()
    until(lambda: ended(group), 30.0)


def test_what_a_device_started_ends_with_it(tmp_path):
    device = OwnProcess(["/bin/sh", "-c", f"sleep 60 & echo $! > {tmp_path}/child; sleep 0.1; exit 3"])
    assert device.ended(30.0) == "exit status 3"
    until(lambda: ended(int((tmp_path / "child").read_text())), 30.0)
    assert device.ended() == "exit status 3"
    device.stop()


def test_after_a_killed_run_the_next_one_finds_its_ports_free(programs, tmp_path, ports):
    bench = write_process_bench(tmp_path / "b.toml", ports, FIXED)
    run = programs(Program(tmp_path, "run", bench, "--time", "60s", "--seed", "1", "--out", "run"))
    until((tmp_path / "own.tty").is_symlink, 60.0)
    run.signal(signal.SIGKILL)
    run.wait(30.0)
    assembly = assemble(bench, seed=0)
    try:
        assembly.runner.start()
        assert assembly.runner.interfaces["network"].executor.probe() is not None
    finally:
        assembly.runner.stop()
    assert not (tmp_path / "own.tty").is_symlink()


def test_emulate_goes_on_without_a_terminal_or_a_parent(tmp_path):
    link, script = tmp_path / "hand.tty", 'trap "" HUP; "$@" <&- >/dev/null 2>&1 & echo $!'
    words = [*MEDFUZZ, "emulate", "pump", "--elf", str(FIXED), "--serial", str(link)]
    shell = subprocess.run(["/bin/sh", "-c", script, "sh", *words], env=ENVIRONMENT, capture_output=True, check=True)
    number = int(shell.stdout)
    try:
        until(link.is_symlink, 60.0)
        time.sleep(1.5)
        assert not ended(number)
    finally:
        os.kill(number, signal.SIGTERM)
    until(lambda: not link.is_symlink(), 30.0)
