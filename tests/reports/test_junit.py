"""JUnit XML: whatever a device says it stays XML, and the counts are right."""

import dataclasses
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from report_records import RATE, REVERSE, finding, hostile_record, known, record, records

from harness.summary import CampaignRecord, GroupTotals, RequirementRecord
from harness.temporal import RequirementStatistics
from harness.verdict import Kind, Observation
from reports.junit import render_junit


def counts(document):
    root = ElementTree.fromstring(document.encode())
    cases = root.findall(".//testcase")
    tags = [child.tag for case in cases for child in case if child.tag in ("failure", "error", "skipped")]
    told = tuple(int(root.get(name)) for name in ("tests", "failures", "errors"))
    assert told == (len(cases), tags.count("failure"), tags.count("error"))
    return tags


def results(drawn):
    """suite/test → (pass, failure, error or skipped; its message)."""
    told = {}
    for suite in ElementTree.fromstring(render_junit(drawn).encode()).findall("testsuite"):
        for case in suite.findall("testcase"):
            (result, *more) = [child for child in case if child.tag != "system-out"] or [None]
            assert not more
            key = f"{suite.get('name')}/{case.get('name')}"
            told[key] = ("pass", "") if result is None else (result.tag, result.get("message"))
    return told


@settings(deadline=None, max_examples=120)
@given(records)
def test_any_record_is_xml_with_its_counts(drawn):
    tags = counts(render_junit(drawn))
    confirmed = sum(finding.confirmed for finding in drawn.findings)
    assert tags.count("failure") == confirmed
    assert tags.count("skipped") == len(drawn.findings) - confirmed + 1
    assert tags.count("error") == (1 if drawn.bench_faults or not drawn.cases else 0)


@settings(deadline=None, max_examples=150)
@given(
    st.text(st.characters(categories=None), max_size=40)
    | st.text("\x00\x1b\x9f\ud800\udfff\ufffe]]>&<\"'", max_size=20)
)
def test_hostile_text_stays_text(text):
    assume(text not in ("interrupted", "killed"))  # which as a reason are words of our own
    drawn = hostile_record(text)
    assert counts(render_junit(drawn)) == ["failure", "failure", "error"]


def test_a_failure_says_what_was_sent_and_how_to_replay_it():
    document = ElementTree.fromstring(render_junit(record()).encode())
    (failure,) = document.findall(".//failure")
    assert failure.get("type") == "crash"
    assert "sent: ff4142" in failure.text
    assert "replay: .venv/bin/medfuzz replay F-01234567 --run 'runs/a run'" in failure.text


def test_a_finding_that_is_not_believed_is_skipped_with_the_reason():
    doubtful = dataclasses.replace(finding(reproduced=3), doubt="and without the case, too")
    skipped = ElementTree.fromstring(render_junit(record(doubtful)).encode()).findall(".//skipped")
    assert any(s.get("message").startswith("not believed (and without the case, too): ") for s in skipped)


def test_a_run_that_never_reached_the_device_is_an_error():
    empty = dataclasses.replace(record(), cases=0, findings=(), groups=(), bench_faults=())
    assert results(empty)["run/the bench held"] == ("error", "no case was executed")


def test_too_much_doubt_is_an_error():
    doubtful = CampaignRecord({}, 1.0, 100, {"inconclusive": 60, "pass": 40}, {}, exit_code=4, doubts=("60 of 100",))
    kind, words = results(doubtful)["run/enough was tested"]
    assert (kind, "60 of 100" in words) == ("error", True)


@pytest.mark.parametrize("reason", ["interrupted", "killed"])
def test_a_run_that_was_cut_short_is_an_error(reason):
    cut = dataclasses.replace(record(), findings=(), reason=reason, manifest={"options": {"cases": 500}})
    assert results(cut)["run/the run came to its end"] == ("error", f"it was {reason} after 100 of 500 cases")
    assert results(cut)["run/the bench held"] == ("pass", "")


def test_the_names_of_the_tests_are_the_same_in_every_run():
    one, other = record(), record(cases=7, groups=(GroupTotals("maintenance", "enumerate", 7),))
    elsewhere = dataclasses.replace(finding().case, state="paused")
    moved = dataclasses.replace(other, findings=(finding(window=(elsewhere,)),), bench_faults=("a", "b"))
    assert list(results(one)) == list(results(moved))
    properties = ElementTree.fromstring(render_junit(moved).encode()).find("testsuite/properties")
    assert [(p.get("name"), p.get("value")) for p in properties] == [("cases", "7"), ("findings", "1")]


def statistics(**figures):
    return RequirementStatistics("PUMP-03", **{"observed_seconds": 9.0, "margin": 0.5, **figures})


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        (statistics(exercised=4), ("pass", "")),
        (statistics(), ("skipped", "its condition was never true")),
        (statistics(observed_seconds=0.0, unknown_seconds=9.0, margin=None), ("error", "a signal that it reads")),
        (None, ("error", "the run was killed")),
        (statistics(exercised=4, violated=2), ("failure", "violated 2 times")),
    ],
)
def test_each_requirement_is_a_test(figures, expected):
    drawn = record(requirements=(RequirementRecord(RATE, figures), RequirementRecord(REVERSE)), findings=())
    told = results(drawn)
    kind, words = told["requirements/PUMP-03 The rate stays in range"]
    assert (kind, words[: len(expected[1])]) == expected
    assert told["requirements/PUMP-10 No reverse delivery"] == ("skipped", "excluded: the motor has no reverse")


@pytest.mark.parametrize("place", ["its own", "a symptom"])
@pytest.mark.parametrize(("reproduced", "kind"), [(3, "failure"), (0, "skipped")])
def test_a_violation_counts_when_a_replay_showed_it_again(place, reproduced, kind):
    unsafe = Observation(Kind.UNSAFE_STATE, "safety", "too fast", 0.5, (), "PUMP-03")
    crash = Observation(Kind.CRASH, "device", "a crash", 0.5)
    own, symptoms = (unsafe, ()) if place == "its own" else (crash, (unsafe,))
    found = finding(observation=own, symptoms=symptoms, reproduced=reproduced)
    drawn = record(found, requirements=(RequirementRecord(RATE, statistics(exercised=4, violated=2)),))
    assert results(drawn)["requirements/PUMP-03 The rate stays in range"][0] == kind
    if reproduced:
        failures = ElementTree.fromstring(render_junit(drawn).encode()).findall(".//failure")
        assert f"F-01234567: .venv/bin/medfuzz replay {found.id}" in failures[-1].text


@pytest.mark.parametrize(("word", "tag"), [("known", "skipped"), ("expired", "failure"), ("regressed", "failure")])
def test_a_known_finding_is_skipped_with_its_decision_and_one_that_holds_no_more_fails(word, tag):
    violation = Observation(Kind.UNSAFE_STATE, "m", "too fast", 1.0, ("x",), "PUMP-03")
    statistics = RequirementStatistics("PUMP-03", 9.0, 0.0, 1, 1.0, 1, -0.5)
    told = record(
        finding(observation=violation, symptoms=()),
        requirements=(RequirementRecord(RATE, statistics),),
        statuses={"0123456789abcdef": known(word)},
        doubts=("too little was tested",),
    )
    found = results(told)
    assert found["maintenance.enumerate/F-01234567 unsafe_state"][0] == tag
    assert found["requirements/PUMP-03 The rate stays in range"][0] == tag
    assert found["run/enough was tested"][0] == ("error" if word == "known" else "pass")
    if word == "known":
        words = "known: defer, owner waits for the framer, until waits for the framer: waits for the framer"
        assert found["maintenance.enumerate/F-01234567 unsafe_state"][1] == f"{words}: too fast"
        assert words in found["requirements/PUMP-03 The rate stays in range"][1]


def test_another_sight_of_a_fault_is_told_and_fails_no_second_time():
    first = finding(reproduced=3, tries=3)
    again = dataclasses.replace(finding("f" * 16, reproduced=3, tries=3), same_as=first.id)
    told = results(record(findings=(first, again)))
    (result,) = [result for name, result in told.items() if again.id in name]
    assert result[0] == "skipped" and f"the same fault as {first.id}" in result[1]
