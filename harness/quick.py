"""Frozen dataclasses that are made many times a case: the same, but for what making one costs."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quick(kind: type[T]) -> type[T]:
    """A frozen dataclass with slots, which is made in half the time.

    The constructor of dataclasses looks each field up by name, as anything frozen has no other way for strangers; this
    one fills the slots themselves. It takes the same arguments, and knows no `__post_init__` and no keyword-only field.
    """
    own: list[Field[Any]] = list(fields(kind))  # pyright: ignore[reportArgumentType]
    known: dict[str, Any] = {"missing": MISSING}
    for field in own:
        known |= {f"set_{field.name}": getattr(kind, field.name).__set__, f"default_{field.name}": field.default}
        known[f"factory_{field.name}"] = field.default_factory
    arguments, body = ", ".join(map(_argument, own)), "\n".join(map(_filled, own))
    made: dict[str, Any] = {}
    exec(f"def __init__(self, {arguments}):\n{body}", known, made)
    made["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    kind.__init__ = made["__init__"]
    return kind


def _argument(field: Field[Any]) -> str:
    if field.default_factory is not MISSING:
        return f"{field.name}=missing"
    return field.name if field.default is MISSING else f"{field.name}=default_{field.name}"


def _filled(field: Field[Any]) -> str:
    value = field.name
    if field.default_factory is not MISSING:
        value = f"factory_{field.name}() if {value} is missing else {value}"
    return f"    set_{field.name}(self, {value})"
