"""Past-time temporal logic with robustness: safety formulas over named signals, checked while a campaign runs."""

from harness.temporal.formula import Formula, SignalDeclaration
from harness.temporal.monitor import FormulaSet, MonitorState, Violation
from harness.temporal.parser import parse
from harness.temporal.statistics import Exercise, RequirementStatistics, RequirementTotals, TotalsState, Watched

__all__ = [
    "Exercise",
    "Formula",
    "FormulaSet",
    "MonitorState",
    "RequirementStatistics",
    "RequirementTotals",
    "SignalDeclaration",
    "TotalsState",
    "Violation",
    "Watched",
    "parse",
]
