"""The compiled core and the reference are one machine: random cases through both, every cycle and byte equal."""

import pytest
from foreign_firmware import BUSES, FIRMWARES

from benchmarks.cores import Twins
from benchmarks.cores_described import devices, everything
from benchmarks.cores_inferred import inferred_devices
from targets.board.auto.infer import describe
from targets.board.native.library import CHOICE, REFERENCE, library

pytestmark = pytest.mark.skipif(library() is None, reason="nothing here can compile the core")
CASES = 60


INFERRED_CASES = 40


@pytest.fixture(scope="module")
def pairs():
    return {name: Twins(device) for name, device in devices().items()}


@pytest.fixture(scope="module")
def inferred(tmp_path_factory):
    return inferred_devices(tmp_path_factory.mktemp("foreign"))


@pytest.mark.parametrize("device", sorted(devices()))
def test_random_cases_are_the_same_on_both(pairs, device):
    assert [different for seed in range(CASES) if (different := pairs[device].run(seed))] == []


@pytest.mark.parametrize("name", [*(f"{each.name}, {each.cpu}" for each in FIRMWARES), *BUSES])
def test_random_cases_of_a_chip_that_nobody_described_are_the_same_on_both(inferred, name):
    twins = Twins(inferred[name])
    assert twins.differences() == {}
    assert [different for seed in range(INFERRED_CASES) if (different := twins.run(seed))] == []


@pytest.mark.parametrize("name", [*(f"{each.name}, {each.cpu}" for each in FIRMWARES), *BUSES])
def test_the_reference_finds_the_same_board(inferred, name, monkeypatch):
    monkeypatch.setenv(CHOICE, REFERENCE)
    library.cache_clear()
    try:
        assert describe(inferred[name].image) == inferred[name].description
    finally:
        monkeypatch.undo()
        library.cache_clear()


def test_a_difference_would_be_seen(pairs):
    twins = pairs["pump"]
    compiled = twins.targets[1].machine
    compiled.cpu.ram[0x4000] ^= 1
    different = everything(twins.targets[0])["RAM"] != everything(twins.targets[1])["RAM"]
    compiled.cpu.ram[0x4000] ^= 1
    assert different


def test_a_bank_that_python_keeps_is_restored_after_a_reset(pairs):
    target = pairs["pump"].targets[1]
    target.start()
    kept, before = target.snapshot(), everything(target)
    target.restore(kept)
    target.machine.reset("pin")
    assert target.machine.chip.rng.registers[0] == 0
    target.restore(kept)
    assert target.machine.chip.rng.registers[0] != 0
    assert everything(target) == before
