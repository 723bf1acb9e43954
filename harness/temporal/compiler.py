"""Turns a formula into closures over a sample's values and the operators' memories."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.temporal.formula import (
    FOREVER,
    Any,
    Arithmetic,
    Boolean,
    Comparison,
    Constant,
    Every,
    Historically,
    Implies,
    Not,
    Number,
    Once,
    Previous,
    PreviousNumber,
    SignalTruth,
    SignalValue,
    Since,
    Truth,
)
from harness.temporal.operators import OPERATORS
from harness.temporal.windows import Delay, Full, Memory, Running, SinceStart, SinceWithin, Sliding

Values = Sequence[float | None]
Robustness = Callable[[Values, float], float]
Figure = Callable[[Values], float | None]

HAIRLINE = 1e-12


class Compiler:
    """Compiles the parts of one formula; `memories` collects what has to be saved and restored.

    `unknown` is what a doubtful part counts as: +1 where it is demanded, -1 where it is a condition.
    """

    def __init__(self) -> None:
        self.memories: list[Memory] = []

    def remember(self, memory: Memory) -> None:
        """File one operator's memory."""
        self.memories.append(memory)

    def truth(self, node: Boolean, unknown: float) -> Robustness:  # noqa: PLR0911 - one return a node
        """The closure that gives the robustness of `node`."""
        match node:
            case Truth(value=value):
                fixed = 1.0 if value else -1.0
                return lambda _values, _time: fixed
            case SignalTruth(index=index):
                return _signal_truth(index, unknown)
            case Comparison():
                return self.comparison(node, unknown)
            case Not(of=of):
                inner = self.truth(of, -unknown)
                return lambda values, time: -inner(values, time)
            case Every(parts=parts):
                return _extreme(min, [self.truth(part, unknown) for part in parts])
            case Any(parts=parts):
                return _extreme(max, [self.truth(part, unknown) for part in parts])
            case Implies(condition=condition, demand=demand):
                return self.implication(condition, demand, unknown)
            case _:
                return self.temporal(node, unknown)

    def implication(self, condition: Boolean, demand: Boolean, unknown: float) -> Robustness:
        """`not condition or demand`; both are always stepped, because both may remember."""
        left, right = self.truth(condition, -unknown), self.truth(demand, unknown)

        def step(values: Values, time: float) -> float:
            obliged, met = -left(values, time), right(values, time)
            return max(met, obliged)

        return step

    def temporal(self, node: Historically | Once | Since | Previous, unknown: float) -> Robustness:
        """The closures of operators with a memory."""
        match node:
            case Historically(of=of, within=within):
                smallest = self.extreme(of, within, unknown, 1.0)
                return self.full(smallest, within) if unknown < 0 and within != FOREVER else smallest
            case Once(of=of, within=within):
                return self.extreme(of, within, unknown, -1.0)
            case Since(held=held, start=start, within=within):
                return self.since(held, start, within, unknown)
            case Previous(of=of):
                return self.previous(of, unknown)

    def extreme(self, of: Boolean, within: float, unknown: float, sign: float) -> Robustness:
        """The smallest (`sign` +1) or largest (-1) robustness over the window."""
        inner = self.truth(of, unknown)
        memory = Running() if within == FOREVER else Sliding(within)
        self.remember(memory)
        smallest = memory.step
        if sign > 0:
            return lambda values, time: smallest(inner(values, time), time)
        return lambda values, time: -smallest(-inner(values, time), time)

    def full(self, smallest: Robustness, within: float) -> Robustness:
        """A condition that counts only when its window is full."""
        memory = Full(within)
        self.remember(memory)
        return lambda values, time: min(smallest(values, time), memory.step(time))

    def since(self, held: Boolean, start: Boolean, within: float, unknown: float) -> Robustness:
        """The closure of `since`."""
        holding, starting = self.truth(held, unknown), self.truth(start, unknown)
        memory = SinceStart() if within == FOREVER else SinceWithin(within)
        self.remember(memory)
        return lambda values, time: memory.step(holding(values, time), starting(values, time), time)

    def previous(self, of: Boolean, unknown: float) -> Robustness:
        """The closure of `previous` of a truth."""
        inner, memory = self.truth(of, unknown), Delay()
        self.remember(memory)

        def step(values: Values, time: float) -> float:
            before = memory.step(inner(values, time))
            return unknown if before is None else before

        return step

    def comparison(self, node: Comparison, unknown: float) -> Robustness:
        """The margin over the scale, never 0: at the boundary a hairline on the side that the operator says."""
        left, right = self.figure(node.left), self.figure(node.right)
        if node.operator in ("<", "<="):
            left, right = right, left
        if node.operator in ("==", "!="):
            return _equality(left, right, node.scale, unknown, 1.0 if node.operator == "==" else -1.0)
        boundary = HAIRLINE if node.operator in ("<=", ">=") else -HAIRLINE
        if isinstance(node.left, SignalValue) and isinstance(node.right, Constant):
            sign = 1.0 if node.operator in (">", ">=") else -1.0
            return _threshold(node.left.index, node.right.value, sign / node.scale, boundary, unknown)
        return _margin(left, right, node.scale, boundary, unknown)

    def figure(self, node: Number) -> Figure:
        """The closure that gives a number, None where it is not known."""
        match node:
            case Constant(value=value):
                return lambda _values: value
            case SignalValue(index=index):
                return lambda values: values[index]
            case PreviousNumber(of=of):
                inner, memory = self.figure(of), Delay()
                self.remember(memory)
                return lambda values: memory.step(inner(values))
            case Arithmetic(operator=operator, left=left, right=right):
                return self.arithmetic(operator, left, right)

    def arithmetic(self, operator: str, left: Number, right: Number) -> Figure:
        """`abs` and `neg` take `left` only."""
        first = self.figure(left)
        if operator in ("abs", "neg"):
            return _unary(first, absolute=operator == "abs")
        second, apply = self.figure(right), OPERATORS[operator]

        def step(values: Values) -> float | None:
            one, other = first(values), second(values)
            if one is None or other is None or (other == 0 and operator == "/"):
                return None
            return apply(one, other)

        return step


def _unary(inner: Figure, *, absolute: bool) -> Figure:
    def step(values: Values) -> float | None:
        value = inner(values)
        if value is None:
            return None
        return abs(value) if absolute else -value

    return step


def _signal_truth(index: int, unknown: float) -> Robustness:
    def step(values: Values, _time: float) -> float:
        value = values[index]
        if value is None:
            return unknown
        return 1.0 if value else -1.0

    return step


def _extreme(choose: Callable[[list[float]], float], parts: list[Robustness]) -> Robustness:
    if len(parts) == 2:
        return _smaller(*parts) if choose is min else _larger(*parts)
    return lambda values, time: choose([part(values, time) for part in parts])


def _smaller(first: Robustness, second: Robustness) -> Robustness:
    def step(values: Values, time: float) -> float:
        one, other = first(values, time), second(values, time)
        return other if other < one else one

    return step


def _larger(first: Robustness, second: Robustness) -> Robustness:
    def step(values: Values, time: float) -> float:
        one, other = first(values, time), second(values, time)
        return other if other > one else one

    return step


def _threshold(index: int, limit: float, factor: float, boundary: float, unknown: float) -> Robustness:
    def step(values: Values, _time: float) -> float:
        value = values[index]
        return unknown if value is None else _cut((value - limit) * factor, boundary, unknown)

    return step


def _margin(left: Figure, right: Figure, scale: float, boundary: float, unknown: float) -> Robustness:
    def step(values: Values, _time: float) -> float:
        one, other = left(values), right(values)
        return unknown if one is None or other is None else _cut((one - other) / scale, boundary, unknown)

    return step


def _equality(left: Figure, right: Figure, scale: float, unknown: float, sign: float) -> Robustness:
    def step(values: Values, _time: float) -> float:
        one, other = left(values), right(values)
        if one is None or other is None:
            return unknown
        return sign if one == other else -sign * _cut(abs(one - other) / scale, HAIRLINE, -unknown * sign)

    return step


def _cut(margin: float, boundary: float, unknown: float) -> float:
    """Within [-1, 1]; a margin that is not a number (infinity less infinity) is unknown."""
    if margin > 0:
        return margin if margin < 1.0 else 1.0
    if margin < 0:
        return margin if margin > -1.0 else -1.0
    return boundary if margin == 0 else unknown
