"""Whatever a noun holds comes back from its line of JSON as it was."""

import json
import math

import pytest
from hypothesis import given, settings
from nouns import cases, finding, findings, steps
from nouns import records as drawn_records

from harness.case import Send, Step, TestCase, Wait
from harness.finding import Finding
from harness.serialize import dumps, from_plain, loads, to_plain
from harness.summary import RequirementRecord
from harness.transcript import Sample


@settings(deadline=None, max_examples=150)
@given(findings)
def test_a_finding_comes_back(found):
    line = dumps(found)
    again = loads(Finding, line)
    assert again == found
    assert (again.id, again.kind, again.confirmed) == (found.id, found.kind, found.confirmed)
    assert [case.id for case in again.window] == [case.id for case in found.window]
    assert line.isascii()
    assert "\n" not in line


@settings(deadline=None, max_examples=150)
@given(cases)
def test_a_case_keeps_what_equality_does_not_see(case):
    again = loads(TestCase, dumps(case))
    assert again.origin == case.origin
    sends = [(step.spans, step.mutated) for step in case.steps if isinstance(step, Send)]
    assert [(step.spans, step.mutated) for step in again.steps if isinstance(step, Send)] == sends


@settings(deadline=None, max_examples=100)
@given(steps)
def test_each_step_says_its_kind(step):
    assert to_plain(step)["step"] == type(step).__name__.lower()
    assert from_plain(Step, to_plain(step)) == step


@settings(deadline=None, max_examples=60)
@given(drawn_records)
def test_rows_of_requirements_come_back(record):
    for entry in record.requirements:
        assert loads(RequirementRecord, dumps(entry)) == entry


def test_bytes_of_every_value():
    send = Send("m", bytes(range(256)))
    assert loads(Send, dumps(send)) == send


def test_times_without_end_and_values_that_are_none():
    sample = Sample(math.inf, (None, -math.inf, 0.0, 1e-320))
    assert loads(Sample, dumps(sample)) == sample
    assert math.isnan(loads(Wait, dumps(Wait(math.nan))).seconds)


def test_a_field_of_a_newer_version_is_left_out_and_a_missing_one_takes_its_default():
    plain = to_plain(finding(fault="F1"))
    del plain["fault"]
    plain["colour"] = "blue"
    assert from_plain(Finding, plain) == finding()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda plain: plain.pop("bucket"),
        lambda plain: plain.update(window=[{}]),
        lambda plain: plain.update(window=3),
        lambda plain: plain.update(case_number="twelve"),
        lambda plain: plain.update(found_after=True),
        lambda plain: plain["observation"].update(kind="sneeze"),
        lambda plain: plain["transcript"]["exchanges"][0].update(sent="zz"),
        lambda plain: plain["window"][0]["steps"][0].update(step="dance"),
        lambda plain: plain["transcript"].update(samples=[{"time": None, "values": []}]),
    ],
)
def test_what_is_no_finding_is_a_value_error(spoil):
    plain = json.loads(dumps(finding()))
    spoil(plain)
    with pytest.raises(ValueError, match=r"."):
        from_plain(Finding, plain)
