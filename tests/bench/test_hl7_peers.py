"""Servers of HL7 that others wrote accept each valid form of each message, and their answers are read without rest."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocols.hl7_mllp import UNANSWERED, hl7_mllp

ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules"
PROTOCOL = hl7_mllp()
NO_NODE = shutil.which("node") is None or not (NODE / "simple-hl7").is_dir()
SERVERS = [
    ([sys.executable, "python-hl7/server.py"], False),
    ([sys.executable, "hl7apy/server.py"], True),
    pytest.param(
        ["node", "simple-hl7/server.js"],
        False,
        marks=pytest.mark.skipif(NO_NODE, reason="no simple-hl7: npm install --no-save simple-hl7"),
    ),
]


@contextmanager
def served(command):
    """The port of a server that listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "NODE_PATH": str(NODE)}
    with subprocess.Popen(
        [*command, str(port)], cwd=ROOT / "examples", env=environment, stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield until_it_listens(port)
        finally:
            process.kill()


def until_it_listens(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return port
        except OSError:
            time.sleep(0.05)
    pytest.fail("it does not listen")


def answers(line, data):
    """The frames that come for a message."""
    line.sendall(data)
    frames, rest = (), b""
    while not frames:
        more = line.recv(4096)
        assert more, f"no answer to {data}"
        frames, rest = PROTOCOL.split(rest + more)
    assert rest == b""
    return frames


@pytest.mark.parametrize(("command", "once"), SERVERS, ids=["python-hl7", "hl7apy", "simple-hl7"])
def test_each_valid_form_of_each_message_is_accepted(command, once):
    forms = [(m.name, form.data) for m in PROTOCOL.messages.values() if m.name not in UNANSWERED for form in m.valid]
    with served(command) as port:
        for some in ([one] for one in forms) if once else (forms,):
            with socket.create_connection(("127.0.0.1", port), 5.0) as line:
                for name, data in some:
                    (answer,) = answers(line, data)
                    assert PROTOCOL.answers(data, answer) and PROTOCOL.served(answer), name
                    assert not PROTOCOL.wire.refuses(answer), (name, answer.data)
                    assert PROTOCOL.wrong(data, answer) == ""
                    assert answer.fields["control_id"] == "MSG00001"
