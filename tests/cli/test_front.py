"""`medfuzz front` as a user calls it, its names, and what `check` says of a line that echoes."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.assembly.echo import echo_seen
from harness.transcript import Exchange
from targets.serving.dirty import Proxy
from targets.serving.dirty_process import Supervised

ROOT = Path(__file__).parents[2]
MEDFUZZ = [sys.executable, "-m", "harness.cli.main"]
DEVICE = ROOT / "tests" / "targets" / "dirty_device.py"
PROTOCOL = """
import boofuzz
from harness.interfaces import FrameKind, State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

hello = Message(boofuzz.Request("hello", children=(boofuzz.String("name", "hello"), boofuzz.Static("end", "\\n"))))
PROTOCOL = Protocol("mine", {"hello": hello}, (Edge("", "hello"),), Wire(), {"on": State("on", ())}, hello.send())
"""


@contextlib.contextmanager
def front(*words):
    """The program, and where it serves."""
    with subprocess.Popen(
        [*MEDFUZZ, "front", *map(str, words)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            yield process, process.stdout.readline().rstrip()
        finally:
            process.terminate()


def test_a_front_starts_the_device_and_tells_in_the_end_what_was_done(tmp_path):
    words = ["tcp:127.0.0.1:0", f"unix:{tmp_path}/device", "--bench-faults", "greeting=HI,watchdog=0.1"]
    with front(*words, "--", sys.executable, DEVICE, tmp_path / "device") as (process, said):
        place, _colon, told = said.partition(": ")
        assert told == f"in front of unix:{tmp_path}/device, with greeting=HI,watchdog=0.1"
        assert answered(place) == b"HI\r\nok:hello\n"
        os.kill(process.pid, signal.SIGTERM)
        assert "greeting " in process.stdout.read()
        assert process.wait(60) == 0


def answered(place):
    """What comes first and the answer to a line, once the device has started."""
    for _ in range(2000):
        host, port = place.removeprefix("tcp:").split(":")
        with contextlib.suppress(ConnectionError), socket.create_connection((host, int(port)), 20.0) as ours:
            ours.sendall(b"hello\n")
            came = b""
            while not came.endswith(b"hello\n") and (data := ours.recv(100)):
                came += data
            if came:
                return came
        time.sleep(0.03)
    return b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tcp:127.0.0.1:0", "tcp:127.0.0.1:9", "--bench-faults", "ecko"], "Did you mean 'echo'"),
        (["tcp:0.0.0.0:0", "tcp:127.0.0.1:9"], "say --open"),
        (["ble:x", "tcp:127.0.0.1:9"], "pty:PATH"),
        (["pty:x", "ble:x", "--bench-faults", "one-slot"], "one-slot is none of a serial link"),
        (["pty:/nowhere/x", "tcp:127.0.0.1:9"], "cannot make the link"),
    ],
)
def test_words_that_are_none_are_told_in_a_line(medfuzz, words, said):
    code, _out, err = medfuzz("front", *words)
    assert (code in (2, 3), len(err), said in err[0]) == (True, 1, True), err


def test_bench_faults_are_listed_with_their_links(medfuzz):
    code, out, _err = medfuzz("list", "bench-faults")
    assert code == 0
    assert "paced=9600           pty tcp  a line of so many baud, byte by byte" in out
    assert any(line.startswith("odd-name             ble ") for line in out)


def exchange(sent, *, replies=(), unsolicited=(), stray=b""):
    return Exchange("probe", sent, tuple(replies), tuple(unsolicited), stray, 0.0, 1.0, bool(replies), True)


@pytest.mark.parametrize(
    ("moniker", "seen", "told"),
    [
        ("serial:x", exchange(b"ping", replies=[b"pingpong"]), "add ?echo=on"),
        ("serial:x?baudrate=9600", exchange(b"ping", unsolicited=[b"pi", b"ng"]), "add &echo=on"),
        ("tcp:h:1", exchange(b"ping", replies=[b"pong"], stray=b"ping"), "add ?echo=on"),
        ("tcp:h:1?echo=off", exchange(b"ping", replies=[b"ping"]), ""),
        ("ble:x", exchange(b"ping", replies=[b"ping"]), ""),
        ("tcp:h:1", exchange(b"ping", replies=[b"pong"]), ""),
        ("tcp:h:1", exchange(b"", unsolicited=[b"x"]), ""),
    ],
)
def test_an_echo_is_told_by_its_bytes(moniker, seen, told):
    said = echo_seen(moniker, [seen])
    assert (told in said) if told else (said == "")


@pytest.mark.parametrize(("options", "code"), [("", 3), ("?echo=on", 0), ("?echo=off", 0)])
def test_check_says_that_a_line_echoes(medfuzz, tmp_path, options, code):
    process = Supervised([sys.executable, str(DEVICE), str(tmp_path / "device")])
    with Proxy(f"unix:{tmp_path}/device", "tcp:127.0.0.1:0", process=process) as proxy:
        assert answered(proxy.moniker) == b"ok:hello\n"
        proxy.switch("echo")
        (tmp_path / "mine.py").write_text(PROTOCOL)
        (tmp_path / "b.toml").write_text(
            '[target]\nkind = "external"\nname = "x"\narmed = true\n[interfaces.main]\nprotocol = "mine.py"\n'
            f'transport = "{proxy.moniker}{options}"\nreply_timeout = 0.3\n'
        )
        ended, out, _err = medfuzz("check", tmp_path / "b.toml")
        echoes = [line for line in out if "the line echoes: add ?echo=on" in line]
        assert (ended, len(echoes)) == (code, 1 if code else 0), out
