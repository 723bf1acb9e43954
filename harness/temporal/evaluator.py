"""One requirement while it is being watched: its closures, its memories, its verdict and its counters."""

from __future__ import annotations

import math
from typing import Any

from harness.temporal.compiler import Compiler, Values
from harness.temporal.formula import Formula, Implies
from harness.temporal.statistics import Exercise
from harness.temporal.windows import Delay

_MOST_FORESEEN = 64
EvaluatorState = tuple[bool, bool, bool, float, tuple[object, ...]]


class Evaluator:
    """Judges one formula. `violated`, `active` (its condition is true) and `unknown` hold until the next judgement.

    Before the first sample it is unknown.
    """

    def __init__(self, formula: Formula) -> None:
        self.formula = formula
        self.signals = tuple(sorted(formula.signals))
        compiler = Compiler()
        root = formula.root
        self.conditional = isinstance(root, Implies)
        self._condition = compiler.truth(root.condition, -1.0) if isinstance(root, Implies) else None
        self._demand = compiler.truth(root.demand if isinstance(root, Implies) else root, 1.0)
        self._memories = tuple(compiler.memories)
        self._delays = tuple(memory for memory in self._memories if isinstance(memory, Delay))
        self._timed = tuple(memory for memory in self._memories if not isinstance(memory, Delay))
        self.samples_matter = bool(self._delays)
        self.violated = self.active = False
        self.unknown = True
        self.wake = math.inf
        self.exercised: int = 0
        self.violations: int = 0
        self.exercised_seconds = self.unknown_seconds = 0.0
        self.margin = math.inf
        self._foreseen: dict[tuple[EvaluatorState, Values], float] = {}
        self._last: tuple[EvaluatorState | None, Values, float] = (None, (), math.inf)
        self._kept: EvaluatorState | None = None  # what `state` gave, as long as nothing was judged since

    def judge(self, values: Values, time: float) -> bool:
        """Judge at a sample; true when the requirement was met before and is violated from here on."""
        before, was_active, self._kept = self.violated, self.active, None
        robustness = self._robustness(values, time)
        if self._timed:
            self.wake = min([memory.wake for memory in self._timed])
        self.unknown = None in values and None in [values[index] for index in self.signals]
        if self.unknown:
            self.violated = self.active = False
            return False
        self.margin = min(self.margin, robustness)
        if self.active and not was_active:
            self.exercised += 1
        self.violated = robustness < 0
        if self.violated and not before:
            self.violations += 1
            return True
        return False

    def judge_between(self, values: Values, time: float) -> bool:
        """Judge at an instant that is no sample: windows move, `previous` does not."""
        for delay in self._delays:
            delay.frozen = True
        newly = self.judge(values, time)
        for delay in self._delays:
            delay.frozen = False
        return newly

    def _robustness(self, values: Values, time: float) -> float:
        if self._condition is None:
            self.active = True
            return self._demand(values, time)
        obliged = self._condition(values, time)
        self.active = obliged > 0
        met = self._demand(values, time)
        return met if met > -obliged else -obliged

    def first_violation(self, values: Values) -> float:
        """The time at which it would be violated if every signal stayed as it is; infinity if never.

        Cases begin in the same states again and again, so what was foreseen is kept.
        """
        state = self.state()
        read = tuple([values[index] for index in self.signals])
        if state is not self._last[0] or read != self._last[1]:
            self._last = state, read, self._looked_up(values, (state, read))
        return self._last[2]

    def _looked_up(self, values: Values, key: tuple[EvaluatorState, Values]) -> float:
        if key not in self._foreseen:
            if len(self._foreseen) == _MOST_FORESEEN:
                self._foreseen.clear()
            self._foreseen[key] = self._foresee(values, key[0])
        return self._foreseen[key]

    def _foresee(self, values: Values, state: EvaluatorState) -> float:
        counters = self.exercised, self.violations, self.margin
        when = math.inf
        while self.wake < math.inf and when == math.inf:
            time = self.wake
            if self.judge_between(values, time):
                when = time
        self.restore(state)
        self.exercised, self.violations, self.margin = counters
        return when

    def pass_time(self, seconds: float) -> None:
        """Count time that went by with the present verdict."""
        if self.unknown:
            self.unknown_seconds += seconds
        elif self.active:
            self.exercised_seconds += seconds

    def take(self) -> Exercise:
        """The counters since the last call."""
        taken = Exercise(self.exercised, self.exercised_seconds, self.unknown_seconds, self.violations, self.margin)
        self.exercised, self.exercised_seconds, self.unknown_seconds, self.violations = 0, 0.0, 0.0, 0
        self.margin = math.inf
        return taken

    def state(self) -> EvaluatorState:
        """Verdict and memories; passed back to `restore`."""
        if self._kept is None:
            memories = tuple([memory.state() for memory in self._memories])
            self._kept = self.violated, self.active, self.unknown, self.wake, memories
        return self._kept

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`; the counters stay."""
        if state is self._kept:
            return
        self._kept = state
        self.violated, self.active, self.unknown, self.wake, memories = state
        for memory, saved in zip(self._memories, memories, strict=True):
            memory.restore(saved)
