"""The pump with and without its planted faults, over both interfaces."""

from pathlib import Path

import pytest

from benchmarks.minimized import WANTED_RATIO, WANTED_REPLAYS, medians, rows_of
from harness.assembly.assemble import assemble
from harness.triage.replay import replay_once
from targets.board.native import library
from targets.pump.build import Build, compile_firmware

PUMP = Path(__file__).parents[2] / "targets" / "pump"


def test_planted_faults_are_found_replayed_and_named(vulnerable):
    assert vulnerable.record.exit_code == 1
    named = {finding.fault for finding in vulnerable.record.confirmed} - {""}
    assert len(named) >= 8
    kinds = [finding["kind"] for finding in vulnerable.summary["findings"]]
    assert kinds.count("crash") >= 2
    assert kinds.count("hang") >= 1
    assert kinds.count("unsafe_state") >= 3
    assert {finding["interface"] for finding in vulnerable.summary["findings"]} == {"maintenance", "network"}
    assert all(finding["reproduced"] == "3/3" for finding in vulnerable.summary["findings"])


def test_reproducers_are_about_as_small_as_those_that_were_written_by_hand(vulnerable):
    rows = [row for row in rows_of(vulnerable.findings) if row.finding.minimized and row.finding.minimized.done]
    ratio, replays = medians(rows)
    assert len(rows) >= 6
    assert ratio <= WANTED_RATIO
    assert replays <= WANTED_REPLAYS


def test_every_boundary_that_is_told_is_exact(vulnerable):
    told = [row.told for row in rows_of(vulnerable.findings) if row.told not in ("", "not told")]
    assert len(told) >= 3
    assert set(told) == {"exact"}


def test_the_fixed_build_runs_the_same_cases_and_nothing_is_found(vulnerable, campaign):
    fixed = campaign("bench-fixed.toml", cases=1500)
    assert fixed.ids == vulnerable.ids
    assert (fixed.record.exit_code, fixed.findings, fixed.summary["verdicts"]["pass"]) == (0, [], 1500)
    assert all(interface["probes"] >= 150 for interface in fixed.summary["interfaces"].values())
    assert sum(entry["status"] == "held" for entry in fixed.summary["requirements"].values()) >= 12


def test_a_fault_is_told_although_an_overflow_has_crashed_in_its_function_before(campaign):
    run = campaign("bench.toml", cases=2000, seed=2, interfaces=("network",), fuzzers=("enumerate",))
    told = {f.fault: f for f in run.record.confirmed if f.observation.detail.get("symbol") == "text_format"}
    assert set(told) == {"patient_line", "console_format"}
    assert told["console_format"].case_number > told["patient_line"].case_number
    assert "%s" in told["console_format"].minimized.conditions[0].words


def test_one_seed_gives_the_same_cases_and_reproducers_twice(campaign):
    one, two = (campaign("bench.toml", cases=600, seed=5) for _ in range(2))
    other = campaign("bench.toml", cases=600, seed=6)
    assert one.ids == two.ids
    first, second = (
        [(f.bucket, f.minimized and (f.minimized.replays, f.minimized.after)) for f in run.findings]
        for run in (one, two)
    )
    assert first == second
    assert [f.window for f in one.findings] == [f.window for f in two.findings]
    assert other.ids != one.ids


def test_a_guided_campaign_is_the_same_on_both_cores_and_twice(campaign, monkeypatch):
    runs = []
    for core in ("", library.REFERENCE, ""):
        monkeypatch.setenv(library.CHOICE, core)
        library.library.cache_clear()
        runs.append(campaign("bench.toml", cases=200, seed=3, fuzzers=("guided",)))
    library.library.cache_clear()
    first, *others = [(run.ids, [(f.bucket, f.window) for f in run.findings], run.summary["discovery"]) for run in runs]
    assert len(first[1]) >= 2
    assert others == [first, first]


@pytest.mark.slow
def test_a_reproducer_is_fixed_on_the_fixed_build_and_comes_back_on_its_faults_own(vulnerable, tmp_path):
    def reproduced(finding, elf, window=None):
        assembly = assemble(PUMP / "bench.toml", seed=7, elf=elf)
        assembly.runner.start()
        return replay_once(assembly.runner, window or finding.window, finding).reproduced

    faults = {finding.fault for finding in vulnerable.findings}
    only = {fault: compile_firmware(Build(f"{fault}.elf", (fault,)), tmp_path) for fault in faults}
    for finding in vulnerable.findings:
        assert not reproduced(finding, PUMP / "pump-fixed.elf"), finding.observation.summary
        found = finding.minimized.original if finding.minimized else finding.window
        assert reproduced(finding, only[finding.fault], found), (
            "one made smaller may use another planted fault on the way: " + finding.fault
        )


def test_a_run_leaves_store_manifest_and_three_reports(vulnerable):
    names = {path.name for path in vulnerable.folder.iterdir()}
    assert {"store.sqlite", "manifest.json", "report.html", "junit.xml", "summary.json"} <= names
    manifest = vulnerable.record.manifest
    assert manifest["target"]["firmware_sha256"]
    assert manifest["identity"]["maintenance"]["serial"] == "SN-0004711"
    assert manifest["versions"]["boofuzz"] == "0.4.2"
    assert manifest["definitions"]["requirements.toml"]
