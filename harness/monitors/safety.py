"""Watches the safety requirements over the signals of each case and reports the first violation of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from harness.case import PREAMBLE, Send, TestCase
from harness.reply_signals import ReplyField, ReplySignals, Values
from harness.requirements import Requirement, parse_requirements
from harness.temporal import FormulaSet, MonitorState, RequirementTotals, SignalDeclaration, Violation, Watched
from harness.transcript import Transcript
from harness.verdict import Kind, Observation


class SafetyMonitor:
    """A `Monitor` over declared signals; a sample's values come in the order of `signals`.

    `telling` are the messages that can act on the patient: the last of them before a violation makes its bucket.
    `told` reads the signals that replies tell (None: there are none such).

    Raises UsageError on a formula that is malformed or reads an undeclared signal.
    """

    name = "safety"

    def __init__(
        self,
        requirements: Sequence[Requirement],
        signals: Mapping[str, SignalDeclaration],
        telling: Collection[str] = (),
        told: ReplySignals | None = None,
    ) -> None:
        self._told = told or ReplySignals([ReplyField()] * len(signals), {})
        self._telling = frozenset(telling)
        self._requirements = {r.id: r for r in requirements}
        self._signals = tuple(signals.values())
        formulas = parse_requirements(requirements, signals)
        self._read = {formula.requirement: formula.signals for formula in formulas}
        self._formulas = FormulaSet(formulas, len(self._signals))

    @property
    def signals(self) -> Mapping[str, SignalDeclaration]:
        """The declared signals, in the order of a sample's values."""
        return {signal.name: signal for signal in self._signals}

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for each requirement that stopped being met, and one for each that lost a signal."""
        violations, unknown = self._feed(case, transcript)
        found = [
            self._unsafe(violation, self._culprit(case, transcript, violation.time))
            for violation in violations.values()
        ]
        found += [self._unknown(requirement, missing, transcript.ended) for requirement, missing in unknown.items()]
        return found

    def _feed(self, case: TestCase, transcript: Transcript) -> tuple[dict[str, Violation], dict[str, tuple[int, ...]]]:
        violations: dict[str, Violation] = {}
        unknown: dict[str, tuple[int, ...]] = {}
        samples = self._told.samples(case, transcript)
        for sample in samples:
            _keep_first(violations, self._formulas.push(sample.time, sample.values))
            if None in sample.values:
                unknown.update(self._lacking())
        if not samples:
            self._formulas.watch_from(transcript.started)
        _keep_first(violations, self._formulas.advance(transcript.ended))
        return violations, unknown

    def _lacking(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Requirements that lack a measured signal; what no reply has told so far is not lacking: nobody asked yet."""
        for requirement, missing in self._formulas.unknown().items():
            if not self._told.places.issuperset(missing):
                yield requirement, missing

    def _unsafe(self, violation: Violation, culprit: str) -> Observation:
        requirement = self._requirements[violation.requirement]
        shown = {self._signals[i].name: self._show(i, violation.values[i]) for i in sorted(self._read[requirement.id])}
        values = ", ".join(f"{name} = {value}" for name, value in shown.items())
        return Observation(
            Kind.UNSAFE_STATE,
            self.name,
            f"{requirement.title}: violated with {values} at {violation.time:.3f} s",
            violation.time,
            (requirement.id,),
            requirement.id,
            {
                "formula": " ".join(requirement.formula.split()),
                "source": requirement.source,
                "severity": requirement.severity,
                **shown,
            },
            blames=culprit,
        )

    def _culprit(self, case: TestCase, transcript: Transcript, time: float) -> str:
        """The message that makes the bucket: the last telling one before the violation; "" where none was sent.

        Where a bench knows no telling messages: a bent one, else the last. What shows on the way to a state is no
        message's.
        """
        own = () if case.origin.fuzzer == PREAMBLE else case.messages
        sent = [e.message for e in transcript.exchanges if e.message in own and e.sent_at <= time] or list(own)
        bent = {step.message for step in case.steps if isinstance(step, Send) and step.mutated}
        return next((message for message in reversed(sent) if message in (self._telling or bent or own)), "")

    def _show(self, index: int, value: float | None) -> str:
        signal = self._signals[index]
        if value is None:
            return "unknown"
        if signal.kind == "boolean":
            return "true" if value else "false"
        return f"{value:.10g} {signal.unit}".rstrip()

    def _unknown(self, requirement: str, missing: tuple[int, ...], time: float) -> Observation:
        names = ", ".join(self._signals[index].name for index in missing)
        summary = f"{requirement} cannot be judged: no value of {names}. Check where the signal comes from."
        return Observation(Kind.UNKNOWN_SIGNAL, self.name, summary, time, (requirement, names), requirement)

    def take(self) -> Watched:
        """How well each watched requirement was exercised since the last call."""
        return self._formulas.take()

    def totals(self) -> RequirementTotals:
        """An empty sum of what `take` gives."""
        return RequirementTotals(self._read, self._formulas.unconditional)

    def never_told(self) -> Mapping[str, tuple[str, ...]]:
        """Requirements that read signals which never had a value, and the names of these."""
        never = self._formulas.never_told()
        return {r: tuple(self._signals[place].name for place in places) for r, places in never.items()}

    def pending(self, known: Collection[str] = ()) -> Mapping[str, float]:
        """Requirements besides those `known` that would be violated if no signal changed: link seconds until then."""
        return self._formulas.pending(known)

    def state(self) -> tuple[MonitorState, Values]:
        """What the samples so far mean for later ones; the same objects while none came."""
        return self._formulas.state(), self._told.values

    def restore(self, state: tuple[MonitorState, Values]) -> None:
        """Back to an earlier `state()`; the statistics keep counting."""
        formulas, self._told.values = state
        self._formulas.restore(formulas)


def _keep_first(violations: dict[str, Violation], found: Iterable[Violation]) -> None:
    for violation in found:
        violations.setdefault(violation.requirement, violation)
