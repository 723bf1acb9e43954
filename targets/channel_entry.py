"""One line of the side channel, read strictly: what an adapter got wrong must not be taken for the device's doing."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from harness.errors import did_you_mean

KINDS = ("fault", "hang", "reset", "exit", "ready")
_LATEST = 1e12
_WORDS, _LETTERS = 40, 400


@dataclass(frozen=True, slots=True)
class ChannelEntry:
    """What one line tells; what it does not mention is None or empty. `time` is the device's own, in seconds.

    A signal without a value is None. `sync` is the number that was asked for, `error` a word that was not understood.
    """

    time: float | None = None
    signals: Mapping[str, float | None] | None = None
    console: str | None = None
    event: str = ""
    detail: Mapping[str, str] = field(default_factory=dict[str, str])
    offers: frozenset[str] | None = None
    sync: int | None = None
    error: str = ""


def parse(line: bytes) -> ChannelEntry:
    """The entry of a line; keys that are not known are left out. Raises ValueError in words for a person."""
    table = _object(line)
    return ChannelEntry(
        _time(table.get("time")),
        _signals(table.get("signals")),
        _optional_text(table, "console"),
        _event(table.get("event")),
        _detail(table.get("detail")),
        _offers(table.get("offers")),
        _sync(table.get("sync")),
        shown(_optional_text(table, "error") or ""),
    )


def shown(text: str) -> str:
    """The beginning of a text, in characters that every file and terminal takes."""
    return text[:_LETTERS].encode("utf-8", "replace").decode()


def _object(line: bytes) -> dict[str, Any]:
    try:
        table = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} in column {error.colno}") from None
    if not isinstance(table, dict):
        raise ValueError("it is not a JSON object")
    return cast("dict[str, Any]", table)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON; leave the value out, or write null")


def _number(value: object, what: str) -> float:
    try:
        number = float(value) if isinstance(value, (int, float)) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{what} is not a number")
    return number


def _time(value: object) -> float | None:
    if value is None:
        return None
    number = math.nan if isinstance(value, bool) else _number(value, "time")
    if not 0 <= number <= _LATEST:
        raise ValueError("time is not in seconds since some start")
    return number


def _signals(value: object) -> Mapping[str, float | None] | None:
    if value is None:
        return None
    table = _table(value, "signals")
    return {name: None if it is None else _number(it, f"signal '{shown(name)}'") for name, it in table.items()}


def _table(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    return cast("dict[str, Any]", value)


def _optional_text(table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} is not text")
    return value


def _event(value: object) -> str:
    if value is None:
        return ""
    if value not in KINDS:
        hint = did_you_mean(shown(value), KINDS) if isinstance(value, str) else ""
        raise ValueError(f"event is none of {', '.join(KINDS)}.{hint}")
    return str(value)


def _detail(value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    table = _table(value, "detail")
    return {shown(name): shown(str(word)) for name, word in list(table.items())[:_WORDS]}


def _offers(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    words = cast("list[Any]", value) if isinstance(value, list) else None
    if words is None or not all(isinstance(word, str) for word in words):
        raise ValueError("offers is not a list of words")
    return frozenset(words)


def _sync(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError("sync is not a whole number")
    return value
