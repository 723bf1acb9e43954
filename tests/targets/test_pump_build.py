"""The pump's ELFs are what its sources build, in any folder; every documented command has a handler."""

import re
import shutil
from dataclasses import replace

import pytest
from pump_device import BENCH, PUMP, REQUIREMENTS

from harness.errors import UsageError
from harness.fault_table import load_faults
from protocols.pump_link_packets import REQUESTS
from targets.board.image import Image
from targets.pump.build import PUMP as FIRMWARE
from targets.pump.build import Build, compile_firmware, fault_names

README = (PUMP / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("elf", FIRMWARE.committed(), ids=lambda elf: elf.name)
def test_the_committed_elf_is_rebuilt_byte_for_byte(elf, tmp_path):
    assert compile_firmware(elf, tmp_path).read_bytes() == (PUMP / elf.name).read_bytes()


def test_another_source_folder_gives_the_same_bytes(tmp_path):
    shutil.copytree(FIRMWARE.folder, tmp_path / "elsewhere" / "sources")
    elsewhere = replace(FIRMWARE, folder=tmp_path / "elsewhere" / "sources")
    elf = elsewhere.compile(Build("pump-fixed.elf"), tmp_path)
    assert elf.read_bytes() == (PUMP / "pump-fixed.elf").read_bytes()


def test_a_salt_moves_the_constants_and_no_salt_leaves_them():
    assert FIRMWARE.salted_constants("") == {}
    assert FIRMWARE.salted_constants("a") != FIRMWARE.salted_constants("b")
    assert FIRMWARE.salted_constants("a") == FIRMWARE.salted_constants("a")
    assert set(FIRMWARE.salted_constants("a")) == set(FIRMWARE.salted)


def test_an_unknown_fault_names_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="Did you mean 'history'"):
        compile_firmware(Build("pump.elf", ("histori",)), tmp_path)


def test_every_documented_command_has_a_packet_and_a_handler():
    documented = {int(code, 16) for code in re.findall(r"^\| ([0-9A-F]{2}) \|", README, re.MULTILINE)}
    table = (FIRMWARE.folder / "commands.c").read_text(encoding="utf-8")
    handled = {int(code, 16) for code in re.findall(r"\[0x([0-9A-F]{2})\] = \{\w+,", table)}
    assert documented == handled == set(REQUESTS)


def test_every_fault_is_documented_and_recognized():
    faults = README.split("## Planted faults")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|", faults, re.MULTILINE)
    assert sorted(rows) == sorted(fault_names()) == sorted(fault.id for fault in load_faults(PUMP / "faults.toml"))


@pytest.mark.parametrize("elf", FIRMWARE.committed(), ids=lambda elf: elf.name)
def test_every_signal_is_a_variable_of_its_own_in_every_elf(elf):
    symbols = Image(PUMP / elf.name).symbols
    wanted = [signal.symbol for signal in BENCH.signals.values() if signal.symbol]
    assert [name for name in wanted if name not in symbols or symbols[name].size not in (1, 2, 4)] == []


def test_every_signal_is_in_the_readme():
    assert [name for name in BENCH.signals if f"`{name}`" not in README] == []


def test_requirements_are_judged_or_excluded_with_a_reason():
    ids = [requirement.id for requirement in REQUIREMENTS]
    assert [f"PUMP-{number:02d}" for number in range(1, 23) if f"PUMP-{number:02d}" not in ids] == []
    assert all(requirement.formula or requirement.excluded for requirement in REQUIREMENTS)
