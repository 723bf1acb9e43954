"""Reads `requirements.toml`: what the device must never do, each requirement with its source and its formula."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from harness.errors import UsageError, did_you_mean
from harness.temporal import Formula, SignalDeclaration, parse

SEVERITIES = ("catastrophic", "critical", "serious", "minor", "negligible")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One safety requirement: a `formula` to watch, or the reason why it is `excluded`.

    `source` is the clause it comes from, `severity` one of `SEVERITIES` (ISO 14971, Annex C) or empty.
    """

    id: str
    title: str
    source: str = ""
    severity: str = ""
    formula: str = ""
    excluded: str = ""

    @property
    def watched(self) -> bool:
        """True when a formula is watched."""
        return not self.excluded


KEYS = tuple(field.name for field in fields(Requirement))


def load_requirements(path: Path) -> tuple[Requirement, ...]:
    """The requirements of a file in their order; raises UsageError naming file, table, key and nearest valid word."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}. Check `requirements` in the bench file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    return read_requirements(document, str(path))


def read_requirements(document: Mapping[str, Any], place: str) -> tuple[Requirement, ...]:
    """The requirements of a parsed document; `place` names it in errors. Raises UsageError."""
    for key in document:
        if key != "requirement":
            raise UsageError(f"{place}: unknown table '{key}'.{did_you_mean(key, ['requirement'])}")
    tables = document.get("requirement", [])
    if not isinstance(tables, list):
        raise UsageError(f"{place}: 'requirement' must be a list of tables, written [[requirement]].")
    entries: list[Any] = tables  # pyright: ignore[reportUnknownVariableType] - tomllib gives Any
    found = tuple(_read(entry, f"{place}: [[requirement]] {number}") for number, entry in enumerate(entries, 1))
    _refuse_duplicates(found, place)
    return found


def _read(table: Any, place: str) -> Requirement:
    if not isinstance(table, dict):
        raise UsageError(f"{place}: is not a table.")
    values: dict[str, Any] = table  # pyright: ignore[reportUnknownVariableType] - tomllib gives Any
    place = f"{place} ({values['id']})" if isinstance(values.get("id"), str) else place
    for key, value in values.items():
        if key not in KEYS:
            raise UsageError(f"{place}: unknown key '{key}'.{did_you_mean(key, KEYS)}")
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{place}: '{key}' must be text that is not empty, got {value!r}.")
    for key in ("id", "title"):
        if key not in values:
            raise UsageError(f"{place}: key '{key}' is missing.")
    return _consistent(Requirement(**values), place)


def _consistent(requirement: Requirement, place: str) -> Requirement:
    if bool(requirement.formula) == bool(requirement.excluded):
        raise UsageError(f"{place}: needs either 'formula' or 'excluded' (the reason), and not both.")
    if requirement.severity and requirement.severity not in SEVERITIES:
        near = did_you_mean(requirement.severity, SEVERITIES)
        raise UsageError(f"{place}: unknown severity '{requirement.severity}'.{near}")
    return requirement


def _refuse_duplicates(requirements: Sequence[Requirement], place: str) -> None:
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.id in seen:
            raise UsageError(f"{place}: requirement '{requirement.id}' appears twice. Give each its own id.")
        seen.add(requirement.id)


def parse_requirements(
    requirements: Sequence[Requirement], signals: Mapping[str, SignalDeclaration]
) -> tuple[Formula, ...]:
    """The formulas of the watched requirements; raises UsageError naming requirement and column."""
    return tuple(parse(r.formula, signals, r.id) for r in requirements if r.watched)
