"""The smallest reproducers that were written by hand show their faults, and none of it is on the fixed build."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks import smallest_glucometer, smallest_insulin, smallest_pump
from harness.assembly.assemble import assemble
from harness.fault_table import load_faults, name_fault
from harness.finding import Finding, Size
from harness.triage.shrink import Shrinker
from targets.firmware import Build, Firmware
from targets.glucometer.build import GLUCOMETER
from targets.insulin.build import INSULIN
from targets.pump.build import PUMP

PUMP_SIZES = {
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
INSULIN_SIZES = {
    ("abort_race", "gatt"): Size(3, 20),
    ("alert_range", "gatt"): Size(2, 12),
    ("bolus_limit", "gatt"): Size(2, 21),
    ("bolus_replay", "gatt"): Size(3, 36),
    ("bolus_session", "gatt"): Size(2, 20),
    ("bond_session", "gatt"): Size(2, 24),
    ("calibration", "gatt"): Size(2, 29),
    ("crc_zero", "gatt"): Size(2, 10),
    ("history_delete", "gatt"): Size(2, 12),
    ("interval_zero", "gatt"): Size(3, 17),
    ("nonce", "gatt"): Size(3, 12),
    ("patient_read", "gatt"): Size(2, 7),
    ("pin_length", "gatt"): Size(4, 33),
    ("pin_readable", "gatt"): Size(2, 7),
    ("racp_range", "gatt"): Size(2, 14),
    ("record_zero", "gatt"): Size(4, 25),
    ("request_lock", "gatt"): Size(3, 11),
    ("session_null", "gatt"): Size(2, 10),
    ("settings_panic", "gatt"): Size(4, 29),
    ("temp_basal", "gatt"): Size(4, 34),
    ("upload_records", "gatt"): Size(4, 122),
}
GLUCOMETER_SIZES = {
    ("att_sequence", "att"): Size(2, 2),
    ("att_sequence", "l2cap"): Size(2, 10),
    ("find_value", "att"): Size(1, 13),
    ("fragment_length", "l2cap"): Size(1, 5),
    ("key_size", "l2cap"): Size(1, 11),
    ("key_size", "smp"): Size(2, 9),
    ("mtu_small", "att"): Size(1, 3),
    ("prepare_offset", "att"): Size(1, 6),
    ("public_key", "l2cap"): Size(1, 37),
    ("public_key", "smp"): Size(3, 36),
    ("signal_zero", "l2cap"): Size(1, 8),
    ("signal_zero", "signalling"): Size(1, 4),
}


@dataclass
class Device:
    """A device, what was written by hand for it, and its benches with one build each, once they were asked for."""

    firmware: Firmware
    smallest: object
    sizes: dict
    running: dict = field(default_factory=dict)

    @property
    def folder(self):
        return Path(self.firmware.folder).parent

    def started(self, elf):
        if elf not in self.running:
            self.running[elf] = assemble(self.folder / "bench.toml", seed=7, elf=elf)
            self.running[elf].runner.start()
        return self.running[elf]

    def build(self, name):
        return self.started(self.folder / f"{self.firmware.name}-{name}.elf")

    def shown(self, assembly, case, kind=""):
        """Names of the planted faults that a case shows on a fresh device by findings of a kind, and of all else."""
        runner = assembly.runner
        with runner.sequential():
            runner.fresh()
            outcome = runner.run(case, probe=True)
        faults = load_faults(self.folder / "faults.toml")
        findings = [Finding(one, "0" * 16, (case,), outcome.transcript, 0, 0.0) for one in outcome.observations]
        findings = [finding for finding in findings if kind in ("", finding.kind.value)]
        return {name_fault(finding, faults).fault for finding in findings}

    def shows(self, assembly, fault, case, kind="", tries=3):
        """Over the air two requests that go out at once may not meet at the first try."""
        return any(fault in self.shown(assembly, case, kind) for _ in range(tries))

    def tells(self, assembly, fault, boundary, number):
        """Whether a number shows it; one that should has three tries."""
        tries = 3 if boundary.shows(number) else 1
        return self.shows(assembly, fault, boundary.at(number), boundary.kind, tries)


DEVICES = {
    "pump": Device(PUMP, smallest_pump.smallest, PUMP_SIZES),
    "insulin": Device(INSULIN, smallest_insulin.smallest, INSULIN_SIZES),
    "glucometer": Device(GLUCOMETER, smallest_glucometer.smallest, GLUCOMETER_SIZES),
}
ALL = [(name, one) for name, device in DEVICES.items() for one in device.smallest()]
BOUNDED = [(name, one) for name, one in ALL if one.boundary]


def title(value):
    """A device's name, or a fault's with what it is sent by."""
    if isinstance(value, str):
        return value
    where = f"-{value.boundary.field}" if value.boundary else ""
    return f"{value.fault}-{value.case.interface}-{value.case.messages[-1]}{where}"


@pytest.fixture(scope="module", autouse=True)
def ended():
    yield
    for device in DEVICES.values():
        for assembly in device.running.values():
            assembly.runner.stop()
        device.running.clear()


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_every_planted_fault_has_one_and_its_size_is_known(device):
    shrinker = Shrinker(device.build("vulnerable").protocols)
    sizes = {}
    for one in device.smallest():
        sizes.setdefault((one.fault, one.case.interface), []).append(shrinker.size((one.case,)))
    assert {fault for fault, _interface in sizes} == set(device.firmware.fault_names())
    assert {place: min(of_place, key=lambda size: size.octets) for place, of_place in sizes.items()} == device.sizes


@pytest.mark.parametrize(("name", "one"), ALL, ids=title)
def test_it_shows_its_fault_on_the_vulnerable_build_and_nothing_on_the_fixed_one(name, one):
    device = DEVICES[name]
    assert device.shows(device.build("vulnerable"), one.fault, one.case)
    assert device.shown(device.build("fixed"), one.case) == set()


@pytest.mark.parametrize(("name", "one"), BOUNDED, ids=title)
def test_the_boundary_is_where_it_is_said_to_be(name, one):
    device, boundary = DEVICES[name], one.boundary
    told = {number: boundary.shows(number) for number in boundary.beside}
    vulnerable = device.build("vulnerable")
    shown = {number: device.tells(vulnerable, one.fault, boundary, number) for number in boundary.beside}
    assert shown == told
    assert set(told.values()) == {False, True}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "salt"), [("pump", "a"), ("pump", "ward-7"), ("insulin", "ward-7"), ("glucometer", "a")]
)
def test_a_salt_moves_the_boundaries_to_where_its_constants_say(name, salt, tmp_path):
    device = DEVICES[name]
    build = Build(f"{device.firmware.name}.elf", device.firmware.fault_names())
    assembly = device.started(device.firmware.compile(build, tmp_path, salt))
    for one in device.smallest(salt):
        assert device.shows(assembly, one.fault, one.case), title(one)
        for number in one.boundary.beside if one.boundary else ():
            shows = device.tells(assembly, one.fault, one.boundary, number)
            assert shows is one.boundary.shows(number), (title(one), number)
