"""The glucose meter's address and benches are those of its firmware."""

import re

import pytest
from glucometer_device import GLUCOMETER

from harness.bench import load_bench
from targets.board.image import Image
from targets.glucometer.build import GLUCOMETER as FIRMWARE
from targets.glucometer.front import ADDRESS, address_bytes

README = (GLUCOMETER / "README.md").read_text(encoding="utf-8")
IDENTITY = (FIRMWARE.folder / "identity.c").read_text(encoding="utf-8")


def test_the_address_is_the_firmwares():
    octets = re.findall(r"0x(\w\w)", IDENTITY.split("{{")[1].split("}")[0])
    assert bytes.fromhex("".join(octets)) == address_bytes(ADDRESS)
    assert [Image(GLUCOMETER / elf.name).symbols["identity_flash"].size for elf in FIRMWARE.committed()] == [7, 7]


@pytest.mark.parametrize(("name", "elf"), [("bench", "vulnerable"), ("bench-fixed", "fixed")])
def test_the_benches_speak_to_it_on_every_layer(name, elf):
    bench = load_bench(GLUCOMETER / f"{name}.toml")
    protocols = {"att": "att", "smp": "smp", "signalling": "l2cap_signalling", "l2cap": "l2cap"}
    said = {key: (table.transport, table.protocol) for key, table in bench.interfaces.items()}
    assert said == {key: (f"ble:{ADDRESS}?layer={key}", protocol) for key, protocol in protocols.items()}
    assert bench.path(bench.target.elf) == GLUCOMETER / f"glucometer-{elf}.elf"
    assert bench.target.command[2:5] == ["glucometer", "--elf", "{elf}"]
