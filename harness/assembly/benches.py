"""Bench files by name: those that come with medfuzz are found without a path; and whether one may be fuzzed."""

from __future__ import annotations

from pathlib import Path

from harness.bench import Bench
from harness.errors import UsageError, did_you_mean

SHIPPED = Path(__file__).resolve().parents[2] / "targets"


def shipped_benches() -> dict[str, Path]:
    """Name → file of the benches that come with medfuzz: `pump`, `pump-fixed`, …."""
    found: dict[str, Path] = {}
    for path in sorted(SHIPPED.glob("*/bench*.toml")):
        found[path.parent.name + path.stem.removeprefix("bench")] = path
    return found


def find_bench(name: str) -> Path:
    """A path, or the name of a shipped bench; raises UsageError with the nearest name."""
    path = Path(name)
    if path.is_file() or path.suffix == ".toml" or len(path.parts) > 1:
        return path
    benches = shipped_benches()
    if name not in benches:
        raise UsageError(f"no bench '{name}': neither a file nor a shipped bench.{did_you_mean(name, benches)}")
    return benches[name]


def interface_of_one(bench: Bench, path: Path, wanted: str, how: str) -> str:
    """An interface by its name, "" for the only one; raises UsageError, which says `how` one of several is chosen."""
    names = list(bench.interfaces)
    if not wanted and len(names) == 1:
        return names[0]
    if not wanted:
        raise UsageError(f"{path} has several interfaces ({', '.join(names)}); say which with {how.format(names[0])}")
    if wanted not in names:
        raise UsageError(f"{path} has no interface '{wanted}'.{did_you_mean(wanted, names)}")
    return wanted


def require_arming(bench: Bench, path: Path) -> None:
    """A real device is fuzzed only when its bench says so; raises UsageError."""
    if bench.is_hardware and not bench.target.armed:
        raise UsageError(
            f"{path}: the device is real. Make sure that no patient can be connected to it, then set "
            "armed = true in [target]"
        )
