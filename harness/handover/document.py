"""A run's finding as the file that carries it anywhere (`harness/document.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.campaigns.files import write
from harness.campaigns.version import version_of
from harness.document import Handover, text_of
from harness.finding import Finding


def handed_over(finding: Finding, manifest: Mapping[str, Any]) -> Handover:
    """The finding with what is needed of its run's manifest."""
    interfaces: Mapping[str, Mapping[str, str]] = manifest.get("interfaces", {})
    return Handover(
        finding,
        bench=str(manifest.get("bench_path", "")),
        seed=int(manifest.get("seed", 0)),
        elf=str(manifest.get("elf", "")),
        protocols={name: table["protocol"] for name, table in interfaces.items()},
        transports={name: table["transport"] for name, table in interfaces.items()},
        tool=str(manifest.get("versions", {}).get("medfuzz", version_of("medfuzz"))),
    )


def write_document(path: Path, handover: Handover, *, option: str) -> None:
    """Write the file, whole or not at all; raises BenchError, which names the `option` to go elsewhere with."""
    write(path, text_of(handover), instead=f"Name another file with {option}")
