"""The pump's firmware: every documented command has a handler, every requirement is judged or excluded."""

import re

import pytest
from pump_device import PUMP, REQUIREMENTS

from harness.errors import UsageError
from targets.pump.build import PUMP as FIRMWARE
from targets.pump.build import Build, compile_firmware
from targets.pump.protocol.packets import REQUESTS

README = (PUMP / "README.md").read_text(encoding="utf-8")


def test_an_unknown_fault_names_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="Did you mean 'history'"):
        compile_firmware(Build("pump.elf", ("histori",)), tmp_path)


def test_every_documented_command_has_a_packet_and_a_handler():
    documented = {int(code, 16) for code in re.findall(r"^\| ([0-9A-F]{2}) \|", README, re.MULTILINE)}
    table = (FIRMWARE.folder / "commands.c").read_text(encoding="utf-8")
    handled = {int(code, 16) for code in re.findall(r"\[0x([0-9A-F]{2})\] = \{\w+,", table)}
    assert documented == handled == set(REQUESTS)


def test_requirements_are_judged_or_excluded_with_a_reason():
    ids = [requirement.id for requirement in REQUIREMENTS]
    assert [f"PUMP-{number:02d}" for number in range(1, 23) if f"PUMP-{number:02d}" not in ids] == []
    assert all(requirement.formula or requirement.excluded for requirement in REQUIREMENTS)
