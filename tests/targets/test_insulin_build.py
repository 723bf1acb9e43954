"""The insulin pump's table is its firmware's and documented; every requirement is judged or excluded."""

import re

from insulin_device import INSULIN, REQUIREMENTS

from harness.bench import load_bench
from targets.insulin.build import INSULIN as FIRMWARE
from targets.insulin.table import COMMAND, READ, SERVICES, WRITE, characteristics

README = (INSULIN / "README.md").read_text(encoding="utf-8")
GATT = (FIRMWARE.folder / "gatt.c").read_text(encoding="utf-8")
NUMBERS = dict(re.findall(r"(ATTRIBUTE_\w+) = (0x\w+)", (FIRMWARE.folder / "table.h").read_text(encoding="utf-8")))


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
