"""The examples run as they are: each bench on the server that others wrote, where that is installed."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = EXAMPLES.parent / "node_modules"
CASES, LAYERED = 8, {"bleno/bleno.toml": 150}  # several interfaces take more to come round
SELDOM = {"mosquitto/mosquitto.toml"}  # most of what scapy's module has is a server's to say, and gets no answer


def package(name):
    """Skips where a Python package is missing."""
    return pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f"no {name}: pip install {name}")


def program(name, debian):
    """Skips where a program is missing."""
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"no {name}: apt-get install {debian}")


def npm(name):
    """Skips where a package of npm is missing; `make tools` puts it there."""
    missing = shutil.which("node") is None or not (NODE / name).is_dir()
    return pytest.mark.skipif(missing, reason=f"no {name}: npm install --no-save {name}")


BENCHES = [
    pytest.param("bleno/bleno.toml", "", marks=npm("@stoprocent/bleno")),
    pytest.param("dicom/orthanc.toml", "11115", marks=program("/usr/sbin/Orthanc", "orthanc")),
    pytest.param("dicom/pynetdicom.toml", "11113", marks=package("pynetdicom")),
    pytest.param("dicom/storescp.toml", "11112", marks=program("/usr/bin/storescp", "dcmtk")),
    pytest.param("hl7apy/hl7apy.toml", "12577", marks=package("hl7apy")),
    pytest.param("libmodbus/libmodbus.toml", "5021", marks=program("gcc", "gcc")),
    pytest.param("modbus-serial/modbus-serial.toml", "5023", marks=npm("modbus-serial")),
    pytest.param("mosquitto/mosquitto.toml", "11883", marks=program("/usr/sbin/mosquitto", "mosquitto")),
    pytest.param("pymodbus/rtu.toml", "", marks=package("pymodbus")),
    pytest.param("pymodbus/tcp.toml", "5020", marks=package("pymodbus")),
    pytest.param("python-hl7/python-hl7.toml", "12576", marks=package("hl7")),
    pytest.param("simple-hl7/simple-hl7.toml", "12578", marks=npm("simple-hl7")),
    pytest.param("sdc/sdc.toml", "10701", marks=package("sdc11073")),
]


def copied(bench, port, folder):
    """The example in a folder of its own, on a free port; returns the bench file."""
    there = shutil.copytree(EXAMPLES / Path(bench).parent, folder / "example") / Path(bench).name
    with socket.create_server(("127.0.0.1", 0)) as free:
        for file in (there, *there.parent.glob("*.json")) if port else ():
            file.write_text(file.read_text().replace(port, str(free.getsockname()[1])))
    return there


def build(folder):
    """The C file, as its first lines say."""
    made = subprocess.run(["gcc", "server.c", "-o", "server", "-lmodbus"], cwd=folder, capture_output=True, check=False)
    if made.returncode:
        assert b"modbus/modbus.h" in made.stderr or b"-lmodbus" in made.stderr, made.stderr.decode()
        pytest.skip("no libmodbus: apt-get install libmodbus-dev")


@pytest.mark.slow
@pytest.mark.parametrize(("bench", "port"), BENCHES)
def test_an_example_s_bench_runs_and_its_server_answers(bench, port, tmp_path):
    path = copied(bench, port, tmp_path)
    if (path.parent / "server.c").exists():
        build(path.parent)
    limits = ["--cases", str(LAYERED.get(bench, CASES)), "--max-findings", "1", "--time", "60s", "--seed", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli.main", "run", path.name, *limits, "--out", "run"],
        cwd=path.parent,
        env={
            **os.environ,
            "NODE_PATH": str(NODE),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    told = done.stdout + done.stderr
    summary = json.loads((path.parent / "run" / "summary.json").read_text())
    assert done.returncode == summary["exit_code"] in (0, 1), told
    assert (done.returncode == 1) == (" 3/3 " in done.stdout or " 2/2 " in done.stdout), told
    main = next(iter(summary["interfaces"].values()))
    enough = 0 if bench in SELDOM else main["asked"] / 2
    assert main["cases"] > 0 and (main["answered"] > enough or done.returncode == 1), told
    assert summary["verdicts"]["bench_fault"] == 0


@pytest.mark.skipif(shutil.which("node") is None, reason="no node: apt-get install nodejs")
def test_an_example_without_its_package_says_which_one_is_missing(tmp_path):
    path = copied("simple-hl7/simple-hl7.toml", "12578", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli.main", "run", path.name, "--cases", "1", "--out", "run"],
        cwd=path.parent,
        env={name: value for name, value in os.environ.items() if name != "NODE_PATH"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "Cannot find module 'simple-hl7'" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_every_example_is_listed_and_run():
    listed = (EXAMPLES / "README.md").read_text()
    shipped = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.glob("*/*.toml") if path.name != "seeds.toml"}
    assert shipped == {parameters.values[0] for parameters in BENCHES}
    assert [bench for bench in sorted(shipped) if f"]({bench.split('/')[0]}/" not in listed] == []
