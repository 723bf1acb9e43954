"""Wires a bench up: target, transports, protocols and monitors become one runner, nothing of it started yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.assembly.interfaces import interface_of
from harness.assembly.monitors import monitors_of, safety_of
from harness.assembly.ports import with_free_ports
from harness.assembly.protocols import seeded_protocol_in
from harness.bench import Bench, load_bench
from harness.errors import UsageError, did_you_mean
from harness.interfaces import Located, Owns, Target
from harness.load import Load, unknown
from harness.monitors.safety import SafetyMonitor
from harness.requirements import Requirement, load_requirements
from harness.runner import Ask, Runner
from protocols.model import Protocol
from targets.kinds import target_of
from targets.served import ServedTarget


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that a command needs of one bench."""

    bench: Bench
    path: Path
    target: Target
    runner: Runner
    protocols: Mapping[str, Protocol]
    safety: SafetyMonitor | None
    requirements: tuple[Requirement, ...]


def assemble(
    path: Path, *, seed: int, only: Sequence[str] = (), elf: Path | None = None, ask: Ask | None = None
) -> Assembly:
    """Wire up a bench. `only` restricts the interfaces, `elf` replaces the firmware, `ask` is a person at the bench.

    Raises UsageError, BenchError.
    """
    bench = load_bench(path)
    if elf is not None:
        bench = bench.with_elf(elf)
    names = _selected(bench, only)
    placed = with_free_ports(bench)
    target = target_of(placed, seed)
    protocols = {name: seeded_protocol_in(bench, name) for name in names}
    load = None if target.traits.virtual_clock else _load_of(target)
    interfaces = {name: interface_of(placed, name, protocols[name], target, load) for name in names}
    requirements = load_requirements(bench.path(bench.safety.requirements)) if bench.safety.requirements else ()
    told = len(bench.measured) < len(bench.signals)
    if requirements and isinstance(target, ServedTarget) and not bench.served.channel and not told:
        raise UsageError(
            f"{path}: [safety] requirements need signals, and no [target] channel brings any; give one, let replies "
            'tell them ([signals.NAME] reply = "FIELD"), or set requirements = "" to run without'
        )
    safety = safety_of(bench, protocols, requirements)
    monitors = monitors_of(bench, protocols, safety, target)
    limits = bench.limits.max_resets
    runner = Runner(target, interfaces, monitors, settle=bench.target.settle, max_resets=limits, load=load, ask=ask)
    return Assembly(bench, path, target, runner, protocols, safety, requirements)


def _load_of(target: Target) -> Load:
    """Who may be held up, and who may be kept waiting."""
    watched = target.pids if isinstance(target, Owns) else tuple
    return Load(watched, target.device if isinstance(target, Located) else unknown)


def _selected(bench: Bench, only: Sequence[str]) -> list[str]:
    for name in only:
        if name not in bench.interfaces:
            raise UsageError(f"the bench has no interface '{name}'.{did_you_mean(name, bench.interfaces)}")
    return list(only or bench.interfaces)
