"""Short campaigns through each fault of the dirty bench: it is no finding by itself, and a crash behind it is one."""

import json
import socket
import sys
import time
from pathlib import Path

import pytest
from served_device import PUMP, Program

from harness.campaigns.session import Options, run_campaign
from targets.serving.dirty import Proxy
from targets.serving.dirty_process import Supervised

DEVICE = Path(__file__).parents[1] / "targets" / "dirty_device.py"
PROTOCOL = """
import re
import boofuzz
from harness.interfaces import Frame, FrameKind, State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

def frame(line):
    read = re.match(rb"ok@(\\d+)/(\\d+):", line)
    if not read or int(read[1]) % 97 != int(read[2]):
        return Frame(FrameKind.UNSOLICITED, line + b"\\n")
    return Frame(FrameKind.REPLY, line + b"\\n", {"boot": int(read[1])})

class Lines(Wire):
    def split(self, buffer):
        *lines, rest = buffer.split(b"\\n")
        return tuple(map(frame, lines)), rest

    def expects_reply(self, sent):
        return sent.endswith(b"\\n")

    def served(self, frame):
        return frame.kind is FrameKind.REPLY and frame.data.endswith(b"hello\\n")

order = Message(boofuzz.Request("order", children=(
    boofuzz.Byte("x", 1), boofuzz.String("name", "hello"), boofuzz.Static("end", "\\n"))))
PROTOCOL = Protocol("lines", {"order": order}, (Edge("", "order"),), Lines(), {"on": State("on", ())}, order.send())
"""
EITHER = [
    *("echo", "greeting=READY 1.0", "console=0", "paced=57600", "pieces", "chatty=0.02", "late=0.02"),
    *("slow-boot=0.05", "held=0.2@0.4", "flipped=0.0005", "dropped=0.0005"),
]
TCP_ONLY = ["one-slot=0.2", "one-slot-waits=0.2", "idle-timeout=0.3"]
PTY_ONLY = ["dtr-reset=0.05", "dtr-reset=0.05,console=0,echo"]
LINKS = [*((False, faults) for faults in EITHER + TCP_ONLY), *((True, faults) for faults in EITHER + PTY_ONLY)]
CRASHES = [
    *((False, faults) for faults in ("echo", "slow-boot=0.05", "dropped=0.0005", TCP_ONLY[0])),
    *((True, faults) for faults in ("greeting", "late=0.02", "held=0.2@0.4", PTY_ONLY[1])),
]
ROBBED = ("flipped", "dropped")  # a lost byte may leave a case without a verdict


@pytest.fixture
def bench(tmp_path):
    """Call it with faults for a campaign's (record, summary, names of what was done) on the device behind them."""

    def run(faults, *, pty, crash=False, cases=30):
        place = f"pty:{tmp_path / 'tty'}" if pty else "tcp:127.0.0.1:0"
        process = Supervised(
            [sys.executable, str(DEVICE), str(tmp_path / "device"), "boots", *(["crash"] if crash else [])]
        )
        (tmp_path / "lines.py").write_text(PROTOCOL)
        with Proxy(f"unix:{tmp_path}/device", place, faults, 1, process=process) as front:
            (tmp_path / "bench.toml").write_text(
                '[target]\nkind = "external"\nname = "lines"\narmed = true\n'
                f"recovery = {0.25 if 'one-slot' in faults else 0.0}\n"
                '[monitors]\nboot_field = "boot"\n[limits]\ntriage = 2\n'
                f'[interfaces.main]\nprotocol = "lines.py"\ntransport = "{front.moniker}"\nmax_len = 64\n'
                f'fuzzers = ["enumerate"]\nreply_timeout = 0.25\nopen_timeout = 3.0\n'
            )
            wait_for(tmp_path / "device")
            options = Options(tmp_path / "bench.toml", "dirty", seed=1, cases=cases, out=tmp_path / "run")
            record, folder = run_campaign(options)
            return record, json.loads((folder / "summary.json").read_text()), [name for _at, name in front.events]

    return run


def wait_for(path):
    """The program is up."""
    deadline = time.monotonic() + 60.0
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as ours:
            if not ours.connect_ex(str(path)):
                return
        time.sleep(0.01)
    pytest.fail(f"nobody listens at {path}")


@pytest.mark.parametrize(("pty", "faults"), LINKS)
def test_what_a_bench_does_is_no_finding_and_the_cases_were_run(bench, pty, faults):
    record, summary, _done = bench(faults, pty=pty)
    reproduced = [finding for finding in record.findings if finding.reproduced]
    assert (reproduced, record.bench_faults) == ([], ())
    assert record.exit_code in ((0, 4) if faults.startswith(ROBBED) else (0,))
    assert summary["verdicts"]["pass"] >= 28


@pytest.mark.slow
@pytest.mark.parametrize(("pty", "faults"), CRASHES)
def test_a_crash_behind_it_is_found(bench, pty, faults):
    record, _summary, done = bench(f"{faults},watchdog=0.1", pty=pty, crash=True, cases=27)
    assert (record.exit_code, record.bench_faults) == (1, ())
    sent = [step.data for f in record.findings if f.reproduced for case in f.window for step in case.steps]
    assert any(b"\xfe" in data for data in sent)
    assert done.count("watchdog") >= 2


@pytest.mark.slow
def test_the_fixed_pump_behind_a_dirty_bench_passes(programs, tmp_path):
    faults = "greeting=PUMP,pieces,chatty=0.05,late=0.01"
    links = ["--tcp", 0, "--serial", tmp_path / "pump.tty", "--channel", f"unix:{tmp_path}/channel"]
    served = programs(Program(tmp_path, "emulate", "pump-fixed", *links, "--unpaced", "--bench-faults", faults))
    network, _comma, told = served.line("network: ")[0].removeprefix("network: ").partition(",")
    served.line("serving")
    assert told == f" with {faults}"
    (tmp_path / "b.toml").write_text(
        f'include = "{PUMP}/bench-fixed.toml"\n[target]\nkind = "external"\narmed = true\n'
        f'channel = "unix:{tmp_path}/channel"\n[interfaces.maintenance]\ntransport = "serial:{tmp_path}/pump.tty"\n'
        f'[interfaces.network]\ntransport = "{network}"\n'
    )
    options = Options(tmp_path / "b.toml", "dirty", seed=1, cases=20, out=tmp_path / "run")
    record, folder = run_campaign(options)
    summary = json.loads((folder / "summary.json").read_text())
    assert (record.findings, record.bench_faults, summary["verdicts"]["pass"]) == ((), (), 20)
