"""Raw ATT PDUs and bleak's writes a second through the radio process, beside Bumble's own rate, a process less."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from benchmarks.ble_peer import PERIPHERAL
from benchmarks.measure import interleaved, ratio, table, wanted
from harness.radio.process import Radio
from harness.transports import ble, transport

_WRITES = 1000
_DEVICE = Path(__file__).parents[1] / "tests" / "radio" / "peripheral.py"
_OTHER = "F0:F1:F2:F3:F4:F6"
_SCRIPT = Path(__file__).with_name("ble_bleak.py")
_VALUE = "a0000002-0000-4000-8000-000000000000"


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A program of this interpreter, ended at the end."""
    process = subprocess.Popen(
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def device(moniker: str, address: str = PERIPHERAL) -> Iterator[None]:
    """The tests' peripheral, attached."""
    with program(str(_DEVICE), f"tcp-client:{moniker.removeprefix('tcp:')}", address, "random") as process:
        said(process)
        yield


def said(process: subprocess.Popen[str]) -> str:
    """The next line."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(process: subprocess.Popen[str], line: str) -> None:
    """Send a line."""
    assert process.stdin is not None
    process.stdin.write(line + "\n")


def report() -> None:
    """Print the table and the goal."""
    radio = Radio(listen=["tcp:127.0.0.1:0"])
    try:
        with (
            program("-m", "benchmarks.ble_peer", str(_WRITES)) as alone,
            device(said(alone)),
            device(radio.listening[0]),
            device(radio.listening[0], _OTHER),
            bleak_script(radio) as script,
        ):
            links = {fence: opened(radio, fence) for fence in ("on", "off")}
            ask(alone, str(links["on"].handle(_VALUE)))
            rates = interleaved(
                {
                    "Bumble alone, write requests": lambda: again(alone),
                    "medfuzz, each write behind a fence": lambda: written(links["on"], 2),
                    "medfuzz, sequential": lambda: written(links["off"], 1),
                    "bleak's write_gatt_char on medfuzz": lambda: again(script),
                }
            )
    finally:
        radio.stop()
    print(table("\nBluetooth LE without a radio, processes on loopback", "PDUs/s", rates, rates[0]))
    print(wanted("with fences, of Bumble's own rate", ratio(rates[1], rates[0]), 0.7))
    print(wanted("bleak's writes, of Bumble's own rate", ratio(rates[3], rates[0]), 0.5))


def opened(radio: Radio, fence: str) -> ble.BleLink:
    """An ATT link to the device."""
    return transport(f"ble:{PERIPHERAL}?layer=att&fence={fence}", SimpleNamespace(radio=radio)).open(5.0)


@contextmanager
def bleak_script(radio: Radio) -> Iterator[subprocess.Popen[str]]:
    """The bleak script, connected to the other device."""
    command = ["-m", "harness.radio.bleak", "--radio", radio.client(5.0).moniker, str(_SCRIPT)]
    with program(*command, _OTHER, _VALUE, str(_WRITES)) as process:
        assert said(process) == "connected"
        yield process


def again(measuring: subprocess.Popen[str]) -> float:
    """The rate of a program that measures by itself."""
    ask(measuring, "again")
    return float(said(measuring))


def written(link: ble.BleLink, pdus: int) -> float:
    """Ours; `pdus` go out with each write, the fence counted."""
    pdu = b"\x12" + link.handle(_VALUE).to_bytes(2, "little") + bytes(8)
    started = time.perf_counter()
    for _ in range(_WRITES):
        link.send(pdu, link.now() + 1.0)
        while link.receive(link.now() + 1.0) and link.whole:
            pass
    return pdus * _WRITES / (time.perf_counter() - started)
