"""JUnit XML for a CI server: a suite for each interface and fuzzer, the safety requirements, and the run itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite
from junitparser import TestCase as JUnitCase

from harness.finding import Finding
from harness.summary import CampaignRecord, GroupTotals, RequirementRecord
from harness.verdict import Kind
from reports.again import replay_command
from reports.ending import was_cut_short, why
from reports.text import counted, visible


def render_junit(record: CampaignRecord) -> str:
    """The XML document: a failure is what a replay showed again, an error what could not be judged.

    A test is named alike in every run; counts stand in properties. Skipped is what was not put to the test, a finding
    that did not come back, and one that is known: the decision is the reason.
    """
    document = JUnitXml("medfuzz")
    for group in _groups(record):
        document.add_testsuite(_group_suite(group, _findings_of(record, group), record))
    if record.requirements:
        document.add_testsuite(_requirements_suite(record))
    document.add_testsuite(_run_suite(record))
    document.update_statistics()
    document.time = round(record.seconds, 3)
    return cast("bytes", cast("Any", document).tostring()).decode()


# -- interfaces and fuzzers ---------------------------------------------------------------------------------------


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


def _group_suite(group: GroupTotals, findings: Sequence[Finding], record: CampaignRecord) -> TestSuite:
    name = visible(f"{group.interface}.{group.fuzzer}")
    suite = TestSuite(name)
    suite.add_property("cases", str(group.cases))
    suite.add_property("findings", str(len(findings)))
    suite.add_testcase(JUnitCase("cases without a new finding", name, 0))
    for finding in findings:
        suite.add_testcase(_case(finding, name, record))
    return suite


def _case(finding: Finding, suite: str, record: CampaignRecord) -> JUnitCase:
    case = JUnitCase(visible(f"{finding.id} {finding.kind.value}"), suite, 0)
    summary = visible(finding.observation.summary)
    status = record.status(finding)
    if finding.confirmed and finding.same_as:
        case.result = [Skipped(f"the same fault as {finding.same_as}: {summary}", "same")]
    elif finding.confirmed and status.fails:
        case.result = [_with_text(Failure(summary, finding.kind.value), _description(finding, record))]
    elif finding.confirmed:
        case.result = [Skipped(visible(f"{status.words}: {summary}"), status.word)]
    else:
        why = finding.doubt or f"{finding.reproduced} of {finding.tries}"
        case.result = [Skipped(f"{finding.standing} ({why}): {summary}", "unconfirmed")]
    return case


def _description(finding: Finding, record: CampaignRecord) -> str:
    observation, status = finding.observation, record.status(finding)
    lines = [
        observation.summary,
        *([status.words] if status.entry else []),
        f"requirement: {observation.requirement or 'none'}",
        f"reproduced: {finding.reproduced} of {finding.tries}",
        f"state: {finding.case.state}",
        f"messages: {', '.join(finding.case.messages)}",
        *(f"{key}: {value}" for key, value in observation.detail.items()),
        *(f"sent: {exchange.sent.hex()}" for exchange in finding.transcript.exchanges if exchange.sent),
        f"replay: {replay_command(record, finding.id)}",
    ]
    return "\n".join(lines)


# -- safety requirements ------------------------------------------------------------------------------------------


def _requirements_suite(record: CampaignRecord) -> TestSuite:
    suite = TestSuite("requirements")
    for entry in record.requirements:
        case = JUnitCase(visible(f"{entry.requirement.id} {entry.requirement.title}"), "requirements", 0)
        case.result = _RESULTS[entry.status](entry, record)
        if entry.statistics is not None:
            case.system_out = _figures(entry)
        suite.add_testcase(case)
    return suite


def _violated(entry: RequirementRecord, record: CampaignRecord) -> list[Any]:
    """A failure with its findings; skipped, as they are, where no replay showed any of them again, or all are known."""
    findings = [finding for finding in record.findings if entry.requirement.id in _requirements_of(finding)]
    confirmed = [finding for finding in findings if finding.confirmed]
    words = f"violated {counted(entry.statistics.violated if entry.statistics else 0, 'time')}"
    if findings and not confirmed:
        standing = " and ".join(dict.fromkeys(finding.standing.value for finding in findings))
        return [Skipped(f"{words}, {standing}", "unconfirmed")]
    if findings and not any(record.status(finding).fails for finding in confirmed):
        known = "; ".join(f"{finding.id} {record.status(finding).words}" for finding in confirmed)
        return [Skipped(visible(f"{words}: {known}"), "known")]
    lines = (f"{finding.id}: {replay_command(record, finding.id)}" for finding in confirmed)
    return [_with_text(Failure(words, Kind.UNSAFE_STATE.value), "\n".join(lines))]


def _requirements_of(finding: Finding) -> set[str]:
    """What a finding violated: its own requirement, and those violated beside it."""
    return {observation.requirement for observation in (finding.observation, *finding.symptoms)} - {""}


def _figures(entry: RequirementRecord) -> str:
    figures = entry.statistics
    margin = "none" if figures is None or figures.margin is None else f"{figures.margin:g}"
    seen = (figures.observed_seconds, figures.unknown_seconds, figures.exercised) if figures else (0.0, 0.0, 0)
    return f"observed {seen[0]:.1f} s, unknown {seen[1]:.1f} s, condition true {seen[2]} times, margin {margin}"


def _missing(entry: RequirementRecord) -> str:
    names = ", ".join(entry.statistics.missing) if entry.statistics else ""
    return visible(f"a signal that it reads was missing all the time{': ' + names if names else ''}")


_RESULTS: Mapping[str, Callable[[RequirementRecord, CampaignRecord], list[Any]]] = {
    "held": lambda _entry, _record: [],
    "violated": _violated,
    "not exercised": lambda _entry, _record: [Skipped("its condition was never true", "not exercised")],
    "excluded": lambda entry, _record: [Skipped(visible(f"excluded: {entry.requirement.excluded}"), "excluded")],
    "inconclusive": lambda entry, _record: [Error(_missing(entry), "inconclusive")],
    "not recorded": lambda _entry, _record: [Error("the run was killed before its figures were written", "killed")],
}


# -- the run itself -----------------------------------------------------------------------------------------------


def _run_suite(record: CampaignRecord) -> TestSuite:
    """Whether it can be believed: the bench, the end, and the share of cases that said nothing either way."""
    suite = TestSuite("run")
    for key, value in (("cases", record.cases), ("exit_code", record.exit_code), ("reason", record.reason)):
        suite.add_property(key, visible(str(value)))
    for name, problems, kind in (
        ("the bench held", _bench_problems(record), "bench_fault"),
        ("the run came to its end", [why(record)] if was_cut_short(record) else [], "interrupted"),
        ("enough was tested", [] if record.failing else list(record.doubts), "doubt"),
    ):
        case = JUnitCase(name, "run", 0)
        case.result = [_with_text(Error(visible(problems[0]), kind), "\n".join(problems))] if problems else []
        suite.add_testcase(case)
    return suite


def _bench_problems(record: CampaignRecord) -> list[str]:
    if record.bench_faults or record.cases or was_cut_short(record):
        return list(record.bench_faults)
    return ["no case was executed"]


def _with_text(result: Any, text: str) -> Any:
    result.text = visible(text, keep="\n")
    return result
