"""A radio of the test's own, and foreign host stacks that attach to it."""

import select
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.radio.process import Radio

ADDRESS = "F0:F1:F2:F3:F4:F5"
UP_SECONDS = 60.0


@pytest.fixture(params=["virtual", pytest.param("real", marks=pytest.mark.hardware)])
def air(request):
    """A radio and a peripheral's address on it: the virtual one, and the adapter and device of the command line."""
    if request.param == "real":
        real = Radio(adapter=request.config.getoption("--adapter"))
        yield SimpleNamespace(radio=real, address=request.config.getoption("--peer").upper())
        real.stop()
        return
    virtual, attach = request.getfixturevalue("radio"), request.getfixturevalue("attach")
    yield SimpleNamespace(radio=virtual, address=attach(virtual.listening[0])[1])


@pytest.fixture
def attach(hatchery):
    """Start a peripheral at a moniker, under another name if one is given; returns (process, address)."""
    processes = []

    def attached(moniker, address=ADDRESS, kind="random", *name):
        scheme, _, rest = moniker.partition(":")
        spec = (
            f"tcp-client:{rest}" if scheme == "tcp" else f"serial:{rest},1000000" if scheme == "pty" else f"unix:{rest}"
        )
        command = [sys.executable, str(Path(__file__).with_name("peripheral.py")), spec, address, kind, *name]
        process = hatchery.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert select.select([process.stdout], [], [], UP_SECONDS)[0], "the host stack did not come up"
        words = process.stdout.readline().split()
        assert words[:1] == ["up"], process.stderr.read()
        return process, words[1][:17]

    yield attached
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
