"""What it takes to go on with an earlier run: its options, and that nothing which decides its cases has changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.assembly.benches import find_bench
from harness.campaigns.options import Options
from harness.errors import BenchError, UsageError
from harness.finding import Finding
from harness.identity import FIELDS
from harness.interfaces import Identity
from harness.position import Position, unpacked
from harness.serialize import from_plain, to_plain
from harness.share import Share
from harness.store import Store
from harness.verdict import Kind

_ANEW = "Start another run"


@dataclass(frozen=True, slots=True)
class Earlier:
    """The run that goes on: its manifest, where it stood (None before its first case), and all that it found."""

    manifest: Mapping[str, Any]
    position: Position | None
    findings: Sequence[Finding]


def earlier_in(store: Store) -> Earlier:
    """What a store says of its run; raises BenchError where it cannot be read."""
    data = store.position()
    try:
        position = unpacked(data) if data else None
    except (ValueError, RecursionError) as error:
        raise BenchError(
            f"store {store.path}: its position cannot be read. Restore it from a copy, or {_ANEW.lower()}"
        ) from error
    return Earlier(store.manifest(), position, store.findings())


def options_of(manifest: Mapping[str, Any], folder: Path) -> Options:
    """The options that a run was started with; raises UsageError, BenchError where its manifest is not one."""
    try:
        asked = manifest["options"]
        return Options(
            bench=find_bench(str(manifest["bench_path"])),
            bench_name=str(manifest["bench"]),
            seed=int(manifest["seed"]),
            cases=asked["cases"],
            seconds=asked["seconds"],
            interfaces=tuple(asked["interfaces"]),
            fuzzers=tuple(asked["fuzzers"]),
            out=folder,
            elf=Path(manifest["elf"]) if manifest["elf"] else None,
            command=str(manifest["command"]),
            findings=asked["findings"],
            stop_on=tuple(map(Kind, asked["stop_on"])),
            quiet=asked.get("quiet"),
            corpus=Path(manifest["corpus"]["folder"]) if manifest.get("corpus") else None,
            workers=asked.get("workers", 1),
            share=from_plain(Share, asked.get("share", {})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BenchError(f"{folder}: its manifest cannot be read ({error!r}). Restore it from a copy") from error


def require_unchanged(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raises UsageError with the first thing that differs between two manifests and decides cases or verdicts."""
    for reason in _changes(before, json.loads(json.dumps(to_plain(now)))):
        raise UsageError(f"{folder} cannot be resumed: {reason}. {_ANEW}, or undo the change")


def require_same_device(earlier: Earlier, identities: Mapping[str, Identity], folder: Path) -> None:
    """Raises UsageError where the device says that it is another one, or runs other firmware."""
    told: Mapping[str, Mapping[str, str]] = earlier.manifest.get("identity") or {}
    for name, now in identities.items():
        for field in FIELDS if name in told else ():
            before, word = told[name].get(field, ""), getattr(now, field)
            if before != word:
                what = f"the device on '{name}' says {field.replace('_', ' ')} '{word}', and said '{before}' before"
                raise UsageError(f"{folder} cannot be resumed: {what}. {_ANEW}")


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    one, other = before.get("versions", {}).get("medfuzz"), now["versions"]["medfuzz"]
    if one != other:
        yield f"it was begun with medfuzz {one}, this is {other}"
    target, facts = before.get("target", {}), now["target"]
    if target.get("firmware_sha256") != facts.get("firmware_sha256"):
        yield f"the firmware {facts.get('firmware', '')} has changed"
    for name in sorted({*before.get("definitions", {}), *now["definitions"]}):
        if before.get("definitions", {}).get(name) != now["definitions"].get(name):
            yield f"{name} has changed"
    for key, what in (("target", "the target"), ("interfaces", "an interface"), ("configuration", "the bench")):
        if before.get(key) != now[key]:
            yield f"{what} has changed"
    if before.get("requirements") != now["requirements"]:
        yield "the requirements have changed"
