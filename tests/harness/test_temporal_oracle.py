"""Our past-time logic against reelay: 10,000 drawn pairs of a formula and a trace, truth and robustness."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporal_oracle import SIGNALS, Oracle, constructs, formulas, stripped, text, traces

from harness.temporal import FormulaSet, parse
from harness.temporal.compiler import Compiler

OPERATORS = {
    *("truth", "fixed", "chain", "<", "<=", ">", ">=", "==", "!="),
    *("+", "-", "*", "/", "min", "max", "abs", "neg", "previous number"),
    *("and", "or", "not", "implies", "previous", "historically", "once", "since"),
    *("historically within", "once within", "since within"),
}
drawn = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def ours(formula, rows, tick):
    """The robustness at each tick, every operator stepped."""
    step = Compiler().truth(formula.root, 1.0)
    return [step(row, number * tick) for number, row in enumerate(rows)]


def violations(formula, rows, tick, every):
    """When the watched requirement stopped being met; unless `every`, only what changed is pushed."""
    watch, found = FormulaSet([formula], len(SIGNALS)), []
    for number, row in enumerate(rows):
        if every or not number or row != rows[number - 1]:
            found += watch.push(number * tick, row)
    found += watch.advance((len(rows) - 0.5) * tick)
    return [violation.time for violation in found]


def expected(formula, rows, robustness, tick):
    """A tick is violated where reelay says so and no signal that is read is missing; told once until it ends."""
    known = [all(row[index] is not None for index in formula.signals) for row in rows]
    bad = [False, *(value < 0 and judged for value, judged in zip(robustness, known, strict=True))]
    return [number * tick for number, (before, here) in enumerate(pairwise(bad)) if here and not before]


@pytest.mark.slow
@pytest.mark.parametrize(("examples", "together"), [(640, 16), (250, 1)], ids=["many traces", "one trace"])
def test_agrees_with_reelay(examples, together):
    met, pairs = Counter(), Counter()

    @settings(drawn, max_examples=examples)
    @given(formulas(), st.lists(traces(), min_size=together, max_size=together), st.sampled_from([1.0, 0.25]))
    def agree(tree, drawn_traces, tick):
        tree = stripped(tree)
        formula = parse(text(tree, tick), SIGNALS, "DRAWN")
        met.update(constructs(tree))
        every = not constructs(tree).isdisjoint({"previous", "previous number"})
        for rows, told in zip(drawn_traces, Oracle(tree, drawn_traces).robustness(), strict=True):
            assert ours(formula, rows, tick) == pytest.approx(told, abs=1e-11, rel=1e-11)
            assert violations(formula, rows, tick, every) == expected(formula, rows, told, tick)
            pairs["violated" if min(told) < 0 else "met"] += 1

    agree()
    assert pairs.total() >= examples * together
    assert min(pairs.values()) > pairs.total() // 10
    assert set(met) == OPERATORS | {"signal", "constant"}
    assert min(met.values()) >= examples // 64, met
