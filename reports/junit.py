"""JUnit XML for a CI server: a suite per interface and fuzzer, a failure per finding, an error per bench fault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite
from junitparser import TestCase as JUnitCase

from harness.finding import Finding
from harness.summary import CampaignRecord, GroupTotals
from harness.verdict import Verdict
from reports.again import replay_command
from reports.text import counted, visible

DOUBTFUL = 4


def render_junit(record: CampaignRecord) -> str:
    """The XML document; `failures` counts confirmed findings, `errors` bench faults, `skipped` what did not come back.

    The cases without a finding are one test of each suite, with their number in its name.
    """
    document = JUnitXml("medfuzz")
    for group in _groups(record):
        document.add_testsuite(_suite(group, _findings_of(record, group), record))
    if record.bench_faults or not record.cases:
        document.add_testsuite(_bench_suite(record))
    if record.exit_code == DOUBTFUL:
        document.add_testsuite(_doubt_suite(record))
    document.update_statistics()
    document.time = round(record.seconds, 3)
    return cast("bytes", cast("Any", document).tostring()).decode()


def _doubt_suite(record: CampaignRecord) -> TestSuite:
    """Exit code 4 is an error here too: too many cases showed nothing either way."""
    suite = TestSuite("inconclusive")
    case = JUnitCase("cases that could be judged", "inconclusive", 0)
    count = record.verdicts.get(Verdict.INCONCLUSIVE, 0)
    case.result = [
        Error(f"{counted(count, 'case')} of {record.cases} inconclusive, more than the bench allows", "doubt")
    ]
    suite.add_testcase(case)
    return suite


def _groups(record: CampaignRecord) -> Sequence[GroupTotals]:
    """The record's groups, and one for each finding that belongs to none of them."""
    known = {(group.interface, group.fuzzer): group for group in record.groups}
    for finding in record.findings:
        key = (finding.case.interface, finding.case.origin.fuzzer)
        known.setdefault(key, GroupTotals(*key, 0))
    return [known[key] for key in sorted(known)]


def _findings_of(record: CampaignRecord, group: GroupTotals) -> list[Finding]:
    key = (group.interface, group.fuzzer)
    return [finding for finding in record.findings if (finding.case.interface, finding.case.origin.fuzzer) == key]


def _suite(group: GroupTotals, findings: Sequence[Finding], record: CampaignRecord) -> TestSuite:
    name = visible(f"{group.interface}.{group.fuzzer}")
    suite = TestSuite(name)
    passed = JUnitCase(f"{counted(max(0, group.cases - len(findings)), 'case')} without a new finding", name, 0)
    suite.add_testcase(passed)
    for finding in findings:
        suite.add_testcase(_case(finding, name, replay_command(record, finding.id)))
    return suite


def _case(finding: Finding, suite: str, replay: str) -> JUnitCase:
    case = JUnitCase(visible(f"{finding.id} {finding.kind} in state {finding.case.state}"), suite, 0)
    summary = visible(finding.observation.summary)
    if finding.confirmed:
        failure = Failure(summary, finding.kind.value)
        failure.text = visible(_description(finding, replay), keep="\n")
        case.result = [failure]
    else:
        case.result = [Skipped(f"not reproduced ({finding.reproduced} of {finding.tries}): {summary}", "unconfirmed")]
    return case


def _description(finding: Finding, replay: str) -> str:
    observation = finding.observation
    lines = [
        observation.summary,
        f"requirement: {observation.requirement or 'none'}",
        f"reproduced: {finding.reproduced} of {finding.tries}",
        f"messages: {', '.join(finding.case.messages)}",
        *(f"{key}: {value}" for key, value in observation.detail.items()),
        *(f"sent: {exchange.sent.hex()}" for exchange in finding.transcript.exchanges if exchange.sent),
        f"replay: {replay}",
    ]
    return "\n".join(lines)


def _bench_suite(record: CampaignRecord) -> TestSuite:
    suite = TestSuite("bench")
    for number, fault in enumerate(record.bench_faults or ("no case was executed",), 1):
        case = JUnitCase(f"bench fault {number}", "bench", 0)
        case.result = [Error(visible(fault), "bench_fault")]
        suite.add_testcase(case)
    return suite
