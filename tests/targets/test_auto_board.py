"""Firmware of chips that nobody described: it boots, its port is found, its planted faults are named."""

import importlib.util
import sys
from pathlib import Path

import pytest

from targets.board.auto.infer import describe
from targets.board.auto.machine import AutoMachine

pytestmark = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="builds firmware")
FOLDER = Path(__file__).parent / "foreign"


def _module():
    spec = importlib.util.spec_from_file_location("foreign_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["foreign_build"] = module
    spec.loader.exec_module(module)
    return module


build = _module()


@pytest.fixture(scope="module", params=build.FIRMWARES, ids=lambda firmware: firmware.name)
def device(request, tmp_path_factory):
    """The faulty firmware booted on the board that was inferred from it, and the moment at which it waits."""
    image = request.param.image(tmp_path_factory.mktemp(request.param.name), build.FAULTS)
    machine = AutoMachine(image, describe(image))
    machine.power_on()
    machine.run(machine.hz)
    assert machine.events == []
    return machine, machine.snapshot()


def say(device, data, seconds=1.0):
    """What comes back for some bytes from the moment at which it waits."""
    machine, moment = device
    machine.restore(moment)
    machine.events.clear()
    port = machine.chip.ports[0]
    port.output.clear()
    port.feed(data)
    machine.run_to_rest(machine.schedule.base + round(seconds * machine.hz), machine.hz // 30)
    return b"".join(sent for _cycle, sent in port.output)


def test_it_has_one_port_that_greeted(device):
    machine, moment = device
    machine.restore(moment)
    assert [port.description.name for port in machine.chip.ports] == ["UART0"]
    assert b"READY v1.2" in b"".join(sent for _cycle, sent in machine.chip.ports[0].output)


def test_it_answers(device):
    assert say(device, b"mode 1\r\nstatus\r\n") == b"ok\r\nlines 3 mode 1\r\n"
    assert device[0].events == []


def test_it_takes_every_byte_and_rests_again(device):
    say(device, b"x" * 300)
    machine = device[0]
    assert (machine.chip.busy, machine.sleeping, machine.locked) == (False, True, False)


@pytest.mark.parametrize(
    ("sent", "function"), [(b"mode ~\r\n", "set_mode"), (b"name " + b"A" * 60 + b"\r\n", "set_name")]
)
def test_a_planted_fault_is_named(device, sent, function):
    say(device, sent)
    machine = device[0]
    fault = next(event for event in machine.events if event.kind == "fault")
    if machine.image.symbols:  # a raw binary has none
        assert fault.detail["symbol"] == function
        assert fault.detail["line"].startswith("app.c:")
