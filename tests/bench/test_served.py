"""The pump in another process, over a real pty and a real TCP port: the same campaign, and what happens to links."""

import contextlib
import gc
import json
import os
import signal
import socket
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from served_device import PUMP, Program, Served, write_bench, write_process_bench

from harness.assembly.assemble import assemble
from harness.bench import load_bench
from harness.campaigns.session import Options, run_campaign
from harness.case import Origin, Reset, TestCase, Wait
from harness.errors import TargetError
from harness.verdict import Kind
from targets.pump.protocol.actions import ACTIONS
from targets.served import ServedTarget

FIXED, VULNERABLE = PUMP / "pump-fixed.elf", PUMP / "pump-vulnerable.elf"


def campaign(bench, folder, cases, **options):
    record, folder = run_campaign(Options(bench, "served", seed=1, cases=cases, out=folder, **options))
    return record, json.loads((folder / "summary.json").read_text())


@pytest.mark.slow
def test_the_fixed_pump_passes_over_pty_and_tcp(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    record, summary = campaign(write_bench(tmp_path / "b.toml", served), tmp_path / "run", 120)
    assert (record.exit_code, record.findings, record.bench_faults) == (0, (), ())
    assert summary["verdicts"]["pass"] == 120
    assert all(interface["probes"] >= 20 for interface in summary["interfaces"].values())
    held = [name for name, entry in summary["requirements"].items() if entry["status"] == "held"]
    assert len(held) >= 5


def patient_boluses(assembly):
    """A bolus at the keypad; the same after the sensors were calmed; and twice in one case, with a reset between."""
    press = ACTIONS["bolus_key"]
    preamble = assembly.protocols["maintenance"].states["infusing"].preamble
    once = TestCase("maintenance", "infusing", press, Origin("test"))
    again = TestCase("maintenance", "infusing", (*press, Reset(), *preamble, *press), Origin("test"))
    yield once
    assembly.target.calm()
    yield from (once, again)


def test_what_a_device_did_before_a_restart_is_not_held_against_it_afterwards(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    assembly = assemble(write_bench(tmp_path / "b.toml", served), seed=0)
    try:
        assembly.runner.start()
        for case in patient_boluses(assembly):
            outcome = assembly.runner.run(case)
            transcript, observations = outcome.transcript, list(outcome.observations)
            assert (transcript.state_reached, observations) == (True, [])
        boluses = list(assembly.bench.signals).index("patient_boluses")
        given = [sample.values[boluses] for sample in transcript.samples]
        assert 1 in given[given.index(0) :]
    finally:
        assembly.runner.stop()


def silent_adapter(listener, last=b"", after=0):
    """Answers every word and never tells a signal; `after` so many it says something else."""
    connection, _address = listener.accept()
    with contextlib.suppress(ConnectionError), connection, connection.makefile("rwb") as lines:
        lines.write(b'{"offers": ["sync"]}\n')
        lines.flush()
        for line in lines:
            word, _space, number = line.decode().strip().partition(" ")
            if word == "sync" and int(number) == after:
                lines.write(last + b"\n")
            if word in ("reset", "sync"):
                lines.write(b'{"event": "ready"}\n' if word == "reset" else b'{"sync": %d}\n' % int(number))
                lines.flush()


def test_requirements_are_inconclusive_where_no_signal_ever_comes(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        adapter = threading.Thread(target=silent_adapter, args=(listener,))
        adapter.start()
        served.channel = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        bench = write_bench(tmp_path / "b.toml", served, network='states = ["idle"]')
        record, summary = campaign(bench, tmp_path / "run", 5, interfaces=("network",))
        adapter.join(5.0)
    assert (record.findings, record.bench_faults, summary["cases"]) == ((), (), 5)
    watched = [entry for entry in record.requirements if entry.requirement.watched]
    assert {entry.status for entry in watched} == {"inconclusive"}
    assert all(entry.statistics.missing for entry in watched)


def test_a_channel_that_talks_nonsense_is_one_bench_fault_and_no_finding(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        adapter = threading.Thread(target=silent_adapter, args=(listener, b'{"signals": {"rate": NaN}}', 40))
        adapter.start()
        served.channel = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        bench = write_bench(tmp_path / "b.toml", served, network='states = ["idle"]')
        run = programs(Program(tmp_path, "run", bench, "--time", "60s", "--interface", "network", "--out", "run"))
        fault, _at = run.line("bench fault ", 30.0)
        assert run.wait(20.0) == 3
        adapter.join(5.0)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "NaN is no JSON" in fault
    assert run.complaints() == []
    assert (len(summary["bench_faults"]), summary["findings"]) == (1, [])


@pytest.mark.slow
def test_the_fixed_pump_passes_in_real_time(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED, paced=True))
    bench = write_bench(tmp_path / "b.toml", served)
    for interface in ("maintenance", "network"):
        record, summary = campaign(bench, tmp_path / interface, 12, interfaces=(interface,))
        assert (record.exit_code, summary["verdicts"]["pass"]) == (0, 12)


@pytest.mark.slow
def test_a_finding_and_then_a_pulled_link_is_exit_1_and_the_report_says_both(programs, tmp_path):
    served = programs(Served(tmp_path, VULNERABLE))
    bench = write_bench(tmp_path / "b.toml", served)
    run = programs(Program(tmp_path, "run", bench, "--time", "60s", "--seed", "1", "--out", "run"))
    finding, _at = run.line("finding ", 60.0)
    killed = served.kill()
    fault, seen = run.line("bench fault ", 60.0)
    assert seen - killed < 30.0
    assert run.wait(60.0) == 1
    assert run.complaints() == []
    page = (tmp_path / "run" / "report.html").read_text()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    found = finding.split()[1]
    assert found in [entry["id"] for entry in summary["findings"]]
    assert found in page
    assert summary["exit_code"] == 1
    assert any(words in page for words in ("signals and events are lost", "the port is gone", "Is the device on"))
    assert fault


def waits(interface):
    return TestCase(interface, "idle", (Wait(60.0),), Origin("test"))


@pytest.mark.parametrize("interface", ["maintenance", "network"])
def test_an_external_device_that_dies_is_a_bench_fault_at_once(programs, tmp_path, interface):
    served = programs(Served(tmp_path, FIXED, paced=True))
    assembly = assemble(write_bench(tmp_path / "b.toml", served), seed=0)
    killed = []
    timer = threading.Timer(0.3, lambda: killed.append(served.kill()))
    try:
        assembly.runner.start()
        timer.start()
        with pytest.raises(TargetError, match="lost"):
            assembly.runner.run(waits(interface))
        assert time.monotonic() - killed[0] < 30.0
    finally:
        timer.cancel()
        assembly.runner.stop()


def test_a_device_of_our_own_that_dies_is_an_exit_at_once_and_comes_back(tmp_path, ports):
    assembly = assemble(write_process_bench(tmp_path / "b.toml", ports, FIXED, paced=True), seed=0)
    runner, killed = assembly.runner, []

    def kill():
        killed.append(time.monotonic())
        os.kill(assembly.target.pid, 9)

    timer = threading.Timer(0.3, kill)
    try:
        runner.start()
        timer.start()
        outcome = runner.run(waits("network"))
        transcript, observations = outcome.transcript, list(outcome.observations)
        assert time.monotonic() - killed[0] < 30.0
        assert Kind.EXIT in [observation.kind for observation in observations]
        assert "SIGKILL" in next(o.summary for o in observations if o.kind is Kind.EXIT)
        assert transcript.probe_served is not True
        quick = TestCase("maintenance", "session", (), Origin("test"))
        outcome = runner.run(quick)
        transcript, observations = outcome.transcript, list(outcome.observations)
        assert (transcript.probe_served, observations) == (True, [])
    finally:
        timer.cancel()
        runner.stop()


def test_a_port_that_somebody_else_listens_on_is_not_fuzzed(tmp_path, ports):
    with socket.create_server(("127.0.0.1", ports[0])):
        assembly = assemble(write_process_bench(tmp_path / "b.toml", ports, FIXED), seed=0)
        with pytest.raises(TargetError, match="something listens there already"):
            assembly.runner.start()
        assembly.runner.stop()


@pytest.mark.parametrize(
    ("command", "told"),
    [(["python3", "-m", "http.server", "{}"], "It listens on port {}: name that"), (["sleep", "9"], "on no TCP port")],
)
def test_a_program_that_listens_elsewhere_is_told_where(tmp_path, ports, command, told):
    (tmp_path / "b.toml").write_text(
        f'[target]\nkind = "process"\nname = "x"\nready = 2.0\ncommand = {[w.format(ports[1]) for w in command]}\n'
        f'[interfaces.main]\nprotocol = "hl7_mllp"\ntransport = "tcp:127.0.0.1:{ports[0]}"\n'
    )
    assembly = assemble(tmp_path / "b.toml", seed=0)
    with pytest.raises(TargetError, match=told.format(ports[1])):
        assembly.runner.start()
    assembly.runner.stop()


@pytest.mark.slow
def test_nothing_listening_is_exit_3_within_the_deadline(tmp_path, ports):
    bench = tmp_path / "b.toml"
    bench.write_text(
        '[target]\nkind = "external"\narmed = true\nname = "x"\n[interfaces.main]\nprotocol = "hl7_mllp"\n'
        f'open_timeout = 1.0\ntransport = "tcp:127.0.0.1:{ports[0]}"\n'
    )
    started = time.monotonic()
    record, summary = campaign(bench, tmp_path / "run", 10)
    assert time.monotonic() - started < 30.0
    assert (record.exit_code, summary["exit_code"], summary["cases"]) == (3, 3, 0)
    assert "Is the device on" in record.bench_faults[0]


DEVICE = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    with connection:
        while data := connection.recv(4096):
            if data[0] == 0xff:
                sys.exit(7)
            connection.sendall(b"ok")
"""
PROTOCOL = """
import boofuzz
from harness.interfaces import State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

hello = Message(boofuzz.Request("hello", children=(boofuzz.Byte("x", 1),)))
PROTOCOL = Protocol("mine", {"hello": hello}, (Edge("", "hello"),), Wire(), {"on": State("on", ())}, hello.send())
"""


@pytest.mark.slow
def test_a_process_exit_is_a_finding_when_its_replay_makes_it_exit_again(tmp_path, ports):
    (tmp_path / "device.py").write_text(DEVICE)
    (tmp_path / "mine.py").write_text(PROTOCOL)
    bench = tmp_path / "b.toml"
    bench.write_text(
        f'[target]\nkind = "process"\nname = "x"\nsettle = 0.0\n'
        f'command = ["{sys.executable}", "{tmp_path / "device.py"}", "{ports[0]}"]\n'
        f'[interfaces.main]\nprotocol = "mine.py"\ntransport = "tcp:127.0.0.1:{ports[0]}"\nfuzzers = ["enumerate"]\n'
        "reply_timeout = 0.5\n[limits]\ntriage = 2\n"
    )
    record, summary = campaign(bench, tmp_path / "run", 40)
    assert record.exit_code == 1
    assert [(f["kind"], f["reproduced"]) for f in summary["findings"]] == [("exit", "3/3")]
    assert "exit status 7" in record.findings[0].observation.summary


# -- the serving side ---------------------------------------------------------------------------------------------


def test_clients_that_misbehave_do_not_stop_the_device(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    address = ("127.0.0.1", int(served.network.rpartition(":")[2]))
    with socket.create_connection(address) as half:
        half.sendall(b"\x0bMSH|^~\\&|cut in the mid")
    with socket.create_connection(address) as other:
        other.sendall(bytes(range(256)) * 20)
    channel = ("127.0.0.1", int(served.channel.rpartition(":")[2]))
    with socket.create_connection(channel) as watcher:
        watcher.sendall(
            b"\xff\xfe{}\nreset now please\nstimulate air inf\nstimulate air nan\nstimulate nobody 1\n"
            b"sync " + b"9" * 5000 + b"\nsync x\nsync -1\n" + b"x" * 100_000
        )
        watcher.settimeout(5.0)
        heard = b""
        while heard.count(b'"error"') < 8:
            heard += watcher.recv(65536)
    assembly = assemble(write_bench(tmp_path / "b.toml", served), seed=0)
    try:
        assembly.runner.start()
        for name, interface in assembly.runner.interfaces.items():
            assert interface.executor.probe() is not None, name
    finally:
        assembly.runner.stop()


def test_a_settings_change_is_gone_after_the_baseline(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    assembly = assemble(write_bench(tmp_path / "b.toml", served), seed=0)
    runner, protocol = assembly.runner, assembly.protocols["maintenance"]
    executor = runner.interfaces["maintenance"].executor

    def configuration():
        return executor.probe().fields["configuration"]

    try:
        runner.start()
        before = configuration()
        change = TestCase("maintenance", "session", (protocol.message("set_device_name").send(),), Origin("test"))
        runner.run(change)
        assembly.target.advance(0.5)
        changed = configuration()
        assembly.target.reset()
        executor.close()
        assert configuration() == changed != before
        runner.fresh()
        assert configuration() == before
    finally:
        runner.stop()


def test_a_link_name_that_is_taken_and_a_busy_port_are_told_in_one_line(programs, tmp_path):
    (tmp_path / "file").write_text("mine")
    busy = socket.create_server(("127.0.0.1", 0))
    port = busy.getsockname()[1]
    taken = programs(Program(tmp_path, "emulate", "pump", "--serial", "file"))
    second = programs(Program(tmp_path, "emulate", "pump", "--tcp", port))
    with busy:
        for program, word in (
            (taken, "cannot make the link file"),
            (second, f"cannot listen at tcp:127.0.0.1:{port}: "),
        ):
            assert program.wait(20.0) == 3
            assert len(program.errors) == 1
            assert word in program.errors[0]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_channel_on_a_socket_is_its_owners_alone_and_drives_a_campaign(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED, channel=f"unix:{tmp_path}/channel"))
    assert stat.S_IMODE((tmp_path / "channel").stat().st_mode) == 0o600
    bench = write_bench(tmp_path / "b.toml", served)
    record, summary = campaign(bench, tmp_path / "run", 30, interfaces=("maintenance",))
    assert (record.exit_code, record.bench_faults, summary["verdicts"]["pass"]) == (0, (), 30)
    assert any(entry["observed_seconds"] for entry in summary["requirements"].values())
    served.signal(signal.SIGTERM)
    assert served.wait(5.0) == 0
    assert not (tmp_path / "channel").exists()


def test_a_device_of_our_own_has_its_channel_in_a_folder_of_its_own(tmp_path, ports):
    text = write_process_bench(tmp_path / "b.toml", ports, FIXED).read_text()
    text = text.replace(f'channel = "tcp:127.0.0.1:{ports[1]}"', 'channel = "unix:"').replace(
        f'"{ports[1]}"', '"{channel}"'
    )
    (tmp_path / "b.toml").write_text(text)
    targets = [ServedTarget(load_bench(tmp_path / "b.toml")) for _number in range(2)]
    places = [Path(target._table.channel.removeprefix("unix:")) for target in targets]
    try:
        targets[0].start()
        assert stat.S_IMODE(places[0].parent.stat().st_mode) == 0o700
        targets[0].reset()
    finally:
        targets[0].stop()
    assert places[0] != places[1]
    folders = [place.parent for place in places]
    del targets
    gc.collect()
    assert not any(folder.exists() for folder in folders)


def test_a_channel_that_other_machines_reach_wants_a_word(programs, tmp_path):
    refused = programs(Program(tmp_path, "emulate", "pump", "--tcp", "0", "--channel", "tcp:0.0.0.0:0"))
    assert refused.wait(20.0) == 2
    assert "--open" in refused.errors[0]


def test_emulate_ends_at_a_signal_and_takes_its_link_away(programs, tmp_path):
    served = programs(Served(tmp_path, FIXED))
    assert served.link.is_symlink()
    served.signal(signal.SIGTERM)
    assert served.wait(5.0) == 0
    assert served.errors == []
    assert not served.link.is_symlink()
