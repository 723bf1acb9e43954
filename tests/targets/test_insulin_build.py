"""The insulin pump's ELFs are what its sources build, in any folder; table, signals and faults are documented."""

import re
import shutil
from dataclasses import replace

import pytest
from insulin_device import DEVICE, INSULIN, REQUIREMENTS

from harness.bench import load_bench
from harness.fault_table import load_faults
from targets.board.image import Image
from targets.insulin.build import INSULIN as FIRMWARE
from targets.insulin.build import Build, compile_firmware, fault_names
from targets.insulin.table import COMMAND, READ, SERVICES, WRITE, characteristics

README = (INSULIN / "README.md").read_text(encoding="utf-8")
GATT = (FIRMWARE.folder / "gatt.c").read_text(encoding="utf-8")
NUMBERS = dict(re.findall(r"(ATTRIBUTE_\w+) = (0x\w+)", (FIRMWARE.folder / "table.h").read_text(encoding="utf-8")))


@pytest.mark.parametrize("elf", FIRMWARE.committed(), ids=lambda elf: elf.name)
def test_the_committed_elf_is_rebuilt_byte_for_byte(elf, tmp_path):
    assert compile_firmware(elf, tmp_path).read_bytes() == (INSULIN / elf.name).read_bytes()


def test_another_source_folder_gives_the_same_bytes(tmp_path):
    shutil.copytree(FIRMWARE.folder, tmp_path / "elsewhere" / "sources")
    elsewhere = replace(FIRMWARE, folder=tmp_path / "elsewhere" / "sources")
    elf = elsewhere.compile(Build("insulin-fixed.elf"), tmp_path)
    assert elf.read_bytes() == (INSULIN / "insulin-fixed.elf").read_bytes()


def test_a_salt_changes_the_firmware(tmp_path):
    salted = compile_firmware(Build("insulin-vulnerable.elf", fault_names()), tmp_path, "a")
    assert salted.read_bytes() != (INSULIN / "insulin-vulnerable.elf").read_bytes()


def entries():
    """The firmware's own table: number, encrypted, has a read and a write handler."""
    rows = re.findall(r"\{(ATTRIBUTE_\w+), (\w+), (\w+), (\w+)\},", GATT)
    return {int(NUMBERS[name], 16): (level == "ENCRYPTED", r != "0", w != "0") for name, level, r, w in rows}


def test_the_table_says_what_the_firmware_does():
    said = {
        c.id: (c.needs_encryption, bool(c.properties & READ), bool(c.properties & (WRITE | COMMAND)))
        for c in characteristics()
        if c.properties & (READ | WRITE | COMMAND)
    }
    assert said == entries()
    assert {c.id for c in characteristics()} == {int(number, 16) for number in NUMBERS.values()}
    assert len({s.uuid for s in SERVICES}) == len(SERVICES)


def test_every_characteristic_is_in_the_readme():
    assert [f"{c.id:04X}" for c in characteristics() if f"| {c.id:04X} |" not in README] == []


def test_every_fault_is_documented_and_recognized():
    faults = README.split("## Planted faults")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", faults, re.MULTILINE)
    assert sorted(rows) == sorted(fault_names()) == sorted(fault.id for fault in load_faults(INSULIN / "faults.toml"))


@pytest.mark.parametrize("elf", FIRMWARE.committed(), ids=lambda elf: elf.name)
def test_every_signal_is_a_variable_of_its_own_in_every_elf(elf):
    symbols = Image(INSULIN / elf.name).symbols
    wanted = [signal.symbol for signal in DEVICE.signals.values() if signal.symbol]
    assert [name for name in wanted if name not in symbols or symbols[name].size not in (1, 2, 4)] == []


def test_every_signal_is_in_the_readme():
    assert [name for name in DEVICE.signals if f"`{name}`" not in README] == []


def test_a_bench_can_stand_on_the_device(tmp_path):
    file = tmp_path / "bench.toml"
    file.write_text(
        f'include = "{INSULIN / "device.toml"}"\n[interfaces.x]\ntransport = "emulator:/mailbox"\nprotocol = "x"\n'
    )
    bench = load_bench(file)
    assert bench.path(bench.target.elf) == INSULIN / "insulin-vulnerable.elf"
    assert bench.path(bench.safety.requirements) == INSULIN / "requirements.toml"


def test_requirements_are_judged_or_excluded_with_a_reason():
    ids = [requirement.id for requirement in REQUIREMENTS]
    assert {f"INS-{number}" for number in (1, 2, 4, 5, 6, 7, 8, 9)} <= set(ids)
    assert all(requirement.formula or requirement.excluded for requirement in REQUIREMENTS)
