"""What any peripheral must stand, on the virtual radio and, marked `hardware`, on a real adapter: the same cases."""

import sys
from types import SimpleNamespace

import pytest
from wall_clock import WallClock

from fuzzers import FUZZERS
from harness.case import Send
from harness.cli import main as cli
from harness.executor import Executor
from harness.guard import Guard
from harness.transports import transport
from protocols.load import load_protocol

LAYERS = [
    ("att", "att"),
    ("gatt_racp", "gatt"),
    ("gatt_cgm", "gatt"),
    ("gatt_ids", "gatt"),
    ("smp", "smp"),
    ("l2cap_signalling", "signalling"),
    ("l2cap", "l2cap"),
]
READING = ("read", "read_blob", "find_information", "read_by_type", "read_by_group_type", "find_by_type_value")


@pytest.fixture
def speaks(air):
    """Makes an executor that speaks a protocol over a layer."""
    made = []

    def opened(name, layer):
        carrier = transport(f"ble:{air.address}?layer={layer}", SimpleNamespace(radio=air.radio))
        guard = Guard(None, ())
        made.append(
            Executor(
                load_protocol(name), carrier, WallClock(), guard, reply_timeout=2.0, open_timeout=10.0, adaptive=False
            )
        )
        return made[-1]

    yield opened
    for executor in made:
        executor.close()


def test_the_device_advertises(air):
    found = air.radio.client(5.0).ask("scan", 10.0, seconds=2.0)["found"]
    assert air.address in [who["address"] for who in found]


@pytest.mark.parametrize(("name", "layer"), LAYERS)
def test_the_probe_is_served_again_and_again(speaks, name, layer):
    executor = speaks(name, layer)
    for _ in range(3):
        executor.begin()
        answer = executor.probe()
        assert answer is not None and executor.protocol.served(answer)
        assert len([exchange for exchange in executor.exchanges if exchange.sent]) == 1


def test_malformed_reads_are_survived(speaks):
    executor = speaks("att", "att")
    cases = (case for case in FUZZERS.get("enumerate")(executor.protocol, "att", seed=1).cases() if only_reads(case))
    for _, case in zip(range(60), cases, strict=False):
        executor.begin()
        executor.run(case.steps)
        assert executor.probe() is not None


def only_reads(case):
    """Nothing in it that could change the device, whatever was bent: its opcode stands."""
    codes = {load_protocol("att").message(name).send().data[:1] for name in READING}
    return all(isinstance(step, Send) and step.data[:1] in codes for step in case.steps)


def test_from_an_address_to_a_checked_bench(air, tmp_path, monkeypatch, capsys):
    control = air.radio.client(5.0).moniker
    monkeypatch.chdir(tmp_path)
    for words in (
        ["discover", f"ble:{air.address}", "--radio", control, "--out", "device"],
        ["check", "device/bench.toml"],
    ):
        monkeypatch.setattr(sys, "argv", ["medfuzz", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code, capsys.readouterr().err
