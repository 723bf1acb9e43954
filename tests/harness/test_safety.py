"""The safety monitor on transcripts: what was violated, by which message, and what cannot be judged."""

from dataclasses import replace

import pytest
from figures import figures_of
from signs import sign_of

from harness.case import PREAMBLE, Origin, Send, TestCase
from harness.errors import UsageError
from harness.monitors.safety import SafetyMonitor
from harness.requirements import Requirement
from harness.summary import RequirementRecord
from harness.temporal import SignalDeclaration
from harness.transcript import Exchange, Sample, Transcript
from harness.verdict import Kind, Verdict, verdict_of

SIGNALS = {
    "rate": SignalDeclaration("rate", high=100.0, unit="ml/h"),
    "alarm": SignalDeclaration("alarm", kind="boolean"),
}
RATE = Requirement("R-1", "Never too fast", "GIP 1.1", "critical", "rate <= 50")
SILENT = Requirement("R-2", "No lasting alarm", formula="not historically(alarm, within=60)")
NONE = Requirement("R-3", "Never backwards", excluded="the motor has no reverse")


def case(*messages, bent=()):
    return TestCase("m", "idle", tuple(Send(m, b"x", mutated=m in bent) for m in messages), Origin("enumerate"))


def transcript(samples, *messages, ended=10.0):
    sent = [Exchange(m, b"x", (), (), b"", at, at + 0.5, answered=True) for at, m in enumerate(messages, 1)]
    return Transcript("c", tuple(sent), 0.0, ended, tuple(Sample(time, values) for time, values in samples))


def test_a_violation_says_what_with_which_values_and_when():
    monitor = SafetyMonitor([RATE, SILENT, NONE], SIGNALS)
    samples = [(0.0, (5.0, False)), (2.5, (75.0, False)), (3.0, (80.0, True))]
    (found,) = monitor.observe(case("order"), transcript(samples, "order"))
    assert (found.kind, found.requirement, found.time) == (Kind.UNSAFE_STATE, "R-1", 2.5)
    assert found.summary == "Never too fast: violated with rate = 75 ml/h at 2.500 s"
    assert sign_of(found) == ("R-1", "order")
    assert found.detail == {
        "formula": "rate <= 50",
        "source": "GIP 1.1",
        "severity": "critical",
        "rate": "75 ml/h",
    }


@pytest.mark.parametrize(
    ("telling", "bent", "culprit"),
    [
        ({"order"}, {"hello"}, "order"),
        ({"reset"}, {"hello"}, ""),
        (set(), {"hello"}, "hello"),
        (set(), set(), "status"),
        ({"late"}, {"late"}, ""),
    ],
)
def test_the_bucket_is_the_message_that_acts_and_the_bent_one_only_where_none_is_known_to_act(telling, bent, culprit):
    monitor = SafetyMonitor([RATE], SIGNALS, telling)
    ran = case("hello", "order", "status", "late", bent=bent)
    samples = [(0.0, (5.0, False)), (3.5, (75.0, False))]
    (found,) = monitor.observe(ran, transcript(samples, "hello", "order", "status", "late"))
    assert sign_of(found) == ("R-1", culprit)


def test_a_violation_on_the_way_to_a_state_is_no_messages():
    monitor = SafetyMonitor([RATE], SIGNALS, {"order"})
    way = replace(case("order"), origin=Origin(PREAMBLE))
    (found,) = monitor.observe(way, transcript([(0.0, (5.0, False)), (3.5, (75.0, False))], "order"))
    assert sign_of(found) == ("R-1", "")


def test_a_signal_that_stops_coming_is_inconclusive():
    monitor = SafetyMonitor([RATE, SILENT], SIGNALS)
    observations = monitor.observe(case("order"), transcript([(0.0, (5.0, False)), (1.0, (None, False))], "order"))
    assert [(o.kind, o.requirement) for o in observations] == [(Kind.UNKNOWN_SIGNAL, "R-1")]
    assert observations[0].summary == "R-1 cannot be judged: no value of rate. Check where the signal comes from."
    assert verdict_of(observations) is Verdict.INCONCLUSIVE


def test_a_requirement_whose_signal_never_came_is_inconclusive_and_says_which():
    monitor = SafetyMonitor([RATE, SILENT, NONE], SIGNALS)
    for samples in ([], [(2.0, (None, False))], []):
        monitor.observe(case("order"), transcript(samples, "order"))
    figures = figures_of(monitor)
    assert (figures["R-1"].missing, figures["R-2"].missing) == (("rate",), ())
    assert RequirementRecord(RATE, figures["R-1"]).status == "inconclusive"
    assert RequirementRecord(SILENT, figures["R-2"]).status == "held"


def test_a_bench_whose_signals_never_come_shows_nothing_and_all_time_is_unknown():
    monitor = SafetyMonitor([RATE, SILENT], SIGNALS)
    fresh = monitor.state()
    for _ in range(3):
        assert not monitor.observe(case("order"), transcript([], "order"))
        monitor.restore(fresh)
    told = figures_of(monitor)
    for requirement, figures in ((RATE, told["R-1"]), (SILENT, told["R-2"])):
        assert (figures.observed_seconds, figures.unknown_seconds) == (0.0, 30.0)
        assert RequirementRecord(requirement, figures).status == "inconclusive"


def test_what_only_long_time_shows_is_pending_and_comes_when_the_time_passes():
    monitor = SafetyMonitor([RATE, SILENT], SIGNALS)
    assert not monitor.observe(case("order"), transcript([(0.0, (5.0, False)), (4.0, (5.0, True))], "order"))
    assert monitor.pending() == {"R-2": 54.0}
    assert monitor.pending({"R-2"}) == {}
    state = monitor.state()
    (found,) = monitor.observe(case("order"), transcript([], ended=65.0))
    assert (found.requirement, found.time) == ("R-2", 64.0)
    monitor.restore(state)
    assert monitor.pending() == {"R-2": 54.0}
    assert figures_of(monitor)["R-2"].violated == 1


def test_a_formula_over_an_unknown_signal_is_refused_at_once():
    with pytest.raises(UsageError, match="requirement R-1: column 1: 'rate' is not a declared signal"):
        SafetyMonitor([RATE], {"alarm": SIGNALS["alarm"]})
