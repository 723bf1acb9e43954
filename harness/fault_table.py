"""Names the known fault behind a finding from `faults.toml`, after the run; nothing that fuzzes reads that file."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.errors import UsageError, did_you_mean
from harness.finding import Finding
from harness.verdict import Kind, Observation

SYMBOL_DETAILS = ("symbol", "overwritten", "objects", "callers", "backtrace")


@dataclass(frozen=True, slots=True)
class FaultMatch:
    """What a finding of the fault looks like: every part that is given must fit; a part fits one of its words.

    `symbol` is a function or object named in the observation's detail; `message` any message of the case.
    """

    kind: tuple[str, ...] = ()
    requirement: tuple[str, ...] = ()
    interface: tuple[str, ...] = ()
    message: tuple[str, ...] = ()
    symbol: tuple[str, ...] = ()
    summary_contains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownFault:
    """A fault that is known to be in a device, with the advisory it is modelled on."""

    id: str
    title: str = ""
    cwe: str = ""
    advisory: str = ""
    matches: tuple[FaultMatch, ...] = ()


FAULT_KEYS = ("id", "title", "cwe", "advisory", "match")
MATCH_KEYS = tuple(field.name for field in dataclasses.fields(FaultMatch))


def load_faults(path: Path) -> tuple[KnownFault, ...]:
    """The faults of a file in their order; raises UsageError naming file, table, key and nearest valid word."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}. Check `faults` in the bench file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    _check_keys(document, ("fault",), str(path))
    return tuple(_read_fault(entry, f"{path}: [[fault]] {n}") for n, entry in enumerate(document.get("fault", []), 1))


def _check_keys(table: Mapping[str, Any], valid: Sequence[str], place: str) -> None:
    for key in table:
        if key not in valid:
            raise UsageError(f"{place}: unknown key '{key}'.{did_you_mean(key, valid)}")


def _read_fault(table: Mapping[str, Any], place: str) -> KnownFault:
    _check_keys(table, FAULT_KEYS, place)
    if not table.get("id"):
        raise UsageError(f"{place}: key 'id' is missing.")
    place = f"{place} ({table['id']})"
    matches = tuple(_read_match(entry, f"{place}: [[fault.match]]") for entry in table.get("match", []))
    words = {key: str(table.get(key, "")) for key in ("id", "title", "cwe", "advisory")}
    return KnownFault(**words, matches=matches)


def _read_match(table: Mapping[str, Any], place: str) -> FaultMatch:
    _check_keys(table, MATCH_KEYS, place)
    if not table:
        raise UsageError(f"{place}: is empty and would match everything. Give one of {', '.join(MATCH_KEYS)}.")
    parts = {key: _words(value, f"{place}: '{key}'") for key, value in table.items()}
    for kind in parts.get("kind", ()):
        if kind not in set(Kind):
            raise UsageError(f"{place}: unknown kind '{kind}'.{did_you_mean(kind, set(Kind))}")
    return FaultMatch(**parts)


def _words(value: Any, place: str) -> tuple[str, ...]:
    words = cast("list[Any]", value) if isinstance(value, list) else [value]
    if not words or not all(isinstance(word, str) and word for word in words):
        raise UsageError(f"{place} must be a word or a list of words, got {value!r}.")
    return tuple(words)


def name_fault(finding: Finding, faults: Iterable[KnownFault]) -> Finding:
    """The finding with the id of the first fault that fits its observation, else one of its symptoms."""
    known = tuple(faults)
    for observation in (finding.observation, *finding.symptoms):
        for fault in known:
            if any(_fits(match, observation, finding) for match in fault.matches):
                return dataclasses.replace(finding, fault=fault.id)
    return dataclasses.replace(finding, fault="")


def _fits(match: FaultMatch, observation: Observation, finding: Finding) -> bool:
    case = finding.case
    return (
        _one_of(match.kind, {observation.kind.value})
        and _one_of(match.requirement, {observation.requirement})
        and _one_of(match.interface, {case.interface})
        and _one_of(match.message, set(case.messages))
        and _one_of(match.symbol, symbols(observation))
        and (not match.summary_contains or any(text in observation.summary for text in match.summary_contains))
    )


def _one_of(wanted: tuple[str, ...], present: set[str]) -> bool:
    return not wanted or not present.isdisjoint(wanted)


def symbols(observation: Observation) -> set[str]:
    """Names of functions and objects in an observation's detail."""
    text = " ".join(observation.detail.get(key, "") for key in SYMBOL_DETAILS)
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))
