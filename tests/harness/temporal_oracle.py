"""Formulas as trees of the tests' own, said twice: in our words for the parser, and to reelay, which judges them too.

A tree is a tuple: an operator, then its operands. Each comparison becomes a signal of its own for reelay, which has no
arithmetic; what doubt means (a missing signal, the first sample, a window not yet full) is said to it in such signals.
"""

import math

from hypothesis import strategies as st
from reelay import _pybind11_module

from harness.temporal import SignalDeclaration

SIGNALS = {
    "x": SignalDeclaration("x", low=-5.0, high=5.0),
    "y": SignalDeclaration("y", low=0.0, high=4.0),
    "p": SignalDeclaration("p", kind="boolean"),
    "q": SignalDeclaration("q", kind="boolean"),
}
RANGES = {"x": 10.0, "y": 4.0, "p": 1.0, "q": 1.0}
LARGEST = {"x": 5.0, "y": 4.0, "p": 1.0, "q": 1.0}
X_VALUES, Y_VALUES = (-2.0, 0.0, 1.0, 3.5), (0.0, 1.0)
LONGEST_WINDOW = 5
TEMPORAL = ("historically", "once", "since")
COMPARISONS = {
    "<": lambda margin: -margin,
    "<=": lambda margin: -margin,
    ">": lambda margin: margin,
    ">=": lambda margin: margin,
}
HAIRLINE = {"<": -1e-12, ">": -1e-12, "<=": 1e-12, ">=": 1e-12}


def numbers():
    """Numbers that read at least one signal."""
    signals = st.sampled_from([("signal", "x"), ("signal", "y")])
    constants = st.sampled_from([-2.0, 0.5, 1.0, 3.0]).map(lambda value: ("constant", value))
    operators = st.sampled_from(["+", "-", "*", "/", "min", "max"])

    def larger(inner):
        either = st.one_of(inner, constants)
        return st.one_of(
            st.tuples(operators, inner, either),
            st.tuples(operators, constants, inner),
            st.tuples(st.sampled_from(["abs", "neg", "previous number"]), inner),
        )

    return st.one_of(signals, larger(signals), st.recursive(signals, larger, max_leaves=3))


def formulas():
    """Formulas in which every operator may stand within every other one."""
    limits = st.sampled_from([-2.0, 0.0, 1.0, 2.5]).map(lambda value: ("constant", value))
    figure, limit = numbers(), st.one_of(limits, st.just(("signal", "y")))
    comparison = st.tuples(st.sampled_from(["!=", "<", "<=", "!=", ">", ">=", "=="]), figure, limit)
    chain = st.tuples(st.just("chain"), limits, figure, limits)
    truths = st.sampled_from([("truth", "p"), ("truth", "q"), ("fixed", True), ("fixed", False)])

    def larger(inner):
        within = st.one_of(st.none(), st.sampled_from([1, 2, 3, 5]))
        return st.one_of(
            st.tuples(st.sampled_from(["and", "or", "implies"]), inner, inner),
            st.tuples(st.sampled_from(["not", "previous"]), inner),
            st.tuples(st.sampled_from(["historically", "once"]), inner, within),
            st.tuples(st.just("historically"), inner, st.none()),  # at the top of a formula it is stripped
            st.tuples(st.just("since"), inner, inner, within),
        )

    return st.recursive(st.one_of(truths, comparison, comparison, chain), larger, max_leaves=6)


def traces():
    """Samples at one tick each, some of them held over from the tick before, some without `y`."""
    return st.tuples(st.binary(min_size=3, max_size=18), st.booleans()).map(lambda drawn: _trace(*drawn))


def _trace(drawn, gaps):
    rows = []
    for byte in drawn:
        if byte & 0x80 and rows:
            rows.append(rows[-1])
            continue
        y = None if gaps and byte & 0x60 == 0x60 else Y_VALUES[byte >> 2 & 1] + (byte >> 6 & 1) * 1.5
        rows.append((X_VALUES[byte & 3], y, float(byte >> 3 & 1), float(byte >> 4 & 1)))
    return rows


def constructs(tree):
    """The operators of a tree, windows told apart."""
    found = {f"{tree[0]} within" if tree[0] in TEMPORAL and tree[-1] is not None else tree[0]}
    return found.union(*(constructs(part) for part in tree[1:] if isinstance(part, tuple)))


def stripped(tree):
    """A requirement holds always: `historically` around the whole of it says nothing more."""
    while tree[0] == "historically" and tree[2] is None:
        tree = tree[1]
    return tree


def text(tree, tick=1.0):  # noqa: PLR0911 - one return a node
    """The tree in the words of requirements.toml; windows are given in ticks."""
    match tree:
        case ("constant", value):
            return repr(value)
        case ("signal" | "truth", name):
            return name
        case ("fixed", value):
            return str(value)
        case ("abs" | "not" | "previous", of):
            return f"{tree[0]}({text(of, tick)})"
        case ("previous number", of):
            return f"previous({text(of, tick)})"
        case ("neg", of):
            return f"(-({text(of, tick)}))"
        case ("min" | "max" | "implies" as name, left, right):
            return f"{name}({text(left, tick)}, {text(right, tick)})"
        case ("chain", low, of, high):
            return f"({text(low)} <= {text(of, tick)} < {text(high)})"
        case ("historically" | "once" | "since" as name, *parts, within):
            window = [] if within is None else [f"within={within * tick!r}"]
            return f"{name}({', '.join([*(text(part, tick) for part in parts), *window])})"
        case (operator, left, right):
            return f"({text(left, tick)} {operator} {text(right, tick)})"


class Oracle:
    """What reelay says of a tree on each of several traces.

    A reelay monitor takes ten milliseconds to make, so that all traces go through one. Between two of them the `live`
    signal is false for longer than any window, and each operator looks at live ticks only. One trace goes through
    reelay's operators as they are.
    """

    def __init__(self, tree, drawn):
        self.traces = [[dict(zip(SIGNALS, row, strict=True)) for row in rows] for rows in drawn]
        self.pause = 0 if len(drawn) == 1 else LONGEST_WINDOW + 1
        self.signals = {}
        self.live = "" if len(drawn) == 1 else self.atom(lambda rows: [2.0] * len(rows), pause=-2.0)
        self.pattern = self.say(tree, 1.0)

    def robustness(self):
        """At each tick of each trace."""
        options = _pybind11_module.monitor_options("time", "value", False, True)
        monitor = _pybind11_module.discrete_robustness_monitor.make(self.pattern, options)
        columns = zip(*self.signals.values(), strict=True)
        rows = [{"time": tick, **dict(zip(self.signals, row, strict=True))} for tick, row in enumerate(columns)]
        told = iter([monitor.update(row)["value"] for row in rows])
        return [[next(told) for _ in [*rows, *[None] * self.pause]][: len(rows)] for rows in self.traces]

    def atom(self, judge, pause=-1.0):
        """A signal of reelay's whose values on a trace are `judge(rows)`."""
        name = f"a{len(self.signals)}"
        self.signals[name] = [value for rows in self.traces for value in [*judge(rows), *[pause] * self.pause]]
        return f"{{{name} > 0}}"

    def say(self, tree, unknown):  # noqa: PLR0911 - one return a node
        """The tree as reelay writes it; `unknown` is what doubt counts as: 1 in a demand, -1 in a condition."""
        match tree:
            case ("fixed", value):
                return self.atom(lambda rows: [1.0 if value else -1.0] * len(rows))
            case ("truth", name):
                return self.atom(lambda rows: [1.0 if row[name] else -1.0 for row in rows])
            case ("chain", low, of, high):
                return f"({self.say(('<=', low, of), unknown)} and {self.say(('<', of, high), unknown)})"
            case ("not", of):
                return f"(not {self.say(of, -unknown)})"
            case ("and" | "or" as name, left, right):
                return f"({self.say(left, unknown)} {name} {self.say(right, unknown)})"
            case ("implies", left, right):
                return f"({self.say(left, -unknown)} -> {self.say(right, unknown)})"
            case ("previous", of):
                first = self.atom(lambda rows: [unknown] + [-1.0] * (len(rows) - 1))
                later = self.atom(lambda rows: [-1.0] + [1.0] * (len(rows) - 1))
                return f"({first} or ({later} and (pre {self.say(of, unknown)})))"
            case ("since", held, start, within):
                return self.since(self.say(held, unknown), self.say(start, unknown), within)
            case ("once", of, within):
                return self.once(self.say(of, unknown), within)
            case ("historically", of, within):
                return self.historically(self.say(of, unknown), within, unknown)
            case (operator, left, right):
                return self.atom(lambda rows: compare(operator, left, right, unknown, rows))

    def since(self, held, start, within):
        """A live start, and live since then."""
        if self.live:
            held, start = f"({held} and {self.live})", f"({start} and {self.live})"
        return f"({held} since{_window(within)} {start})"

    def once(self, of, within):
        """Live at some tick of the window."""
        if self.live and within is None:
            return f"({self.live} since ({of} and {self.live}))"
        return f"(once{_window(within)} ({of} and {self.live}))" if self.live else f"(once{_window(within)} {of})"

    def historically(self, of, within, unknown):
        """True at every live tick of the window, which must be full in a condition."""
        plain = f"(not {self.once(f'(not {of})', within)})" if self.live else f"(historically{_window(within)} {of})"
        if within is None or unknown > 0:
            return plain
        full = self.atom(lambda rows: [1.0 if tick >= within else -1.0 for tick in range(len(rows))])
        return f"({plain} and {full})"


def compare(operator, left, right, unknown, rows):
    """The robustness of a comparison at each tick of a trace."""
    scale = max(_scale(left), _scale(right))
    pairs = zip(figures(left, rows), figures(right, rows), strict=True)
    margins = [None if None in pair else pair[0] - pair[1] for pair in pairs]
    return [unknown if margin is None else _judge(operator, margin / scale) for margin in margins]


def figures(tree, rows):
    """A number at each tick of a trace, None where it is not known."""
    match tree:
        case ("constant", value):
            return [value] * len(rows)
        case ("signal", name):
            return [row[name] for row in rows]
        case ("previous number", of):
            return [None, *figures(of, rows)[:-1]]
        case ("abs" | "neg" as name, of):
            sign = abs if name == "abs" else lambda value: -value
            return [None if value is None else sign(value) for value in figures(of, rows)]
        case (operator, left, right):
            return [_calculate(operator, *pair) for pair in zip(figures(left, rows), figures(right, rows), strict=True)]


def _window(within):
    return "" if within is None else f"[0:{within}]"


def _calculate(operator, left, right):
    if left is None or right is None or (operator == "/" and right == 0):
        return None
    table = {"+": left + right, "-": left - right, "*": left * right, "min": min(left, right), "max": max(left, right)}
    return left / right if operator == "/" else table[operator]


def _judge(operator, margin):
    if operator in ("==", "!="):
        equal = 1.0 if margin == 0 else -min(1.0, abs(margin))
        return equal if operator == "==" else -equal
    signed = COMPARISONS[operator](margin)
    return HAIRLINE[operator] if signed == 0 else math.copysign(min(1.0, abs(signed)), signed)


def _scale(tree):
    match tree:
        case ("constant", _):
            return 0.0
        case ("signal", name):
            return RANGES[name]
        case ("*", left, right):
            return max(_scale(left) * (_largest(right) or 1.0), _scale(right) * (_largest(left) or 1.0))
        case ("/", left, right):
            return _scale(left) / (_largest(right) or 1.0) or _scale(right)
        case (_, *parts):
            return max(map(_scale, parts))


def _largest(tree):
    match tree:
        case ("constant", value):
            return abs(value)
        case ("signal", name):
            return LARGEST[name]
        case ("*", left, right):
            return _largest(left) * _largest(right)
        case ("/", left, right):
            return _largest(left) / (_largest(right) or 1.0)
        case (_, *parts):
            return max(map(_largest, parts))
