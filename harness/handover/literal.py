"""Values as Python that a person can read: a record names the fields that are not as usual, one line each part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

_WIDTH = 100
_STEP = "    "


def literal(value: Any, name_of: Callable[[type[Any]], str], indent: str = "") -> str:
    """An expression for dataclasses, tuples and plain values; `name_of` gives the name that a class has there."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [f"{key}={literal(part, name_of, indent + _STEP)}" for key, part in _unusual(value)]
        return _laid_out(f"{name_of(type(value))}(", parts, ")", indent)
    if isinstance(value, tuple):
        found = [literal(part, name_of, indent + _STEP) for part in cast("tuple[Any, ...]", value)]
        return _laid_out("(", [*found[:-1], found[-1] + ","] if len(found) == 1 else found, ")", indent)
    return repr(value)


def _unusual(value: Any) -> list[tuple[str, Any]]:
    """The fields of a record without those that are as they are by default."""
    found = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return [(field.name, part) for field, part in found if part != _usual(field)]


def _usual(field: dataclasses.Field[Any]) -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def _laid_out(head: str, parts: list[str], end: str, indent: str) -> str:
    line = head + ", ".join(parts) + end
    if len(indent) + len(line) <= _WIDTH and "\n" not in line:
        return line
    inner = "".join(f"{indent}{_STEP}{part.rstrip(',')},\n" for part in parts)
    return f"{head}\n{inner}{indent}{end}"
