"""The file that carries one finding anywhere: JSON with a version, the finding, and what a replay needs of its run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from harness.case import Wait
from harness.errors import UsageError
from harness.finding import Finding
from harness.serialize import from_plain, to_plain

FORMAT, VERSION = "finding", 1
AGAIN = "Write it again with `medfuzz export FINDING --json`"


@dataclass(frozen=True, slots=True)
class Handover:
    """A finding and what is needed of its run's manifest.

    `bench` is a shipped bench's name or a path, `elf` other firmware than the bench's or "". `protocols` and
    `transports` are the run's, by interface. `tool` is the version of medfuzz that found it.
    """

    finding: Finding
    bench: str = ""
    seed: int = 0
    elf: str = ""
    protocols: Mapping[str, str] = field(default_factory=dict[str, str])
    transports: Mapping[str, str] = field(default_factory=dict[str, str])
    tool: str = ""


def text_of(handover: Handover) -> str:
    """The file's text: one line of ASCII JSON."""
    return json.dumps({"medfuzz": FORMAT, "version": VERSION, **to_plain(handover)}, separators=(",", ":")) + "\n"


def read_document(path: Path) -> Handover:
    """What such a file holds; raises UsageError that says what is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: this is no text, so no finding. {AGAIN}") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    return _read(_table(text, path), path)


def _table(text: str, path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not JSON, or cut off ({error}). {AGAIN}") from error
    if not isinstance(plain, dict) or cast("dict[str, Any]", plain).get("medfuzz") != FORMAT:
        raise UsageError(f'{path}: no finding of medfuzz: it does not say "medfuzz": "{FORMAT}". {AGAIN}')
    return cast("dict[str, Any]", plain)


def _read(table: dict[str, Any], path: Path) -> Handover:
    version = table.get("version")
    if type(version) is not int or version < 1:
        raise UsageError(f"{path}: version {version!r} is none. {AGAIN}")
    if version > VERSION:
        raise UsageError(f"{path}: version {version} is newer than what this medfuzz reads ({VERSION}); update medfuzz")
    try:
        read = from_plain(Handover, table)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: damaged: {error}. {AGAIN}") from error
    if not read.finding.window:
        raise UsageError(f"{path}: damaged: the finding has no cases. {AGAIN}")
    if not 0 <= read.finding.reproduced <= read.finding.tries:
        raise UsageError(
            f"{path}: damaged: it came back {read.finding.reproduced} of {read.finding.tries} times. {AGAIN}"
        )
    waits = (step.seconds for case in read.finding.window for step in case.steps if isinstance(step, Wait))
    if not all(0 <= seconds < math.inf for seconds in waits):
        raise UsageError(f"{path}: damaged: a step waits for no number of seconds. {AGAIN}")
    return read
