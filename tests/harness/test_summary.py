"""`summary.json`: its keys are a promise, its exit code one table."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from nouns import finding, records

from harness.known.baseline import UNKNOWN, FindingStatus, KnownFinding
from harness.requirements import Requirement
from harness.summary import (
    STATUSES,
    CampaignRecord,
    InterfaceTotals,
    RequirementRecord,
    doubts_of,
    exit_code_of,
    signalled,
    summarize,
    summary_text,
    with_faults,
)
from harness.temporal import RequirementStatistics
from harness.verdict import Kind, Verdict

TOP = {
    *("schema", "exit_code", "reason", "cases", "seconds", "cases_per_second", "verdicts", "interfaces"),
    *("requirements", "findings", "refused", "left_out", "put_off", "doubts", "bench_faults"),
    *("known", "messages", "discovery", "states", "functions"),
}
FINDING = {
    *("id", "kind", "bucket", "interface", "state", "requirement", "summary", "messages", "bytes", "window"),
    *("reproduced", "interval", "standing", "confirmed", "doubt", "case", "found_after", "fault", "same_as"),
    *("minimized", "status", "decided", "sentence", "unusual", "session", "states", "resembles"),
}
REQUIREMENT = {
    *("status", "observed_seconds", "unknown_seconds", "missing", "exercised", "exercised_seconds", "violated"),
    *("margin", "excluded"),
}
PAGE = Path(__file__).parents[2] / "docs" / "summary-schema.md"
RATE = Requirement("PUMP-03", "The rate stays in range", formula="rate <= 999")


def record(**changes):
    return CampaignRecord(
        **{
            "manifest": {},
            "seconds": 8.0,
            "cases": 100,
            "verdicts": {"pass": 99, "finding": 1},
            "interfaces": {"maintenance": InterfaceTotals(100, 40)},
            "requirements": (RequirementRecord(RATE, RequirementStatistics("PUMP-03", 9.5, 0.5, 2, 1.5, 0, 0.25)),),
            "findings": (finding(reproduced=3, fault="FAULT_4"),),
            "reason": "budget",
            "exit_code": 1,
            **changes,
        }
    )


def test_the_keys_are_these_and_no_others():
    summary = summarize(record())
    assert set(summary) == TOP
    assert set(summary["findings"][0]) == FINDING
    assert set(summary["requirements"]["PUMP-03"]) == REQUIREMENT
    assert set(summary["interfaces"]["maintenance"]) == {"cases", "probes", "asked", "answered"}
    assert set(summary["verdicts"]) == {"pass", "finding", "bench_fault", "inconclusive"}


def test_the_values_say_what_ran():
    summary = summarize(record())
    assert (summary["schema"], summary["cases_per_second"], summary["verdicts"]["inconclusive"]) == (1, 12.5, 0)
    assert summary["findings"] == [
        {
            "id": "F-01234567",
            "kind": "crash",
            "bucket": "0123456789abcdef",
            "interface": "maintenance",
            "state": "idle",
            "requirement": "",
            "summary": "a crash",
            "messages": ["hello", "set_rate"],
            "bytes": ["0102", "ff4142"],
            "window": 1,
            "reproduced": "3/3",
            "interval": [0.439, 1.0],
            "standing": "confirmed",
            "confirmed": True,
            "doubt": "",
            "case": 12,
            "found_after": 3.25,
            "fault": "FAULT_4",
            "same_as": "",
            "minimized": None,
            "status": "new",
            "decided": None,
            "sentence": "The device crashes on set_rate, seen in state idle, with rate: ff: a crash.",
            "unusual": "rate: ff",
            "session": "unknown",
            "states": {"idle": 1},
            "resembles": None,
        }
    ]
    assert summary["known"] == []
    assert summary["requirements"]["PUMP-03"]["status"] == "held"


@settings(deadline=None, max_examples=60)
@given(records)
def test_any_record_is_strict_json(drawn):
    summary = json.loads(summary_text(drawn))
    assert set(summary) == TOP
    assert all(set(entry) == FINDING for entry in summary["findings"])


@pytest.mark.parametrize(
    ("reproduced", "verdicts", "bench_failed", "code"),
    [
        ((), {"pass": 100}, False, 0),
        ((0,), {"pass": 99, "finding": 1}, False, 4),  # it crashed once, whatever the replays showed
        ((3,), {"pass": 99, "finding": 1}, False, 1),
        ((0, 1), {"pass": 98, "finding": 2}, False, 1),
        ((3,), {"finding": 1}, True, 1),
        ((3,), {"finding": 1, "inconclusive": 50}, False, 1),
        ((), {}, True, 3),
        ((0,), {"pass": 10, "bench_fault": 1}, True, 3),
        ((), {"pass": 1, "inconclusive": 99}, True, 3),
        ((), {"pass": 98, "inconclusive": 2}, False, 4),
        ((), {"pass": 99, "inconclusive": 1}, False, 0),
        ((), {}, False, 0),
    ],
)
def test_exit_codes(reproduced, verdicts, bench_failed, code):
    found = [finding(reproduced=times) for times in reproduced]
    doubts = tuple(doubts_of(verdicts, found))
    assert exit_code_of(found, bench_failed=bench_failed, doubts=doubts) == code


def test_how_much_doubt_is_too_much_is_the_benchs_to_say():
    verdicts = {Verdict.PASS: 90, Verdict.INCONCLUSIVE: 10}
    assert not list(doubts_of(verdicts, (), max_inconclusive=0.1))
    (doubt,) = doubts_of(verdicts, (), max_inconclusive=0.09)
    assert "10 of 100 cases say nothing" in doubt
    assert exit_code_of((), bench_failed=False, doubts=(doubt,)) == 4


@pytest.mark.parametrize(
    ("statistics", "status"),
    [
        (None, "not recorded"),
        (RequirementStatistics("R"), "not exercised"),
        (RequirementStatistics("R", 5.0, 0.0, 0, 0.0, 0, 0.4), "not exercised"),
        (RequirementStatistics("R", 0.0, 5.0), "inconclusive"),
        (RequirementStatistics("R", 5.0, 5.0, 1, 1.0, 0, 0.4), "held"),
        (RequirementStatistics("R", 5.0, 0.0, 1, 1.0, 1, -0.4), "violated"),
    ],
)
def test_a_requirement_that_was_not_tried_is_never_called_held(statistics, status):
    assert RequirementRecord(RATE, statistics).status == status
    assert RequirementRecord(Requirement("R", "t", excluded="none"), statistics).status == "excluded"


def test_the_page_names_every_key_and_status():
    page = PAGE.read_text(encoding="utf-8")
    for word in {*TOP, *FINDING, *REQUIREMENT, *STATUSES, *(verdict.value for verdict in Verdict)}:
        assert f"`{word}`" in page


KNOWN = {finding().bucket: FindingStatus("known", KnownFinding(finding().bucket, "defer"))}
EXPIRED = {finding().bucket: FindingStatus("expired", KnownFinding(finding().bucket, "defer"))}


@pytest.mark.parametrize(
    ("statuses", "bench_failed", "doubts", "code"),
    [
        (KNOWN, False, (), 0),
        (KNOWN, True, ("d",), 3),
        (KNOWN, False, ("d",), 4),
        (EXPIRED, True, ("d",), 1),
        ({finding().bucket: UNKNOWN}, True, ("d",), 1),
    ],
)
def test_what_is_known_does_not_fail_and_hides_nothing_else(statuses, bench_failed, doubts, code):
    found = [finding(reproduced=3, tries=3)]
    assert exit_code_of(found, bench_failed=bench_failed, doubts=doubts, statuses=statuses) == code


def test_one_new_finding_among_known_ones_fails():
    found = [finding(reproduced=3, tries=3), finding("f" * 16, reproduced=1, tries=3)]
    assert exit_code_of(found, bench_failed=False, statuses=KNOWN) == 1


def test_a_suspicion_that_is_known_needs_no_replay():
    waiting = [finding(reproduced=0, tries=0)]
    assert list(doubts_of({"pass": 1}, waiting, statuses=KNOWN)) == []
    assert len(list(doubts_of({"pass": 1}, waiting, statuses=EXPIRED))) == 1


def test_a_run_with_known_findings_only_that_is_cut_short_or_loses_its_bench_is_no_pass():
    told = record(statuses=KNOWN, exit_code=0)
    assert (signalled(told, 2).exit_code, with_faults(told, ["disk"]).exit_code) == (130, 3)
    failing = record(statuses=EXPIRED, exit_code=1)
    assert (signalled(failing, 2).exit_code, with_faults(failing, ["disk"]).exit_code) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "doubted"),
    [
        ({"kind": Kind.EXIT}, True),
        ({"kind": Kind.CRASH}, True),
        ({"kind": Kind.HANG}, True),
        ({"kind": Kind.SILENCE}, False),
        ({"kind": Kind.REBOOT}, False),
        ({"kind": Kind.EXIT, "reproduced": 1}, False),
    ],
)
def test_what_the_device_itself_reported_once_leaves_a_doubt_though_no_replay_shows_it(changes, doubted):
    found = finding(**{"reproduced": 0, "tries": 3, **changes})
    doubts = list(doubts_of({"pass": 1000, "inconclusive": 1}, [found]))
    assert [found.id in doubt for doubt in doubts] == ([True] if doubted else [])
