"""An emulated device in a process of its own lets its time pass at once, where its channel is asked to."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Client:
    """Lines of JSON over a socket file that somebody is about to make."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20.0)
        deadline = time.monotonic() + 20.0
        while self._socket.connect_ex(str(path)):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self._lines = self._socket.makefile("rb")

    def until(self, key):
        """The next entry that has that key."""
        while True:
            if key in (entry := json.loads(self._lines.readline())):
                return entry

    def tell(self, words):
        self._socket.sendall(words.encode() + b"\n")

    def ask(self, words, key="sync"):
        self.tell(words)
        return self.until(key)

    def close(self):
        self._lines.close()
        self._socket.close()


@pytest.fixture
def emulated(tmp_path):
    """Call it with options of `emulate` for a client of the channel of a pump."""
    started = []

    def start(*options):
        words = ["-m", "harness.cli.main", "emulate", "pump-fixed", "--serial", str(tmp_path / "tty"), *options]
        words += ["--channel", f"unix:{tmp_path / 'channel'}"]
        process = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = Client(tmp_path / "channel")
        started.extend([client.close, process.wait, process.terminate])
        return client

    yield start
    for end in reversed(started):
        end()


def test_half_a_minute_passes_at_once_and_all_of_it_is_told(emulated):
    client = emulated("--unpaced")
    assert "pass" in client.until("offers")["offers"]
    first = client.ask("sync 1")["time"]
    began = time.monotonic()
    then = client.ask("pass 30 2")
    assert (then["sync"], time.monotonic() - began < 20.0) == (2, True)
    assert 30.0 <= then["time"] - first < 30.0 + 20.0  # the wall clock goes on, too
    assert client.ask("pass 0 3")["sync"] == 3


@pytest.mark.parametrize("seconds", ["61", "-1", "nan", "inf", "soon", "1e999"])
def test_what_cannot_pass_is_refused_in_words(emulated, seconds):
    client = emulated("--unpaced")
    assert "60 seconds" in client.ask(f"pass {seconds} 1", "error")["error"]
    assert client.ask("sync 2")["sync"] == 2


def test_one_that_keeps_to_the_wall_clock_neither_offers_nor_takes_it(emulated):
    client = emulated()
    assert "pass" not in client.until("offers")["offers"]
    assert "unknown words" in client.ask("pass 1 1", "error")["error"]


def test_whoever_leaves_or_resets_meanwhile_stops_nobody_elses_time(emulated, tmp_path):
    client = emulated("--unpaced")
    leaves = Client(tmp_path / "channel")
    leaves.tell("pass 60 1")
    leaves.close()
    assert client.ask("pass 1 2")["sync"] == 2
    client.tell("pass 60 3")
    client.tell("reset")
    client.tell("sync 4")
    assert {client.until("sync")["sync"], client.until("sync")["sync"]} == {3, 4}


def test_two_clients_time_passes_for_both(emulated, tmp_path):
    one, other = emulated("--unpaced"), Client(tmp_path / "channel")
    one.tell("pass 20 1")
    other.tell("pass 5 2")
    assert (one.until("sync")["sync"], other.until("sync")["sync"]) == (1, 2)
    other.close()
