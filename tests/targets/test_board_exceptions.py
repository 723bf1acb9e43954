"""Every rule of exceptions that firmware relies on: told by one ELF, on our board and in QEMU's netduinoplus2."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from targets.board.image import Image
from targets.board.machine import Machine
from targets.board.native.machine import new_machine

FIRMWARE = Path(__file__).parent / "firmware"
CLANG = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4+vfp4d16sp"]
FLAGS = ["-O1", "-gline-tables-only", "-ffreestanding", "-nostdlib", "-fno-sanitize=all", "-Wl,-z,max-page-size=4"]
QEMU = shutil.which("qemu-system-arm")
HZ = 16_000_000


@pytest.fixture(scope="module")
def elf(tmp_path_factory):
    path = tmp_path_factory.mktemp("exceptions") / "exceptions.elf"
    source = ["-T", "board.ld", "-Wl,-e,reset_handler", "-o", str(path), "exceptions.c"]
    subprocess.run([*CLANG, *FLAGS, *source], cwd=FIRMWARE, check=True)
    return path


@pytest.fixture(scope="module", params=[Machine, new_machine], ids=["reference", "compiled"])
def ours(elf, request):
    machine = request.param(Image(elf), hang_budget=10 * HZ)
    machine.run(HZ)
    return machine.events, b"".join(data for _cycle, data in machine.chip.usarts["USART1"].output).decode()


def test_every_rule_is_tried(ours):
    _events, text = ours
    assert text.endswith("end\n")
    assert len(text.splitlines()) == 38


def test_a_service_call_that_cannot_be_taken_is_a_hard_fault_and_told(ours):
    events, _text = ours
    calls = [event.detail for event in events if event.detail["type"] == "service call where it is masked"]
    assert [detail["symbol"] for detail in calls] == ["reset_handler"] * 2 + ["call_within"] * 2


@pytest.mark.skipif(QEMU is None, reason="qemu-system-arm is not installed")
def test_qemu_tells_the_same(ours, elf, tmp_path):
    told = tmp_path / "serial"
    ports = ["-serial", f"file:{told}", "-serial", "null", "-serial", "null"]
    command = [QEMU, "-M", "netduinoplus2", "-nographic", "-monitor", "none", *ports, "-kernel", str(elf)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not (told.exists() and told.read_text().endswith("end\n")):
            assert time.monotonic() < deadline, told.read_text()
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    _events, text = ours
    assert text.splitlines() == told.read_text().splitlines()
