"""A Bluetooth finding's script: bleak and nothing of ours, played on both insulin pumps over the virtual radio."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.case import Send
from harness.document import read_document
from harness.errors import UsageError
from harness.handover.ble_place import BlePlace, ble_place_at
from harness.handover.script import script_text, write_script

ROOT = Path(__file__).parents[2]
CONTROLS = ROOT / "targets" / "insulin" / "controls"
CRASH = read_document(CONTROLS / "crash.json")


@pytest.fixture
def on_the_air(radio):
    """Puts an insulin pump on the air, until the end of the test."""
    processes = []

    def put(bench):
        command = [sys.executable, "-m", "harness.cli.main", "emulate", bench, "--radio", radio.listening[0]]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline()

    yield put
    for process in processes:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture
def play(radio, tmp_path):
    """Exit code and last line of a finding's script, whose bleak uses the test's radio."""

    def played(handover):
        (script,) = write_script(tmp_path / "play.py", handover)
        words = ["-m", "harness.radio.bleak", "--radio", radio.client(1.0).moniker, str(script)]
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, (done.stdout + done.stderr).splitlines()[-1]

    return played


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bench", "code", "said"),
    [
        ("insulin", 1, "FAULT: the device ended the connection"),
        ("insulin-fixed", 0, "the probe is answered: the device serves"),
    ],
)
def test_it_fails_on_the_vulnerable_pump_and_passes_on_the_fixed_one(on_the_air, play, bench, code, said):
    on_the_air(bench)
    assert play(CRASH) == (code, said)


def test_where_nobody_advertises_nothing_was_tested(play, monkeypatch):
    text = script_text(CRASH, "x.py").replace("_JOIN_SECONDS = 20.0", "_JOIN_SECONDS = 0.5")
    monkeypatch.setattr("harness.handover.script.script_text", lambda *_words: text)
    code, said = play(CRASH)
    assert (code, said.startswith("not tested: no connection to C6:49:50:37:00:01")) == (3, True)


@pytest.mark.parametrize("path", sorted(CONTROLS.glob("*.json")), ids=lambda path: path.stem)
def test_every_shipped_finding_of_the_insulin_pump_has_a_script_that_imports_bleak_and_nothing_of_ours(path):
    text = script_text(read_document(path), "x.py")
    imported = {line.split()[1].partition(".")[0] for line in text.splitlines() if re.match(r"(from|import) ", line)}
    assert imported - sys.stdlib_module_names == {"bleak"}


def changed(transport="ble:C6:49:50:37:00:01?pair=on", *steps):
    case = replace(CRASH.finding.case, steps=steps or CRASH.finding.case.steps)
    return replace(CRASH, finding=replace(CRASH.finding, window=(case,)), transports={"gatt": transport})


@pytest.mark.parametrize(
    ("handover", "said"),
    [
        (changed("ble:C6:49:50:37:00:01?layer=att"), "bleak reaches GATT only, not layer 'att'"),
        (changed("ble:C6:49:50:37:00:01", Send("part", b"\x16\0\0\0\0xyz")), "no call for 'part' (16 00 00 00 00"),
        (changed("ble:C6:49:50:37:00:01", Send("short", b"\x12\0")), "no call for 'short'"),
        (changed("ble:C6:49:50:37:00:01", Send("nothing", b"")), "no call for 'nothing'"),
    ],
)
def test_what_bleak_cannot_say_is_refused_by_its_name(handover, said):
    with pytest.raises(UsageError, match=re.escape(said)) as refused:
        script_text(handover, "x.py")
    assert "Use --json or --pytest" in str(refused.value)


@pytest.mark.parametrize("address", ["tcp:127.0.0.1:1", "ble:", "C6:49:50:37:00:01", "ble:C6?layer=smp", "ble:C6?x=1"])
def test_nonsense_is_no_place(address):
    with pytest.raises(ValueError, match="write ble:ADDRESS"):
        ble_place_at(address)


def test_a_place_that_was_never_opened_closes():
    place = ble_place_at("ble:C6:49:50:37:00:01?pair=on")
    assert isinstance(place, BlePlace)
    place.close()
    place.close()
