"""The store: nothing announced is lost, nothing damaged is taken for whole, and a killed run still has a record."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql
from nouns import finding

from harness.case import Send, TestCase
from harness.errors import BenchError, UsageError
from harness.events import (
    BenchFault,
    CampaignEnded,
    CampaignStarted,
    CaseFinished,
    CaseRefused,
    FindingConfirmed,
    FindingDismissed,
)
from harness.floors import Tally
from harness.outcome import Measures
from harness.record import RecordBuilder, StoreWriter, end_of, load_record
from harness.requirements import Requirement
from harness.serialize import to_plain
from harness.store import STORE_NAME, Store
from harness.store_schema import VERSION
from harness.store_schema import cases as case_rows
from harness.temporal import Exercise, RequirementStatistics, RequirementTotals, Watched
from harness.verdict import Kind, Verdict

HERE = Path(__file__).parent
MEASURED = Measures(0, Watched(9.0, {"PUMP-03": Exercise(0, 0.0, 0.0, 1, -0.5)}))
RATE = Requirement("PUMP-03", "The rate stays in range", "GIP 1.1.2", "catastrophic", "rate <= 999")
REVERSE = Requirement("PUMP-10", "No reverse delivery", excluded="the motor has no reverse")


@pytest.fixture
def path(tmp_path):
    return tmp_path / STORE_NAME


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_any_moment_loses_no_announced_finding(path, seed):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])}
    command = [sys.executable, str(HERE / "store_announcer.py"), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as announcer:
        first = announcer.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.0, 0.4))
        announcer.send_signal(signal.SIGKILL)
        announced = [line.strip() for line in [first, *announcer.stdout] if line.endswith("\n")]
    with Store.open(path) as store:
        stored = {found.id for found in store.findings()}
        record = load_record(store)
    assert announced
    assert set(announced) <= stored
    assert record.cases >= 3 * len(announced)
    assert record.reason == "killed"
    assert {found.id for found in record.findings} == stored


def test_a_finding_is_on_the_disk_before_the_store_is_closed(path):
    store = Store.create(path, {})
    store.add_finding(finding())
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT id FROM findings").fetchall() == [("F-01234567",)]
    other.close()
    store.close()


def test_a_case_is_on_the_disk_a_moment_later(path, monkeypatch):
    clock = [10.0]
    monkeypatch.setattr("harness.store.time.monotonic", lambda: clock[0])
    case = finding().case
    with Store.create(path, {}) as store, sqlite3.connect(path) as other:
        seen = []
        for number, seconds in enumerate([10.0, 10.1, 10.15, 10.25, 10.3, 70.0], start=1):
            clock[0] = seconds
            store.add_case(number, case, Verdict.PASS, 0.5, served=number % 2 == 0)
            seen.append(other.execute("SELECT count(*), sum(probe_served) FROM cases").fetchone())
        assert seen == [(1, 0), (1, 0), (1, 0), (4, 2), (4, 2), (6, 3)]
        store.add_case(7, case, Verdict.PASS, 0.5)
        store.add_event("bench_fault", 1.0, "the cable")
        assert other.execute("SELECT count(*) FROM cases").fetchone() == (7,)
    other.close()


def test_of_two_stores_that_are_created_at_the_same_moment_one_is(path):
    ready = threading.Barrier(8)

    def create(number):
        ready.wait()
        try:
            Store.create(path, {"number": number}).close()
        except UsageError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        created = [number for number in pool.map(create, range(8)) if number is not None]
    with Store.open(path) as store:
        assert [store.manifest()["number"]] == created


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_a_store_is_its_owners_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        store = Store.create(tmp_path / "runs" / "one" / STORE_NAME, {})
    finally:
        os.umask(before)
    store.add_case(1, finding().case, Verdict.PASS, 0.5)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "runs").rglob("*")}
    store.close()
    assert modes.pop("one") == stat.S_IMODE((tmp_path / "runs").stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert len(modes) == 4


def test_a_manifest_can_be_told_in_full_later(path):
    with Store.create(path, {"identity": {}}) as store:
        store.describe({"identity": {"main": "SN-1"}})
        assert store.manifest() == {"identity": {"main": "SN-1"}}


def test_two_cases_with_one_id_are_two_cases(path):
    case = TestCase("maintenance", "idle", (Send("hello", b"hi"),), finding().case.origin)
    with Store.create(path, {}) as store:
        store.add_case(1, case, Verdict.PASS, 0.1)
        store.add_case(2, case, Verdict.FINDING, 0.2)
        rows = store.select(sql.select(case_rows.c.number, case_rows.c.id, case_rows.c.verdict))
    assert [tuple(row) for row in rows] == [(1, case.id, "pass"), (2, case.id, "finding")]


def test_what_was_recorded_at_the_start_is_there_before_the_first_case(path):
    with Store.create(path, {"seed": 3, "signals": {"rate": {"range": [0, 999]}}}) as store:
        assert store.manifest() == {"seed": 3, "signals": {"rate": {"range": [0, 999]}}}
        assert store.end() == {}


def test_a_finding_replaces_the_one_with_its_id(path):
    with Store.create(path, {}) as store:
        store.add_finding(finding(reproduced=0))
        store.update_finding(finding(reproduced=3, fault="FAULT_4"))
        (stored,) = store.findings()
    assert (stored.reproduced, stored.fault) == (3, "FAULT_4")
    assert stored == finding(reproduced=3, fault="FAULT_4")


def test_a_finding_is_known_by_the_first_digits_of_its_id(path):
    with Store.create(path, {}) as store:
        for bucket in ("0123456789abcdef", "0199999999abcdef", "fedcba9876543210"):
            store.add_finding(finding(bucket))
        for word in ("F-fedcba98", "f-FED", "fe", " F-f "):
            assert store.finding(word).bucket == "fedcba9876543210"
        with pytest.raises(UsageError, match=r"'01' fits 2 findings: F-01234567, F-01999999. Give more digits"):
            store.finding("01")
        with pytest.raises(UsageError, match=r"unknown finding 'F-fedcba99'. Nearest: F-fedcba98"):
            store.finding("F-fedcba99")
        for word in ("", "F-", "%", "_"):
            with pytest.raises(UsageError, match="unknown finding"):
                store.finding(word)


def test_an_unknown_finding_of_a_run_without_any(path):
    with Store.create(path, {}) as store, pytest.raises(UsageError, match="This run has no findings"):
        store.finding("F-1")


def one_line(error):
    return "\n" not in str(error.value)


def test_a_store_is_never_written_over(path):
    Store.create(path, {}).close()
    with pytest.raises(UsageError, match="holds a campaign already"):
        Store.create(path, {})


def test_a_store_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="no store at"):
        Store.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be read as one" * 40])
def test_a_foreign_file_is_not_a_store(path, content):
    path.write_bytes(content)
    with pytest.raises(BenchError) as caught:
        Store.open(path)
    assert one_line(caught)
    assert "not a" in str(caught.value)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_left_alone(path):
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(BenchError, match="is not a medfuzz store"):
        Store.open(path)
    assert path.read_bytes() == before


def test_the_store_of_a_newer_version_is_refused(path):
    Store.create(path, {}).close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.close()
    with pytest.raises(BenchError, match=rf"newer medfuzz \(store version {VERSION + 1}\)"):
        Store.open(path)


def filled(path):
    with Store.create(path, {"campaign": "x" * 9000}) as store:
        for number in range(2000):
            store.add_case(number, finding().case, Verdict.PASS, 0.1)
        store.add_finding(finding())
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.99])
def test_a_store_that_was_cut_off_is_one_clear_error(path, share):
    whole = filled(path)
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BenchError) as caught, Store.open(path) as store:
        load_record(store)
    assert one_line(caught)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("seed", range(8))
def test_a_store_with_wrong_bytes_is_one_clear_error(path, seed):
    draw = random.Random(seed)
    spoilt = bytearray(filled(path))
    start = draw.randrange(100, len(spoilt) - 5000)
    spoilt[start : start + 4096] = draw.randbytes(4096)
    path.write_bytes(spoilt)
    with pytest.raises(BenchError) as caught, Store.open(path) as store:
        load_record(store)
    assert one_line(caught)


def test_a_finding_that_cannot_be_read_is_named(path):
    with Store.create(path, {}) as store:
        store.add_finding(finding())
    with sqlite3.connect(path) as other:
        other.execute("UPDATE findings SET finding = '{\"observation\": 1}'")
    other.close()
    with Store.open(path) as store, pytest.raises(BenchError, match="finding F-01234567 cannot be read"):
        store.findings()


def test_totals_that_cannot_be_read_are_a_bench_error(path):
    with Store.create(path, {}) as store:
        store.finish({"timeline": [{"seconds": "soon"}]})
        with pytest.raises(BenchError, match="its totals cannot be read"):
            load_record(store)


def test_a_folder_that_cannot_be_written_is_a_bench_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BenchError, match="Check that the folder exists"):
        Store.create(tmp_path / "file" / STORE_NAME, {})


def campaign(listeners, manifest):
    """Five cases, two findings, a refused case and a bench fault; its end is not told."""
    lost = finding("fedcba9876543210", Kind.UNSAFE_STATE, requirement="PUMP-03", reproduced=3, case_number=4)
    dismissed = finding(case_number=2)
    events = [CampaignStarted("c", manifest, {"enumerate": 5})]
    for number in range(1, 6):
        verdict = Verdict.FINDING if number in (2, 4) else Verdict.PASS
        seen = MEASURED if number == 4 else Measures()
        events.append(CaseFinished(number, lost.case, lost.transcript, verdict, number / 10, 10 * number, seen))
    events += [
        FindingDismissed(dismissed),
        FindingConfirmed(lost),
        CaseRefused(lost.case, "carries a forbidden command"),
        BenchFault("the relay did not answer", fatal=False),
    ]
    for event in events:
        for tell in listeners:
            tell(event)
    return lost, dismissed


def test_a_run_that_ended_comes_back_as_it_was(path):
    manifest = {"campaign": "c", "requirements": to_plain((RATE, REVERSE))}
    interfaces = {"maintenance": Tally("status"), "network": Tally("query")}
    builder = RecordBuilder((RATE, REVERSE), interfaces, totals=RequirementTotals(["PUMP-03"]))
    with Store.create(path, manifest) as store:
        campaign([builder, StoreWriter(store)], manifest)
        builder(CampaignEnded("budget", 0.75, 5))
        record = builder.record()
        store.finish(end_of(record))
    with Store.open(path) as store:
        assert load_record(store) == record
    assert record.interfaces["network"].cases == 0
    assert record.requirements[0].statistics == RequirementStatistics("PUMP-03", 9.0, 0.0, 0, 0.0, 1, -0.5)


def test_a_run_that_was_killed_keeps_all_but_its_figures(path):
    manifest = {"campaign": "c", "requirements": to_plain((RATE, REVERSE))}
    store = Store.create(path, manifest)
    lost, dismissed = campaign([StoreWriter(store)], manifest)
    with Store.open(path) as other:
        record = load_record(other)
    store.close()
    assert (record.reason, record.exit_code, record.cases, record.seconds) == ("killed", 1, 5, 0.5)
    assert record.findings == (dismissed, lost)
    assert record.verdicts == {"pass": 3, "finding": 2}
    assert (record.refused, record.bench_faults) == (1, ("the relay did not answer",))
    assert [(entry.requirement, entry.status) for entry in record.requirements] == [
        (RATE, "violated"),
        (REVERSE, "excluded"),
    ]
    assert [point.coverage for point in record.timeline] == [10, 20, 30, 40, 50]


def test_a_killed_run_whose_bench_failed_is_no_pass(path):
    store = Store.create(path, {})
    tell = StoreWriter(store)
    tell(CaseFinished(1, finding().case, finding().transcript, Verdict.PASS, 0.1, 0))
    tell(BenchFault("the cable was pulled", fatal=True))
    record = load_record(store)
    store.close()
    assert (record.exit_code, record.bench_faults) == (3, ("the cable was pulled",))
