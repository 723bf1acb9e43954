"""The monitors of a bench: what is watched on every one, what its [monitors] and [safety] tables ask for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fuzzers.callbacks import AfterCase
from harness.assembly.interfaces import may_close
from harness.bench import Bench, is_program
from harness.errors import UsageError
from harness.interfaces import Mark, Meters, Monitor, Target
from harness.monitors.console import ConsoleMonitor
from harness.monitors.device import DeviceMonitor
from harness.monitors.drift import DriftMonitor
from harness.monitors.leak import LeakMonitor
from harness.monitors.liveness import LivenessMonitor
from harness.monitors.program import ProgramMonitor
from harness.monitors.radio import RadioMonitor
from harness.monitors.replies import ReplyMonitor
from harness.monitors.resources import ResourceMonitor
from harness.monitors.safety import SafetyMonitor
from harness.monitors.session import SessionMonitor
from harness.monitors.spin import SpinMonitor
from harness.reply_signals import ReplyField, ReplySignals
from harness.requirements import Requirement
from harness.temporal import SignalDeclaration
from harness.userfile import named
from protocols.model import Protocol


def safety_of(
    bench: Bench, protocols: Mapping[str, Protocol], requirements: tuple[Requirement, ...]
) -> SafetyMonitor | None:
    """The monitor of the bench's requirements, None where it has none."""
    if not requirements:
        return None
    told = ReplySignals([ReplyField(table.reply, table.scale) for table in bench.signals.values()], protocols)
    return SafetyMonitor(requirements, _signals(bench), _acting(protocols), told)


def _signals(bench: Bench) -> dict[str, SignalDeclaration]:
    return {
        name: SignalDeclaration(name, table.kind, table.range[0], table.range[1], table.unit)
        for name, table in bench.signals.items()
    }


def _acting(protocols: Mapping[str, Protocol]) -> set[str]:
    """Messages that can act on the patient."""
    acting = {Mark.THERAPY, Mark.PRIVILEGED}
    return {name for protocol in protocols.values() for name, marks in protocol.marks.items() if marks & acting}


def monitors_of(
    bench: Bench, protocols: Mapping[str, Protocol], safety: SafetyMonitor | None, target: Target
) -> list[Monitor]:
    """All that watch a campaign on this bench, its own ones and `safety` last; raises UsageError."""
    table = bench.monitors
    sessions = frozenset(table.session_states)
    marks = {name: protocol.marks for name, protocol in protocols.items()}
    monitors: list[Monitor] = [DeviceMonitor(), ConsoleMonitor(table.console_patterns)]
    if is_program(bench):
        monitors.append(ProgramMonitor({name: protocol.blames_request for name, protocol in protocols.items()}))
    if isinstance(target, Meters):
        monitors += [ResourceMonitor(target, table.given_back, measured=target.measured)]
        monitors += [SpinMonitor(target, table.given_back)] if target.measured else []
    monitors.append(LeakMonitor(table.canaries, marks, sessions))
    for name, protocol in protocols.items():
        closes = may_close(bench, name, protocol)
        monitors.append(LivenessMonitor(protocol, name, table.uptime_field, table.boot_field, may_close=closes))
        monitors.append(SessionMonitor(protocol, name, sessions))
        monitors.append(DriftMonitor(protocol, name, table.configuration, table.configuration_writes))
        monitors.append(RadioMonitor(name))
        monitors += [ReplyMonitor(protocol, name)] if table.replies and protocol.judges_replies else []
        monitors += [callback for callback in protocol.callbacks.values() if isinstance(callback, AfterCase)]
    monitors += [_own_monitor(spec, bench.folder) for spec in table.own]
    return [*monitors, safety] if safety else monitors


def _own_monitor(spec: str, folder: Path) -> Monitor:
    """A monitor, or a class of them that takes nothing; raises UsageError."""
    found = named(spec, folder, object, "monitor")
    made = found() if isinstance(found, type) else found
    if not isinstance(made, Monitor):
        raise UsageError(f"[monitors] own: '{spec}' is no monitor: it wants name, observe(), state() and restore()")
    return made
