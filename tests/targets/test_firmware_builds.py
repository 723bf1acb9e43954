"""Every emulated device: its ELFs are what its sources build, in any folder; its faults and signals are documented."""

import re
import shutil
from dataclasses import replace

import pytest

from harness.bench import load_device
from harness.fault_table import load_faults
from targets.board.image import Image
from targets.firmware import Build
from targets.glucometer.build import GLUCOMETER
from targets.insulin.build import INSULIN
from targets.pump.build import PUMP

FIRMWARES = {"pump": PUMP, "insulin": INSULIN, "glucometer": GLUCOMETER}
ELFS = [pytest.param(firmware, elf, id=elf.name) for firmware in FIRMWARES.values() for elf in firmware.committed()]
each_elf = pytest.mark.parametrize(("firmware", "elf"), ELFS)


@pytest.fixture(params=sorted(FIRMWARES))
def firmware(request):
    return FIRMWARES[request.param]


def home(firmware):
    return firmware.folder.parent


def readme(firmware):
    return (home(firmware) / "README.md").read_text(encoding="utf-8")


def signals(firmware):
    """As the device's file has them, or its bench."""
    file = home(firmware) / "device.toml"
    return load_device(file if file.exists() else home(firmware) / "bench.toml").signals


@each_elf
def test_the_committed_elf_is_rebuilt_byte_for_byte(firmware, elf, tmp_path):
    assert firmware.compile(elf, tmp_path).read_bytes() == (home(firmware) / elf.name).read_bytes()


def test_another_source_folder_gives_the_same_bytes(firmware, tmp_path):
    shutil.copytree(firmware.folder, tmp_path / "elsewhere" / "sources")
    elsewhere, fixed = replace(firmware, folder=tmp_path / "elsewhere" / "sources"), f"{firmware.name}-fixed.elf"
    assert elsewhere.compile(Build(fixed), tmp_path).read_bytes() == (home(firmware) / fixed).read_bytes()


def test_a_salt_changes_the_firmware(firmware, tmp_path):
    vulnerable = f"{firmware.name}-vulnerable.elf"
    salted = firmware.compile(Build(vulnerable, firmware.fault_names()), tmp_path, "a")
    assert salted.read_bytes() != (home(firmware) / vulnerable).read_bytes()


def test_a_salt_moves_the_constants_and_no_salt_leaves_them(firmware):
    assert firmware.salted_constants("") == {}
    assert firmware.salted_constants("a") != firmware.salted_constants("b")
    assert firmware.salted_constants("a") == firmware.salted_constants("a")
    assert set(firmware.salted_constants("a")) == set(firmware.salted)


def test_every_fault_is_documented_and_recognized(firmware):
    faults = readme(firmware).split("## Planted faults")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", faults, re.MULTILINE)
    known = [fault.id for fault in load_faults(home(firmware) / "faults.toml")]
    assert sorted(rows) == sorted(firmware.fault_names()) == sorted(known)


@each_elf
def test_every_signal_is_a_variable_of_its_own_in_every_elf(firmware, elf):
    symbols = Image(home(firmware) / elf.name).symbols
    wanted = [signal.symbol for signal in signals(firmware).values() if signal.symbol]
    assert [name for name in wanted if name not in symbols or symbols[name].size not in (1, 2, 4)] == []


def test_every_signal_is_in_the_readme(firmware):
    assert [name for name in signals(firmware) if f"`{name}`" not in readme(firmware)] == []
