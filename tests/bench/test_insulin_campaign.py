"""The insulin pump over Bluetooth LE: radio, GATT server and firmware in processes of their own, one campaign."""

import json
import os
import signal
import threading
import time

import pytest

from harness.assembly.assemble import assemble
from harness.assembly.benches import shipped_benches
from harness.campaigns.session import Options, run_campaign
from harness.case import Origin, Send, TestCase
from harness.errors import LinkClosed, TargetError
from harness.radio.client import RadioLost
from harness.verdict import Kind
from targets import served

BENCHES = shipped_benches()


def campaign(name, folder, cases):
    """A campaign that has a little time to make its findings smaller."""
    bench = folder.parent / f"{name}.toml"
    bench.write_text(f'include = "{BENCHES[name]}"\n[limits]\ntriage = 3\n')
    record, folder = run_campaign(Options(bench, name, seed=1, cases=cases, out=folder))
    return record, json.loads((folder / "summary.json").read_text())


@pytest.fixture
def fixed(tmp_path):
    """The fixed pump on the air; a bench in which a connection that does not come is waited for very long."""
    bench = tmp_path / "insulin-fixed.toml"
    bench.write_text(f'include = "{BENCHES["insulin-fixed"]}"\n[interfaces.gatt]\nopen_timeout = 120.0\n')
    assembly = assemble(bench, seed=0)
    assembly.runner.start()
    yield assembly
    assembly.runner.stop()


@pytest.mark.slow
def test_the_fixed_pump_passes(tmp_path):
    record, summary = campaign("insulin-fixed", tmp_path / "run", 120)
    assert (record.exit_code, record.findings, record.bench_faults) == (0, (), ())
    assert summary["verdicts"]["pass"] >= 119
    assert all(interface["probes"] >= 50 for interface in summary["interfaces"].values())
    held = [name for name, entry in summary["requirements"].items() if entry["status"] == "held"]
    assert len(held) >= 8


@pytest.mark.slow
def test_faults_are_found_and_come_back(tmp_path):
    record, _summary = campaign("insulin", tmp_path / "run", 180)
    assert record.exit_code == 1
    assert len({finding.fault for finding in record.confirmed if finding.fault}) >= 3
    assert record.bench_faults == ()


def status(assembly):
    return TestCase("gatt", "session", (assembly.protocols["gatt"].probe,), Origin("test"))


def test_a_killed_device_is_told_at_once(fixed):
    fixed.runner.run(status(fixed))
    started = time.monotonic()
    os.kill(fixed.target.pid, signal.SIGKILL)
    outcome = fixed.runner.run(status(fixed))
    transcript, observations = outcome.transcript, list(outcome.observations)
    assert Kind.EXIT in [observation.kind for observation in observations]
    assert time.monotonic() - started < 60.0 and not transcript.probe_served


def test_a_device_that_is_held_by_a_signal_is_waited_for_and_shows_nothing(fixed):
    fixed.runner.run(status(fixed))
    os.kill(fixed.target.pid, signal.SIGSTOP)
    going_on = threading.Timer(1.5, os.kill, (fixed.target.pid, signal.SIGCONT))
    started = time.monotonic()
    going_on.start()
    outcome = fixed.runner.run(status(fixed))
    assert time.monotonic() - started >= 1.5
    going_on.join()
    assert (outcome.transcript.state_reached, list(outcome.observations)) == (True, [])


def test_a_device_that_is_held_for_good_is_the_benchs_fault(fixed, monkeypatch):
    monkeypatch.setattr(served, "HELD_SECONDS", 0.5)
    fixed.runner.run(status(fixed))
    os.kill(fixed.target.pid, signal.SIGSTOP)
    while not fixed.target._process.stopped:
        time.sleep(0.001)  # the signal reaches it on the other core
    try:
        with pytest.raises(TargetError, match="is held by a signal"):
            fixed.target.take_events()
    finally:
        os.kill(fixed.target.pid, signal.SIGCONT)


def test_a_device_that_disconnects_by_itself_is_neither_gone_nor_silent(fixed):
    case = status(fixed)
    fixed.runner.run(case)
    link = fixed.runner.interfaces["gatt"].executor.link
    fixed.target.reset()
    with pytest.raises(LinkClosed, match="0x15"):
        link.receive(link.now() + 1.0)
    outcome = fixed.runner.run(case)
    observations = list(outcome.observations)
    assert {observation.kind for observation in observations} <= {Kind.REBOOT}  # behind the runner's back, if at all


def test_a_killed_radio_is_never_a_finding(fixed):
    fixed.runner.run(status(fixed))
    os.kill(fixed.target.radio.pid, signal.SIGKILL)
    with pytest.raises(RadioLost):
        fixed.runner.run(status(fixed))


def test_a_peer_cannot_write_into_the_table(fixed):
    written = TestCase("att", "connected", (Send("write", bytes.fromhex("1201000000")),), Origin("test"))
    outcome = fixed.runner.run(written)
    transcript, observations = outcome.transcript, list(outcome.observations)
    assert (transcript.exchanges[0].replies, observations) == ((bytes.fromhex("0112010003"),), [])
