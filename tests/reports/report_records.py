"""Records for the tests of the reports."""

import dataclasses

from hypothesis import strategies as st

from harness.case import FieldSpan, LiveField, Origin, Reconnect, Reset, Send, Stimulate, TestCase, Wait
from harness.finding import Finding
from harness.known.baseline import FindingStatus, KnownFinding, Seen
from harness.requirements import Requirement
from harness.summary import CampaignRecord, GroupTotals, InterfaceTotals, RequirementRecord, TimelinePoint
from harness.temporal import RequirementStatistics
from harness.transcript import Exchange, Sample, TargetEvent, Transcript
from harness.verdict import Kind, Observation

RATE = Requirement("PUMP-03", "The rate stays in range", "GIP 1.1.2", "catastrophic", "rate <= 999")
REVERSE = Requirement("PUMP-10", "No reverse delivery", excluded="the motor has no reverse")


def finding(text="a crash", data=b"\xffAB", **changes):
    """`text` and `data` stand wherever a device or a user may put their own."""
    name = text.encode(errors="replace").decode()
    span = FieldSpan(text, 0, 1)
    sends = (Send(name, data, (LiveField("crc16", 0, 1),), (span,), mutated=True), Send("hello", data, replay_of=0))
    steps = (*sends, Wait(0.5), Reconnect(), Reset(), Stimulate(name, 3.0))
    case = TestCase("maintenance", name, steps, Origin("enumerate", (text,), text, text))
    exchange = Exchange(name, data, (data, b""), (data,), data, 0.1, 0.9, answered=False)
    transcript = Transcript(
        case.id,
        (exchange,),
        0.0,
        1.0,
        (Sample(0.0, (None, 1.0)), Sample(0.5, (3.0, float("inf")))),
        ((0.4, data),),
        (TargetEvent("fault", 0.7, {"symbol": text}),),
    )
    observation = Observation(Kind.CRASH, text, text, 0.7, (text,), text, {text or "note": text, "registers": text})
    words = {"bucket": "0123456789abcdef", "case_number": 12, "found_after": 3.25, "reproduced": 3, "tries": 3}
    words |= {"observation": observation, "window": (case, case), "transcript": transcript, "symptoms": (observation,)}
    return Finding(**{**words, **changes})


def record(found=None, **changes):
    """One confirmed crash in a hundred cases."""
    statistics = RequirementStatistics("PUMP-03", 9.5, 0.5, 2, 1.5, 0, 0.25)
    return CampaignRecord(
        **{
            "manifest": {
                "campaign": "night",
                "command": ".venv/bin/medfuzz",
                "signals": {"rate": {"unit": "ml/h"}, "alarm": {}},
            },
            "seconds": 8.0,
            "cases": 100,
            "verdicts": {"pass": 99, "finding": 1},
            "interfaces": {"maintenance": InterfaceTotals(100, 40)},
            "groups": (GroupTotals("maintenance", "enumerate", 100),),
            "requirements": (RequirementRecord(RATE, statistics), RequirementRecord(REVERSE)),
            "findings": (found or finding(),),
            "timeline": (TimelinePoint(1.0, 50, 0, 100), TimelinePoint(8.0, 100, 1, 200)),
            "reason": "budget",
            "exit_code": 1,
            "store": "runs/a run/store.sqlite",
            **changes,
        }
    )


def known(word="known", text="waits for the framer"):
    """What a baseline says of the finding's bucket."""
    return FindingStatus(word, KnownFinding("0123456789abcdef", "defer", text, text, text))


def expired(text):
    return known("expired", text)


def hostile_record(text, data=b"\x1b[31m<b>"):
    """The text wherever a record has words that are not ours."""
    requirement = Requirement(text, text, text, text, text)
    return record(
        finding(text, data, fault=text),
        manifest={text: [text, {text: text}], "signals": {text: {"unit": text}}, "campaign": text, "bench": text},
        interfaces={text: InterfaceTotals(1, 1)},
        groups=(GroupTotals("maintenance", "enumerate", 1),),
        requirements=(RequirementRecord(requirement, RequirementStatistics(text, margin=-0.5, violated=1)),),
        bench_faults=(text,),
        reason=text,
        statuses={"0123456789abcdef": expired(text)},
        known=(Seen(text, text, text, text),),
    )


texts = st.text(max_size=12)
findings = st.builds(finding, texts, st.binary(max_size=40), reproduced=st.integers(0, 2))
records = st.builds(
    lambda found, cases, faults, groups: dataclasses.replace(
        record(), findings=tuple(found), cases=cases, bench_faults=tuple(faults), groups=tuple(groups)
    ),
    st.lists(findings, max_size=3),
    st.integers(0, 10**6),
    st.lists(texts, max_size=2),
    st.lists(st.builds(GroupTotals, texts, texts, st.integers(0, 10**6)), max_size=2),
)
