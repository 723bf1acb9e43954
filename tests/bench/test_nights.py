"""Two nights on one pump, with different seeds: what is called new and gone is what only one of them found."""

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from harness.fault_table import load_faults, name_fault
from harness.known.compare import GONE, NEW, compare
from harness.store import Store

pytestmark = pytest.mark.slow
PUMP = Path(__file__).parents[2] / "targets" / "pump"
FAULTS = load_faults(PUMP / "faults.toml")


@pytest.fixture(scope="module")
def nights(campaign):
    return [campaign("bench.toml", cases=700, seed=seed) for seed in (1, 2)]


def faults(findings):
    return {name_fault(finding, FAULTS).fault for finding in findings if finding.confirmed}


def compared(one, other):
    with Store.open(one.folder) as earlier, Store.open(other.folder) as later:
        groups = compare(earlier, later).groups
    return [faults(difference.finding for difference in groups[name]) for name in (NEW, GONE)]


def test_what_is_new_and_gone_is_what_only_one_night_found(nights):
    for one, other in (nights, nights[::-1]):
        found, met = faults(one.findings), faults(other.findings)
        assert len(found & met) >= 5
        assert compared(one, other) == [met - found, found - met]


def medfuzz(*words, folder):
    return subprocess.run([sys.executable, "-m", "harness.cli.main", *words], cwd=folder, check=False).returncode


def test_a_night_that_meets_only_what_is_known_ends_with_0_and_one_that_has_expired_with_1(nights, campaign, tmp_path):
    file = tmp_path / "known.toml"
    for night in nights:
        assert medfuzz("baseline", "update", str(night.folder), "--file", str(file), folder=tmp_path) == 0
    again = campaign("bench.toml", cases=200, seed=3, baseline=file)
    known = faults(nights[0].findings) | faults(nights[1].findings)
    assert faults(again.findings)
    assert (again.record.exit_code == 0) is (faults(again.findings) <= known)
    first = min(again.findings, key=lambda finding: bool(finding.same_as)).bucket
    lines = file.read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if first in line)
    yesterday = date.today() - timedelta(days=2)
    file.write_text("".join([*lines[: at + 1], f"expires = {yesterday}\n", *lines[at + 1 :]]))
    assert campaign("bench.toml", cases=200, seed=3, baseline=file).record.exit_code == 1
