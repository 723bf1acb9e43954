"""What a watched set of requirements has shown so far, added up as a campaign does it."""

from dataclasses import replace
from weakref import WeakKeyDictionary

from harness.monitors.safety import SafetyMonitor
from harness.temporal import RequirementTotals

TOTALS = WeakKeyDictionary()


def figures_of(watched):
    """Statistics by requirement of a FormulaSet or a SafetyMonitor, over all calls."""
    monitor = isinstance(watched, SafetyMonitor)
    taken = watched.take()
    if watched not in TOTALS:
        TOTALS[watched] = (
            watched.totals() if monitor else RequirementTotals(sorted(taken.exercises), watched.unconditional)
        )
    TOTALS[watched].add(taken)
    never = watched.never_told() if monitor else {}
    return {name: replace(one, missing=never.get(name, ())) for name, one in TOTALS[watched].statistics().items()}
