"""The insulin pump with what devices of the field do that is no fault: `medfuzz emulate --bench-faults`."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from harness.interfaces import Identity
from harness.radio.process import Radio

ROOT, ADDRESS = Path(__file__).parents[2], "C6:49:50:37:00:01"
EMULATE = [sys.executable, "-m", "harness.cli.main", "emulate"]


@contextlib.contextmanager
def pump(radio, faults):
    command = [*EMULATE, "insulin-fixed", "--radio", radio.listening[0], "--bench-faults", faults]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


@pytest.mark.parametrize("faults", ["odd-name,mtu-refused,duplicate-uuids", "late-advertising,rotating-address"])
def test_the_pump_is_met_again_whatever_it_does(faults):
    radio = Radio(listen=["unix:"], wanted=Identity(model="IP-7", serial="SN-0007741"))
    try:
        with pump(radio, faults) as address:
            peer = radio.peer(address[:17])
            for _ in range(3):
                peer.open(4, 5.0, paired=True, subscribed=True)
                assert peer.read(peer.handle("2a24")) == b"\x0bIP-7"
                peer.close()
            assert peer.watch.take() == ()
    finally:
        radio.stop()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["insulin", "--radio", "tcp:127.0.0.1:9", "--bench-faults", "odd-nam"], "no 'odd-nam' over Bluetooth LE"),
        (["glucometer", "--radio", "tcp:127.0.0.1:9", "--bench-faults", "odd-name"], "are the insulin pump's"),
    ],
)
def test_faults_that_it_has_not_are_refused_by_name(words, said):
    done = subprocess.run([*EMULATE, *words], capture_output=True, text=True, cwd=ROOT, timeout=20, check=False)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
