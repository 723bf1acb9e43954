"""JUnit XML: whatever a device says it stays XML, and the counts are right."""

import dataclasses
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from report_records import hostile_record, record, records

from harness.summary import CampaignRecord
from reports.junit import render_junit


def counts(document):
    root = ElementTree.fromstring(document.encode())
    cases = root.findall(".//testcase")
    tags = [child.tag for case in cases for child in case if child.tag in ("failure", "error", "skipped")]
    told = tuple(int(root.get(name)) for name in ("tests", "failures", "errors"))
    assert told == (len(cases), tags.count("failure"), tags.count("error"))
    return tags


@settings(deadline=None, max_examples=120)
@given(records)
def test_any_record_is_xml_with_its_counts(drawn):
    tags = counts(render_junit(drawn))
    confirmed = sum(finding.confirmed for finding in drawn.findings)
    assert tags.count("failure") == confirmed
    assert tags.count("skipped") == len(drawn.findings) - confirmed
    assert tags.count("error") == (len(drawn.bench_faults) or (0 if drawn.cases else 1))


@settings(deadline=None, max_examples=150)
@given(
    st.text(st.characters(categories=None), max_size=40)
    | st.text("\x00\x1b\x9f\ud800\udfff\ufffe]]>&<\"'", max_size=20)
)
def test_hostile_text_stays_text(text):
    drawn = hostile_record(text)
    assert counts(render_junit(drawn)) == ["failure", "error"]


def test_a_failure_says_what_was_sent_and_how_to_replay_it():
    document = ElementTree.fromstring(render_junit(record()).encode())
    (failure,) = document.findall(".//failure")
    assert failure.get("type") == "crash"
    assert "sent: ff4142" in failure.text
    assert "replay: .venv/bin/medfuzz replay F-01234567 --run 'runs/a run'" in failure.text


def test_a_run_that_never_reached_the_device_is_an_error():
    empty = dataclasses.replace(record(), cases=0, findings=(), groups=(), bench_faults=())
    assert counts(render_junit(empty)) == ["error"]


def test_too_much_doubt_is_an_error():
    doubtful = CampaignRecord({}, 1.0, 100, {"inconclusive": 60, "pass": 40}, {}, exit_code=4)
    assert ElementTree.fromstring(render_junit(doubtful).encode()).get("errors") == "1"
    assert "60 cases of 100 inconclusive" in render_junit(doubtful)
