"""Watches a set of requirements over one stream of samples, and does only the work that a change asks for."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import eq

from harness.quick import quick
from harness.temporal.evaluator import Evaluator, EvaluatorState
from harness.temporal.formula import Formula
from harness.temporal.statistics import Watched


@dataclass(frozen=True, slots=True)
class Violation:
    """A requirement stopped being met at link second `time`; `values` are all signals at that instant."""

    requirement: str
    time: float
    values: tuple[float | None, ...]


@quick
@dataclass(frozen=True, slots=True)
class MonitorState:
    """What a `FormulaSet` remembers; immutable."""

    time: float
    values: tuple[float | None, ...]
    wake: float
    evaluators: tuple[EvaluatorState, ...]


def _is_nan(value: float | None) -> bool:
    return value is not None and math.isnan(value)


class FormulaSet:
    """Judges every formula at every instant that matters. `signals` is the number of values in a sample."""

    def __init__(self, formulas: Sequence[Formula], signals: int) -> None:
        self._evaluators = tuple(Evaluator(formula) for formula in formulas)
        self._readers = tuple(
            tuple(place for place, formula in enumerate(formulas) if index in formula.signals)
            for index in range(signals)
        )
        self._each_sample = frozenset(p for p, e in enumerate(self._evaluators) if e.samples_matter)
        self._time = -math.inf
        self._values: tuple[float | None, ...] = ()
        self._wake = math.inf
        self._elapsed = 0.0
        self._judged: set[int] = set(range(len(self._evaluators)))
        self._touched: set[int] = set()
        self._counting: set[Evaluator] = set(self._evaluators)
        self._awaited = set(range(signals))
        self._base = self._save()

    @property
    def time(self) -> float:
        """Link seconds up to which everything is judged."""
        return self._time

    def push(self, time: float, values: Sequence[float | None]) -> Sequence[Violation]:
        """Take one sample; returns what stopped being met since the last one, oldest first.

        A time before the last one counts as the last one. A value that is not a number counts as missing.
        """
        found = self.advance(time)
        sample = tuple(values)
        if sample != self._values and not all(map(eq, sample, sample)):
            sample = tuple(None if _is_nan(value) else value for value in sample)
        due = self._due(sample)
        self._values = sample
        if self._awaited:
            self._awaited.difference_update([place for place in self._awaited if sample[place] is not None])
        newly = self._judge(due, self._time, between=False) if due else ()
        return (*found, *newly) if newly else found

    def _due(self, sample: tuple[float | None, ...]) -> set[int]:
        if sample == self._values:
            due = set(self._each_sample)
        elif not self._values:
            due = set(range(len(self._evaluators)))
        else:
            pairs = zip(self._readers, sample, self._values, strict=True)
            due = {place for readers, new, old in pairs if new != old for place in readers}
            due |= self._each_sample
        if self._wake <= self._time:
            due |= self._waking(self._time)
        return due

    def advance(self, time: float) -> Sequence[Violation]:
        """Let the present values hold until just before `time`; returns what that violated."""
        found: list[Violation] = []
        while self._wake < time:
            instant = self._wake
            self._pass(instant)
            found.extend(self._judge(self._waking(instant), instant, between=True))
        self._pass(time)
        return found

    def _waking(self, time: float) -> set[int]:
        return {place for place, evaluator in enumerate(self._evaluators) if evaluator.wake <= time}

    def _pass(self, time: float) -> None:
        seconds = time - self._time
        if seconds <= 0:
            return
        self._time = time
        if seconds < math.inf:
            self._elapsed += seconds
            for evaluator in self._counting:
                evaluator.pass_time(seconds)

    def _judge(self, due: set[int], time: float, *, between: bool) -> Sequence[Violation]:
        found: list[Violation] = []
        values = self._values
        for place in sorted(due):
            evaluator = self._evaluators[place]
            newly = evaluator.judge_between(values, time) if between else evaluator.judge(values, time)
            if newly:
                found.append(Violation(evaluator.formula.requirement, time, values))
            if evaluator.unknown or (evaluator.active and evaluator.conditional):
                self._counting.add(evaluator)
            else:
                self._counting.discard(evaluator)
        self._touched |= due
        self._judged |= due
        self._wake = min([evaluator.wake for evaluator in self._evaluators], default=math.inf)
        return found

    def watch_from(self, time: float) -> None:
        """Time counts from `time` on, also before the first sample; no sample of an earlier time may follow."""
        if self._time == -math.inf:
            self._time = time

    def never_told(self) -> Mapping[str, tuple[int, ...]]:
        """Requirements that read a signal which never had a value in any case, each with the positions of these."""
        waiting = {e.formula.requirement: tuple(i for i in e.signals if i in self._awaited) for e in self._evaluators}
        return {requirement: missing for requirement, missing in waiting.items() if missing}

    def unknown(self) -> Mapping[str, tuple[int, ...]]:
        """Requirements that cannot be judged at present, each with the positions of its missing signals."""
        values = self._values or (None,) * len(self._readers)
        return {
            evaluator.formula.requirement: tuple(i for i in evaluator.signals if values[i] is None)
            for evaluator in self._counting
            if evaluator.unknown
        }

    def pending(self, known: Collection[str] = ()) -> Mapping[str, float]:
        """Requirements met now that would be violated if no signal changed: seconds until then, soonest first.

        Those that are `known` are left out.
        """
        waits: list[tuple[float, str]] = []
        for evaluator in self._evaluators:
            met = evaluator.wake < math.inf and not evaluator.violated and not evaluator.unknown
            if met and evaluator.formula.requirement not in known:
                when = evaluator.first_violation(self._values)
                if when < math.inf:
                    waits.append((when - self._time, evaluator.formula.requirement))
        return {requirement: seconds for seconds, requirement in sorted(waits)}

    @property
    def unconditional(self) -> frozenset[str]:
        """Requirements without a condition."""
        return frozenset(e.formula.requirement for e in self._evaluators if not e.conditional)

    def take(self) -> Watched:
        """What was seen since the last call."""
        counted = {self._evaluators[place] for place in self._judged} | self._counting
        seconds, self._elapsed = self._elapsed, 0.0
        self._judged.clear()
        return Watched(seconds, {e.formula.requirement: e.take() for e in counted})

    def state(self) -> MonitorState:
        """What was learned from the samples, without the counters; the same object while nothing was judged."""
        base = self._base
        if self._touched or base.time != self._time or base.values != self._values:
            self._base = self._save()
            self._touched.clear()
        return self._base

    def _save(self) -> MonitorState:
        return MonitorState(self._time, self._values, self._wake, tuple(e.state() for e in self._evaluators))

    def restore(self, state: MonitorState) -> None:
        """Back to an earlier `state()`; costs what was judged since then, and what differs from the last one."""
        before = self._base.evaluators
        if state is not self._base:
            self._touched.update([p for p, saved in enumerate(state.evaluators) if saved != before[p]])
        for place in self._touched:
            self._restore_one(self._evaluators[place], state.evaluators[place])
        self._touched.clear()
        self._base = state
        self._time, self._values, self._wake = state.time, state.values, state.wake

    def _restore_one(self, evaluator: Evaluator, state: EvaluatorState) -> None:
        evaluator.restore(state)
        if evaluator.unknown or (evaluator.active and evaluator.conditional):
            self._counting.add(evaluator)
        else:
            self._counting.discard(evaluator)
