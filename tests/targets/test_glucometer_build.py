"""The glucose meter's ELFs are what its sources build, in any folder; attributes, signals and faults are documented."""

import re
import shutil
from dataclasses import replace

import pytest
from glucometer_device import DEVICE, GLUCOMETER

from harness.bench import load_bench
from harness.fault_table import load_faults
from targets.board.image import Image
from targets.glucometer.build import GLUCOMETER as FIRMWARE
from targets.glucometer.build import Build, compile_firmware, fault_names
from targets.glucometer.front import ADDRESS, address_bytes

README = (GLUCOMETER / "README.md").read_text(encoding="utf-8")
IDENTITY = (FIRMWARE.folder / "identity.c").read_text(encoding="utf-8")


@pytest.mark.parametrize("elf", FIRMWARE.committed(), ids=lambda elf: elf.name)
def test_the_committed_elf_is_rebuilt_byte_for_byte(elf, tmp_path):
    assert compile_firmware(elf, tmp_path).read_bytes() == (GLUCOMETER / elf.name).read_bytes()


def test_another_source_folder_gives_the_same_bytes(tmp_path):
    shutil.copytree(FIRMWARE.folder, tmp_path / "elsewhere" / "sources")
    elsewhere = replace(FIRMWARE, folder=tmp_path / "elsewhere" / "sources")
    elf = elsewhere.compile(Build("glucometer-fixed.elf"), tmp_path)
    assert elf.read_bytes() == (GLUCOMETER / "glucometer-fixed.elf").read_bytes()


def test_a_salt_changes_the_firmware(tmp_path):
    salted = compile_firmware(Build("glucometer-vulnerable.elf", fault_names()), tmp_path, "a")
    assert salted.read_bytes() != (GLUCOMETER / "glucometer-vulnerable.elf").read_bytes()


def test_every_fault_is_documented_and_recognized():
    faults = README.split("## Planted faults")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", faults, re.MULTILINE)
    assert (
        sorted(rows) == sorted(fault_names()) == sorted(fault.id for fault in load_faults(GLUCOMETER / "faults.toml"))
    )


@pytest.mark.parametrize("elf", FIRMWARE.committed(), ids=lambda elf: elf.name)
def test_every_signal_is_a_variable_of_its_own_in_every_elf(elf):
    symbols = Image(GLUCOMETER / elf.name).symbols
    wanted = [signal.symbol for signal in DEVICE.signals.values()]
    assert [name for name in wanted if name not in symbols or symbols[name].size not in (1, 2, 4)] == []
    assert symbols["identity_flash"].size == 7


def test_every_signal_is_in_the_readme():
    assert [name for name in DEVICE.signals if f"`{name}`" not in README] == []


def test_the_address_is_the_firmwares():
    octets = re.findall(r"0x(\w\w)", IDENTITY.split("{{")[1].split("}")[0])
    assert bytes.fromhex("".join(octets)) == address_bytes(ADDRESS)


@pytest.mark.parametrize(("name", "elf"), [("bench", "vulnerable"), ("bench-fixed", "fixed")])
def test_the_benches_speak_to_it_on_every_layer(name, elf):
    bench = load_bench(GLUCOMETER / f"{name}.toml")
    protocols = {"att": "att", "smp": "smp", "signalling": "l2cap_signalling", "l2cap": "l2cap"}
    said = {key: (table.transport, table.protocol) for key, table in bench.interfaces.items()}
    assert said == {key: (f"ble:{ADDRESS}?layer={key}", protocol) for key, protocol in protocols.items()}
    assert bench.path(bench.target.elf) == GLUCOMETER / f"glucometer-{elf}.elf"
    assert bench.target.command[2:5] == ["glucometer", "--elf", "{elf}"]
