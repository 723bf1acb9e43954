"""docs/ble.md: its commands print what the page shows, with the insulin pump as the host stack that attaches."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bench import load_bench
from harness.radio.process import Radio

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ble.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
DEVICE = "ble:C6:49:50:37:00:01?pair=on"


@pytest.fixture
def radio():
    """The control moniker of a radio that the pump is attached to."""
    started = Radio(listen=["tcp:127.0.0.1:0"])
    command = [sys.executable, "-m", "targets.insulin", "--radio", started.listening[0]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)) as pump:
        assert pump.stdout.readline().strip() in PAGE
        yield started._control
        pump.terminate()
    started.stop()


def shown(command):
    """The lines that the page shows behind a command."""
    block = next(block for block in BLOCKS if f"$ medfuzz {command}\n" in block)
    return block.split(f"$ medfuzz {command}\n", 1)[1].split("$ ", 1)[0].splitlines()


def test_the_page_shows_what_is_printed(radio, medfuzz):
    code, out, err = medfuzz("discover", "--scan", "2", "--radio", radio)
    assert (code, out, err) == (0, shown("discover --scan 2"), [])
    code, out, err = medfuzz("discover", DEVICE, "--out", "ip7", "--radio", radio)
    assert (code, err) == (0, [])
    assert set(shown(f"discover {DEVICE} --out ip7")) - {"…"} <= set(out)
    code, out, err = medfuzz("check", "ip7/bench.toml")
    assert (code, err) == (0, [])
    assert [re.sub(r"\d+ ms", "", line) for line in out] == [
        re.sub(r"\d+ ms", "", line) for line in shown("check ip7/bench.toml")
    ]
    with Path("ip7/bench.toml").open("a", encoding="utf-8") as bench:
        bench.write('[monitors.canaries]\n"patient\'s number" = "PAT-0007"\n')
    command = "run ip7/bench.toml --time 30s --out runs/leak"
    code, out, err = medfuzz(*command.replace("--time 30s", "--cases 120").split())
    assert (code, any(line.startswith("finding F-") for line in err)) == (1, True)
    found = [line for line in shown(command) if "F-" in line]
    assert len(found) == 3 and set(found) <= {*out, *err}


def test_every_transport_and_adapter_of_the_page_is_known(medfuzz):
    for moniker in re.findall(r"`(ble:ADDRESS\?layer=\w+)`", PAGE):
        name = f"{moniker.rpartition('=')[2]}.toml"
        given = moniker.replace("ADDRESS", "F0:F1:F2:F3:F4:F5")
        assert medfuzz("init", name, "--name", "x", "--transport", given, "--protocol", "att")[0] == 0
    adapters = re.findall(r"^\| `([^`]+)` \|", PAGE.split("## Adapters")[1].split("\n## ")[0], re.MULTILINE)
    assert adapters[0] == "adapter" and {"virtual", "usb:0", "bleak"} <= set(adapters)
    for adapter in adapters[1:]:
        name = f"{adapter.partition(':')[0]}.toml"
        given = ("--transport", "ble:F0:F1:F2:F3:F4:F5", "--protocol", "att", "--radio", adapter)
        assert medfuzz("init", name, "--name", "x", *given)[0] == 0
        assert load_bench(Path(name)).radio.adapter == adapter


def test_the_script_of_the_page_prints_what_the_page_shows(radio, tmp_path):
    script = tmp_path / "battery.py"
    script.write_text(re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0], encoding="utf-8")
    command = [sys.executable, "-m", "harness.cli.main", "bleak", "--radio", radio, str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, shown("bleak battery.py"), "")
