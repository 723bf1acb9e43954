"""What `run` would stumble over while it runs is said by `check`, and by `run` before anything starts, in one way."""

import contextlib
import json
import socket
import sys
import threading

import pytest

from harness.scope import REMEDY

PROTOCOL = """
import boofuzz
from harness.case import Stimulate
from harness.interfaces import State
from protocols.model import Edge, Message, Protocol
from protocols.wire import LazyFields, Wire
from harness.interfaces import Frame, FrameKind

def told(data):
    return Frame(FrameKind.REPLY, data, LazyFields(lambda data: {"mode": data[0]}, data))

class Modes(Wire):
    def split(self, buffer):
        return tuple(told(bytes([byte])) for byte in buffer), b""
    def expects_reply(self, sent):
        return True

def message(name, code):
    return Message(boofuzz.Request(name, children=(boofuzz.Byte("code", code, fuzzable=False),)))

ASK, UP = message("ask", 0x3f), message("up", 0x2b)
STATES = {
    "low": State("low", (), {"mode": 0}),
    "high": State("high", (UP.send(),), {"mode": 1}),
    "pressed": State("pressed", (Stimulate("key", 1),), {"mode": 0}),
}
PROTOCOL = Protocol("modes", {"ask": ASK, "up": UP}, (Edge("", "ask"), Edge("", "up")), Modes(), STATES, ASK.send(),
    reply_timeout=0.3, waits=())
"""


@pytest.fixture
def device():
    """A device that goes up at `+`, never comes down, and tells its mode after every byte; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    mode = [0]

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(ConnectionError):
                while data := connection.recv(4096):
                    for byte in data:
                        mode[0] |= byte == ord("+")
                        connection.sendall(bytes(mode))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5.0)


@pytest.fixture
def bench(tmp_path, device):
    """Writes a bench of that device with these states and what else stands in it."""

    def write(states, more=""):
        (tmp_path / "modes.py").write_text(PROTOCOL)
        (tmp_path / "b.toml").write_text(
            '[target]\nkind = "external"\narmed = true\nname = "x"\nsettle = 0.0\n'
            f'[interfaces.main]\nprotocol = "modes.py"\ntransport = "tcp:127.0.0.1:{device}"\nstates = {states}\n{more}'
        )
        return "b.toml"

    return write


def both(medfuzz, name):
    """What `check` and `run` end with: exit code, lines, error lines."""
    return medfuzz("check", name), medfuzz("run", name, "--cases", "60", "--out", "run")


@pytest.mark.parametrize(
    ("states", "more", "words"),
    [
        ('["low", "pressed"]', "", "states: 'pressed' needs 'key', which the bench does not have under [stimuli]"),
        ('["low"]', "[stimuli.key]\n", '[stimuli.key] needs command = ["PROGRAM", "{value}"] or [target] channel'),
        ('["low"]\nfuzzers = ["enumerat"]', "", "'enumerate'"),
    ],
)
def test_what_cannot_work_is_refused_by_both_before_anything_starts(medfuzz, bench, tmp_path, states, more, words):
    checked, ran = both(medfuzz, bench(states, more))
    assert checked == ran
    assert (ran[0], ran[1], len(ran[2])) == (2, [], 1)
    assert words in ran[2][0]
    assert not (tmp_path / "run").exists()


def test_states_that_the_fuzzers_leave_out_are_named_by_both(medfuzz, bench, tmp_path):
    key = f'[stimuli.other]\ncommand = ["{sys.executable}", "-c", ""]\n'
    checked, _ran = both(medfuzz, bench("[]", key))
    lines = [line.split(maxsplit=2) for line in checked[1]]
    assert ["state", "main/pressed", "not"] in [line[:2] + line[2].split()[:1] for line in lines]
    why = next(line for line in checked[1] if "main/pressed" in line)
    assert why.endswith("needs 'key', which the bench does not have under [stimuli]")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["out_of_scope"]["state main/pressed"] in why
    assert any(line.endswith(": main/pressed") for line in _ran[1])


def test_a_state_that_cannot_be_come_back_to_fails_in_both_in_the_same_words(medfuzz, bench):
    checked, ran = both(medfuzz, bench('["low", "high"]'))
    assert (checked[0], ran[0]) == (3, 4)
    words = "state 'low' of 'main' cannot be reached: "
    results = {tuple(line.split()[1:4]): line for line in checked[1] if line.startswith("state ")}
    assert [key[1] for key in results] == ["ok", "ok", "again"]
    line = results["main/low", "again", "FAILED"]
    assert words in line and line.endswith(f". {REMEDY}")
    assert any(words in line and line.startswith("bench fault: ") for line in ran[1])
    assert any(line.startswith("not a pass: ") and "cases were left out" in line for line in ran[1])


def test_check_tries_the_reset(medfuzz, bench, tmp_path):
    name = bench('["high"]')
    line = next(line for line in medfuzz("check", name)[1] if line.startswith("reset "))
    assert (line.split()[1], "reset_command" in line) == ("none", True)
    text = (tmp_path / name).read_text()
    for program, code, result in (("pass", 0, "ok"), ("raise SystemExit(1)", 3, "FAILED")):
        command = f'reset_command = ["{sys.executable}", "-c", "open(\'tried\', \'w\'); {program}"]\n'
        (tmp_path / name).write_text(text.replace('name = "x"\n', f'name = "x"\n{command}'))
        (tmp_path / "tried").unlink(missing_ok=True)
        given, out, _err = medfuzz("check", name)
        assert (given, (tmp_path / "tried").exists()) == (code, True)
        assert next(line for line in out if line.startswith("reset ")).split()[1] == result


def test_monitors_that_nothing_was_recorded_for_are_one_line(medfuzz, bench):
    out = medfuzz("check", bench('["high"]'))[1]
    (line,) = [line for line in out if "not demonstrated" in line]
    assert all(kind in line for kind in ("crash", "unsafe_state", "exit", "[controls]"))


def test_check_says_that_run_wants_the_bench_armed(medfuzz, bench, tmp_path):
    name = bench('["high"]')
    assert not any(line.startswith("armed") for line in medfuzz("check", name)[1])
    text = (tmp_path / name).read_text().replace("armed = true", "armed = false")
    (tmp_path / name).write_text(text)
    code, out, err = medfuzz("check", name)
    assert (code, err) == (0, [])
    assert any(line.startswith("armed ") and "armed = true in [target]" in line for line in out)


def test_a_device_that_can_be_brought_to_every_state_is_sound(medfuzz, bench):
    code, out, err = medfuzz("check", bench('["high"]'))
    assert (code, err) == (0, [])
    assert [line.split()[:3] for line in out if line.startswith("state ")] == [["state", "main/high", "ok"]]
