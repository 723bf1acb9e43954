"""Findings and records for the tests of store, summary and reports; strategies for drawn ones."""

import dataclasses

from hypothesis import strategies as st

from harness.case import FieldSpan, LiveField, Origin, Procedure, Reconnect, Reset, Send, Stimulate, TestCase, Wait
from harness.finding import Finding
from harness.requirements import Requirement
from harness.summary import CampaignRecord, GroupTotals, InterfaceTotals, RequirementRecord, TimelinePoint
from harness.temporal import RequirementStatistics
from harness.transcript import Exchange, Sample, TargetEvent, Transcript
from harness.verdict import Kind, Observation, Verdict

numbers = st.floats(allow_nan=False)
seconds = st.floats(0.0, 1e6)
counts = st.integers(0, 1 << 40)
texts = st.text(st.characters(), max_size=12)
datas = st.binary(max_size=24)
details = st.dictionaries(texts, texts, max_size=3)


def tuples(of, size=3):
    return st.lists(of, max_size=size).map(tuple)


places = st.integers(0, 600)
live_fields = st.builds(LiveField, texts, places, places, places, places)
spans = st.builds(FieldSpan, texts, places, places)
sends = st.builds(
    Send, texts, datas, tuples(live_fields), tuples(spans), st.booleans(), texts, st.integers(-1, 3), st.booleans()
)
steps = st.one_of(
    sends,
    st.builds(Wait, numbers),
    st.just(Reconnect()),
    st.just(Reset()),
    st.builds(Stimulate, texts, numbers),
    st.builds(Procedure, texts, tuples(st.tuples(texts, counts))),
)
origins = st.builds(Origin, texts, tuples(texts), texts, texts, counts, texts)
cases = st.builds(TestCase, texts, texts, tuples(steps, 5), origins)
exchanges = st.builds(
    Exchange, texts, datas, tuples(datas), tuples(datas), datas, numbers, numbers, st.booleans(), st.booleans()
)
samples = st.builds(Sample, numbers, tuples(st.none() | numbers))
target_events = st.builds(TargetEvent, texts, numbers, details)
transcripts = st.builds(
    Transcript,
    texts,
    tuples(exchanges),
    numbers,
    numbers,
    tuples(samples),
    tuples(st.tuples(numbers, datas)),
    tuples(target_events),
    st.none() | st.booleans(),
    texts,
    texts,
    st.booleans(),
)
observations = st.builds(Observation, st.sampled_from(Kind), texts, texts, numbers, tuples(texts), texts, details)
buckets = st.text("0123456789abcdef", min_size=16, max_size=16)
findings = st.builds(
    Finding,
    observations,
    buckets,
    st.lists(cases, min_size=1, max_size=3).map(tuple),
    transcripts,
    counts,
    seconds,
    st.integers(0, 3),
    st.integers(0, 3),
    texts,
    tuples(observations),
)
statistics = st.builds(
    RequirementStatistics, texts, seconds, seconds, counts, seconds, counts, st.none() | st.floats(-1.0, 1.0)
)
requirements = st.builds(Requirement, texts, texts, texts, texts, texts, texts)
records = st.builds(
    CampaignRecord,
    st.dictionaries(texts, texts | st.dictionaries(texts, texts, max_size=2), max_size=3),
    seconds,
    counts,
    st.dictionaries(st.sampled_from([v.value for v in Verdict]), counts),
    st.dictionaries(texts, st.builds(InterfaceTotals, counts, counts), max_size=2),
    tuples(st.builds(GroupTotals, texts, texts, counts), 2),
    tuples(st.builds(RequirementRecord, requirements, st.none() | statistics), 2),
    tuples(findings, 3),
    tuples(st.builds(TimelinePoint, seconds, counts, counts, counts), 3),
    counts,
    tuples(texts, 2),
    texts,
    st.sampled_from([0, 1, 3, 4]),
    texts,
)


def finding(bucket="0123456789abcdef", kind=Kind.CRASH, **changes):
    """A crash on the serial link; observation fields may be given too."""
    case = TestCase(
        "maintenance",
        "idle",
        (
            Send("hello", b"\x01\x02"),
            Wait(0.5),
            Send("set_rate", b"\xffAB", spans=(FieldSpan("rate", 0, 1),), mutated=True),
        ),
        Origin("enumerate", ("hello", "set_rate"), "rate", "ff", 7),
    )
    sent = Exchange("hello", b"\x01\x02", (b"ok",), (), b"", 0.0, 0.1, answered=True)
    bent = Exchange("set_rate", b"\xffAB", (), (), b"", 0.6, 1.0, answered=False)
    names = {field.name for field in dataclasses.fields(Observation)}
    words = {key: changes.pop(key) for key in names & set(changes)}
    observation = Observation(
        **{"kind": kind, "monitor": "device", "summary": "a crash", "time": 0.7, "fingerprint": (bucket,), **words}
    )
    transcript = Transcript(case.id, (sent, bent), 0.0, 1.0)
    rest = {"transcript": transcript, "case_number": 12, "found_after": 3.25, "tries": 3, **changes}
    return Finding(observation, bucket, (case,), **rest)
