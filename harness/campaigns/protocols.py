"""The protocols of a run that is over, for what reads its store: they parse what the device said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.assembly.benches import find_bench
from harness.assembly.protocols import protocol_in
from harness.bench import load_bench
from harness.errors import MedfuzzError
from harness.interfaces import WireProtocol


def protocols_again(manifest: Mapping[str, Any]) -> dict[str, WireProtocol]:
    """Those that the run's bench names, by interface; none where the bench is not there any more or is another."""
    try:
        bench = load_bench(find_bench(str(manifest.get("bench_path", ""))))
        return {name: protocol_in(bench, name) for name in manifest.get("interfaces", {}) if name in bench.interfaces}
    except (MedfuzzError, OSError):
        return {}
