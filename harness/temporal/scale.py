"""How wide a number of a formula is, from the declared ranges of its signals: what margins are divided by."""

from __future__ import annotations

from collections.abc import Sequence

from harness.temporal.formula import Arithmetic, Constant, Number, PreviousNumber, SignalDeclaration, SignalValue


def scale_of(number: Number, signals: Sequence[SignalDeclaration]) -> float:
    """The range a margin is divided by: the larger one for sums and differences, 0 where no signal is read."""
    match number:
        case Constant():
            return 0.0
        case SignalValue(index=index):
            signal = signals[index]
            return 1.0 if signal.kind == "boolean" else signal.range
        case PreviousNumber(of=inner):
            return scale_of(inner, signals)
        case Arithmetic(operator="*", left=left, right=right):
            return max(_product(left, right, signals), _product(right, left, signals))
        case Arithmetic(operator="/", left=left, right=right):
            return scale_of(left, signals) / (_largest(right, signals) or 1.0) or scale_of(right, signals)
        case Arithmetic(left=left, right=right):
            return max(scale_of(left, signals), scale_of(right, signals))


def _product(factor: Number, other: Number, signals: Sequence[SignalDeclaration]) -> float:
    return scale_of(factor, signals) * (_largest(other, signals) or 1.0)


def _largest(number: Number, signals: Sequence[SignalDeclaration]) -> float:
    """The largest magnitude the number is expected to take."""
    match number:
        case Constant(value=value):
            return abs(value)
        case SignalValue(index=index):
            return max(abs(signals[index].low), abs(signals[index].high))
        case PreviousNumber(of=inner):
            return _largest(inner, signals)
        case Arithmetic(operator="*", left=left, right=right):
            return _largest(left, signals) * _largest(right, signals)
        case Arithmetic(operator="/", left=left, right=right):
            return _largest(left, signals) / (_largest(right, signals) or 1.0)
        case Arithmetic(left=left, right=right):
            return max(_largest(left, signals), _largest(right, signals))
