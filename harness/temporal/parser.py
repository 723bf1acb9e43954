"""Reads a safety formula in Python expression syntax through `ast`; nothing of it is ever run as code."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Never

from harness.errors import UsageError, did_you_mean
from harness.temporal.formula import (
    FOREVER,
    Any,
    Arithmetic,
    Boolean,
    Comparison,
    Constant,
    Every,
    Formula,
    Historically,
    Implies,
    Not,
    Number,
    Once,
    Previous,
    PreviousNumber,
    SignalDeclaration,
    SignalTruth,
    SignalValue,
    Since,
    Truth,
)
from harness.temporal.operators import OPERATORS
from harness.temporal.scale import scale_of

LONGEST_FORMULA = 4000
LONGEST_SHOWN = 200
DEEPEST_NESTING = 60
COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
ARITHMETIC: Mapping[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
NUMBER_FUNCTIONS = ("abs", "max", "min", "previous")
TRUTH_FUNCTIONS = ("historically", "implies", "once", "previous", "since")


def parse(text: str, signals: Mapping[str, SignalDeclaration], requirement_id: str) -> Formula:
    """The formula over `signals` (their order is the order of a sample's values).

    Raises UsageError naming the requirement and the column.
    """
    reader = _Reader(" ".join(text.splitlines()).strip(), signals, requirement_id)
    root = reader.truth(reader.tree(), 0)
    while isinstance(root, Historically) and root.within == FOREVER:
        root = root.of
    return Formula(requirement_id, reader.text, root, frozenset(reader.used))


class _Reader:
    def __init__(self, text: str, signals: Mapping[str, SignalDeclaration], requirement_id: str) -> None:
        self.text = text
        self.declared = tuple(signals.values())
        self.positions = {name: index for index, name in enumerate(signals)}
        self.requirement_id = requirement_id
        self.used: set[int] = set()

    def tree(self) -> ast.expr:
        """The expression; raises UsageError where Python's grammar refuses it."""
        if len(self.text) > LONGEST_FORMULA:
            raise self.error(LONGEST_FORMULA, f"longer than {LONGEST_FORMULA} characters.")
        try:
            return ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            column = 1 if error.offset is None else error.offset or len(self.text) + 1
            raise self.error(column, str(error.msg)) from error
        except (ValueError, RecursionError, MemoryError) as error:
            raise self.error(1, f"cannot be read: {error}") from error

    def fail(self, node: ast.expr, problem: str) -> Never:
        raise self.error(len(self.text.encode()[: node.col_offset].decode(errors="replace")) + 1, problem)

    def error(self, column: int, problem: str) -> UsageError:
        shown = self.text if len(self.text) <= LONGEST_SHOWN else self.text[:LONGEST_SHOWN] + "..."
        return UsageError(f"requirement {self.requirement_id}: column {column}: {problem} In: {shown}")

    def truth(self, node: ast.expr, depth: int) -> Boolean:  # noqa: PLR0911 - one return a node
        """A node that must be true or false."""
        if depth > DEEPEST_NESTING:
            self.fail(node, f"nested deeper than {DEEPEST_NESTING} levels; split the requirement")
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = tuple(self.truth(value, depth + 1) for value in values)
                return Every(parts) if isinstance(op, ast.And) else Any(parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return Not(self.truth(operand, depth + 1))
            case ast.Compare():
                return self.comparison(node, depth)
            case ast.Constant(value=bool(value)):
                return Truth(value)
            case ast.Name(id=name):
                return self.truth_name(node, name)
            case ast.Call():
                return self.truth_call(node, depth)
            case _:
                return self.fail(node, f"'{ast.unparse(node)}' is neither true nor false; compare it, as in 'x > 0'")

    def truth_name(self, node: ast.Name, name: str) -> Boolean:
        index = self.position(node, name)
        if self.declared[index].kind == "number":
            self.fail(node, f"'{name}' is a number; compare it, as in '{name} > 0'")
        return SignalTruth(index)

    def position(self, node: ast.expr, name: str) -> int:
        if name not in self.positions:
            self.fail(node, f"'{name}' is not a declared signal.{did_you_mean(name, self.positions)}")
        self.used.add(self.positions[name])
        return self.positions[name]

    def comparison(self, node: ast.Compare, depth: int) -> Boolean:
        operands = [node.left, *node.comparators]
        pairs = zip(operands, operands[1:], node.ops, strict=False)
        parts = tuple(self.pair(left, right, op, depth) for left, right, op in pairs)
        return parts[0] if len(parts) == 1 else Every(parts)

    def pair(self, left: ast.expr, right: ast.expr, op: ast.cmpop, depth: int) -> Boolean:
        operator = COMPARISONS.get(type(op))
        if operator is None:
            self.fail(left, "only < <= > >= == != compare signals")
        first, second = self.number(left, depth + 1), self.number(right, depth + 1)
        scale = scale_of(Arithmetic("-", first, second), self.declared)
        if scale == 0:
            self.fail(left, f"'{ast.unparse(left)}' is compared with a number but reads no signal")
        return Comparison(operator, first, second, scale)

    def number(self, node: ast.expr, depth: int) -> Number:
        """A node that must be a number."""
        if depth > DEEPEST_NESTING:
            self.fail(node, f"nested deeper than {DEEPEST_NESTING} levels; split the requirement")
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return Constant(self.finite(node, value))
            case ast.Name(id=name):
                return SignalValue(self.position(node, name))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.number(operand, depth + 1)
                return Constant(-inner.value) if isinstance(inner, Constant) else Arithmetic("neg", inner, inner)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
                return self.arithmetic(node, ARITHMETIC[type(op)], left, right, depth)
            case ast.Call():
                return self.number_call(node, depth)
            case _:
                return self.fail(node, f"'{ast.unparse(node)}' is not a number, a signal or + - * / of them")

    def arithmetic(self, node: ast.expr, operator: str, left: ast.expr, right: ast.expr, depth: int) -> Number:
        first, second = self.number(left, depth + 1), self.number(right, depth + 1)
        if operator == "/" and second == Constant(0.0):
            self.fail(right, "divides by zero")
        if isinstance(first, Constant) and isinstance(second, Constant):
            return Constant(self.finite(node, OPERATORS[operator](first.value, second.value)))
        return Arithmetic(operator, first, second)

    def finite(self, node: ast.expr, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail(node, "the number is too large")
        return number

    def number_call(self, node: ast.Call, depth: int) -> Number:
        name = self.function(node, NUMBER_FUNCTIONS, "is not a function that gives a number")
        if name in ("abs", "previous"):
            inner = self.number(self.arguments(node, 1)[0], depth + 1)
            return PreviousNumber(inner) if name == "previous" else Arithmetic("abs", inner, inner)
        first, second = self.arguments(node, 2)
        return self.arithmetic(node, name, first, second, depth)

    def truth_call(self, node: ast.Call, depth: int) -> Boolean:
        name = self.function(node, TRUTH_FUNCTIONS, "is not a function that is true or false")
        build = _BUILDERS[name]
        arguments = self.arguments(node, 2 if name in ("implies", "since") else 1, window=name in _WINDOWED)
        window = (self.window(node),) if name in _WINDOWED else ()
        return build(*(self.truth(argument, depth + 1) for argument in arguments), *window)

    def function(self, node: ast.Call, valid: tuple[str, ...], problem: str) -> str:
        if not isinstance(node.func, ast.Name):
            self.fail(node, f"'{ast.unparse(node.func)}' cannot be called")
        if node.func.id not in valid:
            self.fail(node, f"'{node.func.id}' {problem}.{did_you_mean(node.func.id, valid)}")
        return node.func.id

    def arguments(self, node: ast.Call, count: int, *, window: bool = False) -> list[ast.expr]:
        name = ast.unparse(node.func)
        if len(node.args) != count or any(isinstance(argument, ast.Starred) for argument in node.args):
            self.fail(node, f"{name}() takes {count} formula{'s' if count > 1 else ''}, got {len(node.args)}")
        for keyword in node.keywords:
            if not window or keyword.arg != "within":
                hint = did_you_mean(keyword.arg or "**", ["within"]) if window else ""
                self.fail(node, f"{name}() takes no '{keyword.arg}'.{hint}")
        return node.args

    def window(self, node: ast.Call) -> float:
        if not node.keywords:
            return FOREVER
        value = node.keywords[0].value
        seconds = self.number(value, 0)
        if not isinstance(seconds, Constant) or seconds.value <= 0:
            self.fail(value, f"within={ast.unparse(value)} is not a positive number of seconds")
        return seconds.value


_WINDOWED = frozenset({"historically", "once", "since"})
_BUILDERS: Mapping[str, Callable[..., Boolean]] = {
    "historically": Historically,
    "implies": Implies,
    "once": Once,
    "previous": Previous,
    "since": Since,
}
