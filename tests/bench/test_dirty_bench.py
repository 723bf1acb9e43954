"""Short campaigns through each fault of the dirty bench: what is no fault of the device is no finding, a crash is one."""

import contextlib
import json
import socket
import sys
from pathlib import Path

import pytest

from harness.cli.session import Options, run_campaign
from targets.dirty import Proxy
from targets.dirty_process import Supervised

DEVICE = Path(__file__).parents[1] / "targets" / "dirty_device.py"
PROTOCOL = """
import boofuzz
from harness.interfaces import Frame, FrameKind, State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

class Lines(Wire):
    def split(self, buffer):
        *lines, rest = buffer.split(b"\\n")
        kind = lambda line: FrameKind.REPLY if line.startswith(b"ok:") else FrameKind.UNSOLICITED
        return tuple(Frame(kind(line), line + b"\\n") for line in lines), rest

    def expects_reply(self, sent):
        return sent.endswith(b"\\n")

    def served(self, frame):
        return frame.kind is FrameKind.REPLY and frame.data.endswith(b"hello\\n")

order = Message(boofuzz.Request("order", children=(
    boofuzz.Byte("x", 1), boofuzz.String("name", "hello", max_len=20), boofuzz.Static("end", "\\n"))))
PROTOCOL = Protocol("lines", {"order": order}, (Edge("", "order"),), Lines(), {"on": State("on", ())}, order.send())
"""
TCP_FAULTS = [
    *("echo", "greeting=READY 1.0", "console=0", "paced=19200", "pieces", "slow-boot=0.3", "one-slot=0.3"),
    *("one-slot-waits=0.3", "idle-timeout=0.3", "chatty=0.02", "adapter-gone=0.5@0.15", "late=0.02", "held=0.3@0.5"),
    *("watchdog=0.3", "echo,console=0,pieces"),
]
PTY_FAULTS = [
    *("echo", "greeting", "console=0", "paced=19200", "pieces", "chatty=0.02", "adapter-gone=0.5@0.15", "late=0.02"),
    *("dtr-reset=0.3", "dtr-reset=0.3,console=0,echo"),
]
NOISY = ["dropped=0.002", "flipped=0.002"]


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def bench(tmp_path, port):
    """Call it with faults for a campaign's (record, summary, events) on the device behind them."""

    def run(faults, *, pty, crash, cases, options="", fuzzer="enumerate", reconnect="false"):
        place = f"pty:{tmp_path / 'tty'}" if pty else "tcp:127.0.0.1:0"
        process = Supervised([sys.executable, str(DEVICE), str(port), *(["crash"] if crash else [])])
        with Proxy(f"tcp:127.0.0.1:{port}", place, faults, 1, process=process) as front:
            wait_until_it_listens(port)
            (tmp_path / "lines.py").write_text(PROTOCOL)
            (tmp_path / "bench.toml").write_text(
                '[target]\nkind = "external"\nname = "lines"\narmed = true\n'
                f'[interfaces.main]\nprotocol = "lines.py"\ntransport = "{front.moniker}{options}"\n'
                f'fuzzers = ["{fuzzer}"]\nreply_timeout = 0.5\nopen_timeout = 5.0\nreconnect = {reconnect}\n'
            )
            record, folder = run_campaign(
                Options(tmp_path / "bench.toml", "dirty", seed=1, cases=cases, out=tmp_path / "run", quiet=True)
            )
            return record, json.loads((folder / "summary.json").read_text()), [name for _at, name in front.events]

    return run


def wait_until_it_listens(port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        import time

        time.sleep(0.02)


def show(record, summary, events):
    import collections

    print(
        "RESULT",
        record.exit_code,
        {k: v for k, v in summary["verdicts"].items() if v},
        dict(collections.Counter(events)),
        record.doubts,
        [(f.kind.value, f.reproduced, f.tries, f.observation.summary) for f in record.findings],
        record.bench_faults,
    )


@pytest.mark.parametrize("faults", TCP_FAULTS + NOISY)
def test_tcp_fixed(bench, faults):
    r = bench(faults, pty=False, crash=False, cases=40, reconnect="true" if "slot" in faults else "false")
    show(*r)
    assert r[0].findings == ()


@pytest.mark.parametrize("faults", PTY_FAULTS + NOISY)
def test_pty_fixed(bench, faults):
    r = bench(faults, pty=True, crash=False, cases=40)
    show(*r)
    assert r[0].findings == ()


@pytest.mark.parametrize("faults", TCP_FAULTS + NOISY)
def test_tcp_crash(bench, faults):
    r = bench(faults + ",watchdog=0.3", pty=False, crash=True, cases=60)
    show(*r)
    assert r[0].findings


@pytest.mark.parametrize("faults", PTY_FAULTS + NOISY)
def test_pty_crash(bench, faults):
    r = bench(faults + ",watchdog=0.3", pty=True, crash=True, cases=60)
    show(*r)
    assert r[0].findings


def test_idle(bench):
    r = bench("idle-timeout=0.3", pty=False, crash=False, cases=40, fuzzer="sequence")
    show(*r)
