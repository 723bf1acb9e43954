"""Whole campaigns against devices that connect to us: a sound one, one that dies, one that reconnects by itself."""

import json
import socket
import sys
from pathlib import Path

import pytest

from harness.campaigns.session import Options, run_campaign
from harness.verdict import Kind

PEER = Path(__file__).parents[1] / "peers" / "hl7_sender.py"
BENCH = """
[target]
kind = "process"
name = "a sender"
command = {command}
settle = 0.1
[interfaces.results]
transport = "listen:{place}"
protocol = "hl7_listener"
reply_timeout = 1.0
fuzzers = ["enumerate"]
"""


@pytest.fixture(params=["tcp", "unix"])
def place(request, tmp_path):
    if request.param == "unix":
        return f"unix:{tmp_path}/socket"
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp:127.0.0.1:{free.getsockname()[1]}"


def campaign(folder, place, *options, cases=40, **more):
    command = [sys.executable, str(PEER), place.partition(":")[2], "--interval", "0.01", "--patience", "0.3", *options]
    (folder / "bench.toml").write_text(BENCH.format(command=json.dumps(command), place=place))
    return run_campaign(Options(bench=folder / "bench.toml", out=folder / "run", cases=cases, seconds=40.0, **more))


@pytest.mark.parametrize("options", [(), ("--once",)], ids=["one connection", "one for each message"])
def test_a_sound_sender_passes_and_its_messages_are_counted(place, options, tmp_path):
    record = campaign(tmp_path, place, *options)
    assert (record.exit_code, record.findings) == (0, ())
    tally = record.tested.interfaces["results"]
    assert tally.cases == 40
    assert tally.answered >= 40
    host, _colon, port = place.removeprefix("tcp:").rpartition(":")
    if host:
        with socket.create_server((host, int(port))):
            pass  # the run listens there no more
    else:
        assert not Path(place.removeprefix("unix:")).exists()
