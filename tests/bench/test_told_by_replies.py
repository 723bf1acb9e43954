"""Requirements over what a device answers: no emulator, no channel, the example's warmer as it is and with a fault."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from served_device import ENVIRONMENT, MEDFUZZ, ROOT

EXAMPLES = ROOT / "docs" / "examples"
LIMITS = '<= int.from_bytes(body, "big") <= 410:'
TOLD = """
[signals.target]
reply = "target"
scale = 0.1
range = [0, 100]
unit = "°C"

[safety]
requirements = "requirements.toml"
"""
RULE = """
[[requirement]]
id = "W-1"
title = "Never set above 41 °C"
source = "IEC 60601-2-19"
formula = "target <= 41.05"
"""


@pytest.fixture
def warmer(tmp_path):
    """Run the example for so long, its device changed by `change`; its summary."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])

    def run(*options, change=lambda text: text):
        for name in ("warmer.py", "warmer_device.py", "warmer.toml"):
            shutil.copy(EXAMPLES / name, tmp_path)
        device, bench = tmp_path / "warmer_device.py", tmp_path / "warmer.toml"
        device.write_text(change(device.read_text()))
        words = bench.read_text().replace("2600", port).replace('"python3"', json.dumps(sys.executable))
        bench.write_text(words + TOLD)
        (tmp_path / "requirements.toml").write_text(RULE)
        out = tmp_path / "run"
        command = [*MEDFUZZ, "run", str(bench), "--seed", "1", "--quiet", "--out", str(out), *options]
        subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, check=False)
        return json.loads(Path(out, "summary.json").read_text())

    return run


def unlimited(text):
    assert LIMITS in text
    return text.replace(LIMITS, '<= int.from_bytes(body, "big"):')


def unsafe(summary):
    return [found["requirement"] for found in summary["findings"] if found["kind"] == "unsafe_state"]


def test_a_device_that_says_of_itself_what_must_not_be_is_found(warmer):
    summary = warmer("--time", "90s", "--stop-on", "unsafe_state", change=unlimited)
    assert unsafe(summary) == ["W-1"]
    assert "target = " in next(f["summary"] for f in summary["findings"] if f["requirement"])


def test_one_that_keeps_its_limits_is_not(warmer):
    summary = warmer("--cases", "150")
    assert (unsafe(summary), summary["cases"]) == ([], 150)
    (rule,) = summary["requirements"].values()
    assert rule["status"] == "held"
