"""The smallest reproducers that were written by hand show their faults, and none of it is on the fixed build."""

from pathlib import Path

import pytest

from benchmarks.smallest import smallest
from harness.assembly.assemble import assemble
from harness.fault_table import load_faults, name_fault
from harness.finding import Finding, Size
from harness.triage.shrink import Shrinker
from targets.pump.build import Build, compile_firmware, fault_names

PUMP = Path(__file__).parents[2] / "targets" / "pump"
FAULTS = load_faults(PUMP / "faults.toml")
SIZES = {
    ("bolus_rate", "maintenance"): Size(5, 84),
    ("bolus_state", "maintenance"): Size(4, 65),
    ("calendar", "maintenance"): Size(5, 78),
    ("command_replay", "maintenance"): Size(6, 105),
    ("console_format", "network"): Size(1, 29),
    ("control_id", "network"): Size(1, 40),
    ("device_name", "maintenance"): Size(3, 72),
    ("drug_name", "maintenance"): Size(2, 54),
    ("echo", "maintenance"): Size(1, 9),
    ("history", "maintenance"): Size(3, 37),
    ("library_session", "maintenance"): Size(3, 55),
    ("order_repeated", "network"): Size(2, 174),
    ("patient_line", "network"): Size(1, 87),
    ("patient_segment", "network"): Size(1, 34),
    ("peer_name", "maintenance"): Size(1, 28),
    ("rate_limit", "maintenance"): Size(3, 44),
    ("rate_limit", "network"): Size(1, 94),
    ("settings_panic", "maintenance"): Size(4, 50),
    ("silence", "maintenance"): Size(3, 37),
    ("update_rollback", "maintenance"): Size(4, 60),
    ("update_unsigned", "maintenance"): Size(4, 60),
    ("upload_lock", "maintenance"): Size(2, 28),
}


def started(elf):
    assembly = assemble(PUMP / "bench.toml", seed=7, elf=elf)
    assembly.runner.start()
    return assembly


@pytest.fixture(scope="module")
def vulnerable():
    return started(PUMP / "pump-vulnerable.elf")


@pytest.fixture(scope="module")
def fixed():
    return started(PUMP / "pump-fixed.elf")


def shown(assembly, case):
    """Names of the planted faults that a case shows on a fresh pump, and whatever else was seen."""
    runner = assembly.runner
    with runner.sequential():
        runner.fresh()
        outcome = runner.run(case, probe=True)
        seen = list(outcome.observations)
        if not seen and (ended := runner.finish(case)) is not None:
            seen = list(ended.observations)
    findings = [Finding(one, "0" * 16, (case,), outcome.transcript, 0, 0.0) for one in seen]
    return {name_fault(finding, FAULTS).fault for finding in findings}


def test_every_planted_fault_has_one_and_its_size_is_known(vulnerable):
    shrinker = Shrinker(vulnerable.protocols)
    assert {one.fault for one in smallest()} == set(fault_names())
    assert {(one.fault, one.case.interface): shrinker.size((one.case,)) for one in smallest()} == SIZES


@pytest.mark.parametrize("one", smallest(), ids=lambda one: f"{one.fault}-{one.case.interface}")
def test_it_shows_its_fault_on_the_vulnerable_build_and_nothing_on_the_fixed_one(one, vulnerable, fixed):
    assert one.fault in shown(vulnerable, one.case)
    assert shown(fixed, one.case) == set()


def beside(boundary):
    """Numbers around the edge that the boundary tells of."""
    return [number for number in range(boundary.edge - 2, boundary.edge + 3) if number >= 0]


@pytest.mark.parametrize("one", [one for one in smallest() if one.boundary], ids=lambda one: one.fault)
def test_the_boundary_is_where_it_is_said_to_be(one, vulnerable):
    told = [one.boundary.shows(number) for number in beside(one.boundary)]
    assert [one.fault in shown(vulnerable, one.boundary.at(number)) for number in beside(one.boundary)] == told


@pytest.mark.slow
@pytest.mark.parametrize("salt", ["a", "ward-7"])
def test_a_salt_moves_the_boundaries_to_where_its_constants_say(salt, tmp_path):
    assembly = started(compile_firmware(Build("pump.elf", fault_names()), tmp_path, salt))
    for one in smallest(salt):
        assert one.fault in shown(assembly, one.case), one.fault
        for number in beside(one.boundary) if one.boundary else ():
            assert (one.fault in shown(assembly, one.boundary.at(number))) is one.boundary.shows(number), one.fault
