"""Host stacks that attach to the radio by H4 as programs: one in C with faults of its own, and bleno's in Node."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "peers" / "ble_stack.c"
SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
NO_FAULT, DIVIDES = 0, 16


def medfuzz(folder, *words, timeout=180):
    return subprocess.run(
        [sys.executable, "-m", "harness.cli.main", *words],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The program, built with sanitizers."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: apt-get install gcc")
    program = tmp_path_factory.mktemp("stack") / "ble_stack"
    subprocess.run(["gcc", *SANITIZED, SOURCE, "-o", program], check=True)
    return program


def discovered(stack, folder, faults):
    """A bench of its own, as `discover` writes it."""
    done = medfuzz(folder, "discover", "--cmd", f"{stack} {{radio.path}} {faults}", "--out", "bs")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stack_without_faults_is_discovered_whole_and_answers_on_every_layer(stack, tmp_path):
    told = discovered(stack, tmp_path, NO_FAULT)
    assert all(f"0x{handle:04x}" in told for handle in (3, 6, 8, 10, 13))
    done = medfuzz(tmp_path, "run", "bs/bench.toml", "--cases", "60", "--time", "90s", "--out", "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (done.returncode, summary["findings"]) == (0, []), done.stdout
    assert set(summary["interfaces"]) == {"gatt", "att", "smp", "signalling", "l2cap"}


@pytest.mark.slow
def test_a_fault_is_a_crash_with_the_sanitizers_line(stack, tmp_path):
    discovered(stack, tmp_path, DIVIDES)
    words = ["--fuzzer", "enumerate", "--interface", "signalling", "--stop-on", "crash", "--time", "60s"]
    done = medfuzz(tmp_path, "run", "bs/bench.toml", *words, "--out", "run")
    (finding,) = json.loads((tmp_path / "run" / "summary.json").read_text())["findings"]
    assert (done.returncode, finding["kind"], finding["confirmed"]) == (1, "crash", True)
    number = int(re.search(r"ble_stack\.c:(\d+)", finding["summary"])[1])
    assert "/ mps" in SOURCE.read_text().splitlines()[number - 1]
    assert "CWE-369" in finding["resembles"]["cwe"]
