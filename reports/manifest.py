"""What the pages say of a run's manifest: the device, the bench, the signals, and the rest as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from reports.text import visible


def title_of(manifest: Mapping[str, Any]) -> str:
    """The campaign's name, or what stands for it."""
    name = _find(manifest, ("campaign",), ("target", "name"), ("bench",))
    return visible(name) or "campaign"


def facts_about(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was tested, with what, and when: names and values."""
    facts = [
        ("device", _find(manifest, ("identity", "model"), ("target", "name"), ("device",), ("target", "kind"))),
        ("serial number", _find(manifest, ("identity", "serial"))),
        ("firmware", _find(manifest, ("identity", "firmware"), ("target", "firmware"), ("target", "elf"))),
        (
            "firmware SHA-256",
            _find(manifest, ("target", "sha256"), ("target", "firmware_sha256"), ("firmware_sha256",)),
        ),
        ("bench", _find(manifest, ("bench", "path"), ("bench",))),
        ("known findings", _find(manifest, ("baseline", "file"))),
        ("seed", _find(manifest, ("seed",))),
        ("started", _find(manifest, ("started",))),
        ("medfuzz", _find(manifest, ("versions", "medfuzz"), ("medfuzz",))),
    ]
    return [(name, visible(value)) for name, value in facts if value]


def _find(manifest: Mapping[str, Any], *paths: tuple[str, ...]) -> str:
    """The first value that one of the paths leads to, as text; empty when there is none."""
    for path in paths:
        value: Any = manifest
        for key in path:
            value = _table(value).get(key)
        if value not in (None, "") and not isinstance(value, Mapping | list | tuple):
            return str(value)
    return ""


def _table(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def signals_of(manifest: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of the signals in the order of a sample's values, and their units, from the manifest's `signals` table."""
    table: Any = manifest.get("signals", {})
    if not isinstance(table, Mapping):
        return tuple(str(name) for name in table), {}
    entries = _table(cast("Any", table))
    units = {name: str(_table(entry).get("unit", "")) for name, entry in entries.items()}
    return tuple(entries), units


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and text of all leaves of a manifest."""
    if table := _table(value):
        for key, entry in table.items():
            yield from flatten(entry, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(entry, Mapping) for entry in cast("list[Any]", value)):
        for number, entry in enumerate(cast("list[Any]", value)):
            yield from flatten(entry, f"{path}[{number}]")
    elif isinstance(value, list | tuple):
        yield visible(path), visible(", ".join(str(entry) for entry in cast("list[Any]", value)))
    else:
        yield visible(path), visible(str(cast("object", value)))
