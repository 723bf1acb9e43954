"""Of which processes a device is made: those of a program that serves by itself, none of this machine's, or unknown."""

import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from targets import whereabouts
from targets.whereabouts import Whereabouts

SERVES = """
import os, socket, subprocess, sys
if sys.argv[1] == "itself":
    server = socket.create_server(("127.0.0.1", int(sys.argv[2])))
else:
    subprocess.Popen([sys.executable, "-c", "input()"])
print("up", flush=True)
input()
"""


def radio(adapter="virtual"):
    return SimpleNamespace(adapter=adapter)


@pytest.fixture
def program():
    """Starts one that listens at a port itself, or only starts another one; its process, and the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = []

    def run(how):
        words = [sys.executable, "-c", SERVES, how, str(port)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"up\n"
        return process, port

    yield run
    for process in started:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_a_program_that_listens_at_the_devices_port_is_the_device(program):
    process, port = program("itself")
    where = Whereabouts([f"tcp:127.0.0.1:{port}"], radio())
    assert where.processes(process.pid) == (process.pid,)


def test_one_in_whose_tree_nobody_does_is_not_and_where_the_device_is_nobody_knows(program):
    process, port = program("not itself")
    assert Whereabouts([f"tcp:127.0.0.1:{port}"], radio()).processes(process.pid) is None


def test_one_that_has_its_port_of_us_is_the_device_with_all_that_it_started(program):
    process, _port = program("not itself")
    found = Whereabouts(["pty:line"], radio()).processes(process.pid)
    assert (found[0], len(found)) == (process.pid, 2)


def test_what_a_program_starts_later_is_known_a_second_later(program, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(whereabouts, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    trees = iter([(7,), (7, 8), (9,)])
    monkeypatch.setattr(whereabouts, "tree_of", lambda _pid: next(trees))
    where, seen = Whereabouts(["unix:there"], radio()), []
    for now, pid in ((100.0, 7), (100.9, 7), (101.1, 7), (101.2, 9)):
        clock[0] = now
        seen.append(where.processes(pid))
    assert seen == [(7,), (7,), (7, 8), (9,)]


@pytest.mark.parametrize(
    ("moniker", "adapter", "elsewhere"),
    [
        ("serial:{hardware}?baudrate=9600", "virtual", True),
        ("serial:{pty}", "virtual", False),
        ("tcp:127.0.0.1:4000", "virtual", False),
        ("tcp:192.0.2.1:4000", "virtual", False),
        ("ble:F0:F1:F2:F3:F4:F5", "usb:0", True),
        ("ble:F0:F1:F2:F3:F4:F5", "virtual", False),
        ("ble:F0:F1:F2:F3:F4:F5", "", False),
    ],
)
def test_where_nobody_was_started_only_hardwares_ports_and_the_air_are_elsewhere(
    tmp_path, monkeypatch, moniker, adapter, elsewhere
):
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == "/sys/class/tty/ttyUSB7/device" or exists(path))
    (tmp_path / "pump").symlink_to("/dev/ttyUSB7")
    words = moniker.format(hardware=tmp_path / "pump", pty="/dev/pts/3")
    assert Whereabouts([words], radio(adapter)).processes(None) == (() if elsewhere else None)
    assert Whereabouts([words, "tcp:127.0.0.1:5000"], radio(adapter)).processes(None) is None
