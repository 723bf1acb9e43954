"""The manifest of a run: what cannot be reconstructed later, written down before the first malformed byte."""

from __future__ import annotations

import datetime
import hashlib
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.assembly.assemble import Assembly
from harness.assembly.benches import shipped_benches
from harness.assembly.board import board_of
from harness.assembly.states import left_out
from harness.bench import Bench
from harness.campaigns.kept import Kept
from harness.campaigns.options import Options
from harness.campaigns.version import version_of
from harness.interfaces import Identity, Mark
from harness.known.baseline import Baseline
from harness.serialize import to_plain

_LIBRARIES = ("medfuzz", "boofuzz", "scapy", "pyserial", "unicorn", "pyelftools", "pydantic", "SQLAlchemy", "Jinja2")


def manifest_of(
    name: str,
    options: Options,
    assembly: Assembly,
    identities: Mapping[str, Identity],
    baseline: Baseline | None = None,
    kept: Kept | None = None,
) -> dict[str, Any]:
    """Campaign, target, identities, interfaces, configuration, definitions and versions; plain enough for JSON.

    The baseline is there whole: what it makes of a finding is the same when the run is reported again.
    """
    bench = assembly.bench
    return {
        "campaign": name,
        "started": datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds"),
        "bench": options.bench_name,
        "bench_path": _found_again(options.bench),
        "elf": str(options.elf.resolve()) if options.elf else "",
        "seed": options.seed,
        "command": options.command,
        "options": {
            "cases": options.cases,
            "seconds": options.seconds,
            "findings": options.findings,
            "stop_on": [kind.value for kind in options.stop_on],
            "quiet": options.quiet,
            "workers": options.workers,
            "share": to_plain(options.share),
            "fuzzers": list(options.fuzzers),
            "interfaces": list(options.interfaces),
        },
        "target": {"name": assembly.target.name, **assembly.target.facts()},
        "identity": to_plain(identities),
        "interfaces": {
            key: {
                "transport": bench.interfaces[key].transport,
                "protocol": bench.interfaces[key].protocol,
                "authentication": sorted(n for n, marks in protocol.marks.items() if Mark.AUTHENTICATION in marks),
            }
            for key, protocol in assembly.protocols.items()
        },
        "out_of_scope": {
            **{key: "not selected for this run" for key in bench.interfaces if key not in assembly.protocols},
            **bench.excluded,
            **{f"state {state}": why for state, why in left_out(assembly).items()},
        },
        "signals": {key: {"unit": s.unit, "range": list(s.range), "kind": s.kind} for key, s in bench.signals.items()},
        "configuration": bench.model_dump(mode="json"),
        "requirements": to_plain(assembly.requirements),
        "definitions": _definitions(options, assembly),
        "baseline": to_plain(baseline),
        "corpus": None if kept is None else kept.facts,
        "versions": {key: version_of(key) for key in _LIBRARIES},
        "host": {"system": platform.platform(), "python": sys.version.split()[0], "board": board_of(bench)},
    }


def _found_again(bench: Path) -> str:
    """A shipped bench's name, which is good on another machine, too; else where the file is, from any folder."""
    shipped = {path.resolve(): name for name, path in shipped_benches().items()}
    return shipped.get(bench.resolve(), str(bench.resolve()))


def _definitions(options: Options, assembly: Assembly) -> dict[str, str]:
    """SHA-256 of the files that decide what was sent and judged."""
    bench = assembly.bench
    files = [options.bench, *(bench.path(f) for f in _named(bench) if f)]
    modules = {type(p.wire).__module__ for p in assembly.protocols.values()}
    files += [Path(str(sys.modules[module].__file__)) for module in sorted(modules)]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def _named(bench: Bench) -> list[str]:
    seeds = [interface.seeds for interface in bench.interfaces.values()]
    return [bench.safety.requirements, bench.faults, bench.include, *seeds]
