"""Nouns to and from plain JSON values, without loss: bytes as hex, a step with its kind, everything by field name."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

from harness.case import Procedure, Reconnect, Reset, Send, Stimulate, Wait

T = TypeVar("T")

STEP_NAMES: Mapping[type[Any], str] = {
    Send: "send",
    Wait: "wait",
    Reconnect: "reconnect",
    Reset: "reset",
    Stimulate: "stimulate",
    Procedure: "procedure",
}
_ATOMS = frozenset((str, int, float, bool, type(None)))  # JSON has them as they are
_STEP_TYPES = {name: kind for kind, name in STEP_NAMES.items()}


def to_plain(value: Any) -> Any:  # noqa: PLR0911 - one return a kind
    """Dictionaries, lists, text, numbers and None that `from_plain` turns back into an equal value."""
    if type(value) in _ATOMS:
        return value
    if dataclasses.is_dataclass(value):
        return _plain_fields(cast("Any", value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        named = cast("Mapping[Any, Any]", value).items()
        return {str(key): to_plain(entry) for key, entry in named}
    if isinstance(value, list | tuple):
        entries = cast("list[Any]", value)
        return [entry if type(entry) in _ATOMS else to_plain(entry) for entry in entries]
    return value


def _plain_fields(value: Any) -> dict[str, Any]:
    kind = cast("type[Any]", type(value))
    plain: dict[str, Any] = {"step": STEP_NAMES[kind]} if kind in STEP_NAMES else {}
    for name, _ in _field_types(kind):
        plain[name] = to_plain(getattr(value, name))
    return plain


def from_plain(kind: type[T], plain: Any) -> T:
    """A `kind` (a dataclass of the nouns) from what `to_plain` gave.

    A field that is missing takes its default; one that is not known is left out. Raises ValueError on anything else.
    """
    try:
        return _reader(kind)(plain)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a {kind.__name__}: {error!r}") from error


def dumps(value: Any) -> str:
    """One line of ASCII JSON."""
    return json.dumps(to_plain(value), separators=(",", ":"))


def loads(kind: type[T], text: str) -> T:
    """The `kind` that `dumps` wrote; raises ValueError."""
    return from_plain(kind, json.loads(text))


@cache
def _field_types(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind))


@cache
def _reader(annotation: Any) -> Callable[[Any], Any]:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union_reader(arguments)
    if origin is tuple:
        return _tuple_reader(arguments)
    if origin is Counter:
        return lambda plain: Counter({key: _checked(int, count) for key, count in plain.items()})
    if origin is not None and issubclass(origin, Mapping):
        entry = _reader(arguments[1])
        return lambda plain: {key: entry(value) for key, value in plain.items()}
    return _plain_reader(annotation)


def _plain_reader(kind: Any) -> Callable[[Any], Any]:
    if kind is bytes:
        return bytes.fromhex
    if kind is float:
        return _number
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(cast("type[Any]", kind))
    if issubclass(kind, Enum):
        return cast("type[Any]", kind)
    return lambda plain: _checked(kind, plain)


def _number(plain: Any) -> float:
    if isinstance(plain, bool) or not isinstance(plain, int | float):
        raise TypeError(f"{plain!r} is not a number")
    return plain


def _checked(kind: type[Any], plain: Any) -> Any:
    if not isinstance(plain, kind):
        raise TypeError(f"{plain!r} is not {kind.__name__}")
    return plain


def _union_reader(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    if types.NoneType in arguments:
        (other,) = (argument for argument in arguments if argument is not types.NoneType)
        entry = _reader(other)
        return lambda plain: None if plain is None else entry(plain)
    if set(arguments) <= set(STEP_NAMES):
        return lambda plain: _reader(_STEP_TYPES[plain["step"]])(plain)
    raise TypeError(f"no reader for {arguments}")


def _tuple_reader(arguments: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(arguments) == 2 and arguments[1] is ...:
        entry = _reader(arguments[0])
        return lambda plain: tuple(entry(value) for value in plain)
    entries = tuple(_reader(argument) for argument in arguments)
    return lambda plain: tuple(read(value) for read, value in zip(entries, plain, strict=True))


def _dataclass_reader(kind: type[Any]) -> Callable[[Any], Any]:
    readers = {name: _reader(annotation) for name, annotation in _field_types(kind)}
    return lambda plain: kind(**{name: read(plain[name]) for name, read in readers.items() if name in plain})
