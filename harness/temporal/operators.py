"""The arithmetic of formulas, by the sign it is written with."""

from __future__ import annotations

from collections.abc import Callable, Mapping

OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "min": min,
    "max": max,
}
