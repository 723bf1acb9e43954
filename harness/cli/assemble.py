"""From a bench file to a runner: target, transports, protocols, monitors and fuzzers, wired together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fuzzers.callbacks import AfterCase
from fuzzers.patience import PatientFuzzer
from fuzzers.registry import FUZZERS, fuzzers_for
from fuzzers.script import load_boofuzz_script
from harness.bench import Bench, load_bench
from harness.cli.echoing import echo_seen
from harness.cli.guarded import guard_of
from harness.connection import nothing_lost
from harness.errors import TargetError, UsageError, did_you_mean
from harness.executor import Executor
from harness.identity import FIELDS, unlike, untold
from harness.interfaces import Fuzzer, Identifies, Identity, Mark, Monitor, Offers, Owns, Target
from harness.ladder import Ladder
from harness.load import Load
from harness.monitors.console import ConsoleMonitor
from harness.monitors.device import DeviceMonitor
from harness.monitors.drift import DriftMonitor
from harness.monitors.leak import LeakMonitor
from harness.monitors.liveness import LivenessMonitor
from harness.monitors.radio import RadioMonitor
from harness.monitors.safety import SafetyMonitor
from harness.monitors.session import SessionMonitor
from harness.requirements import Requirement, load_requirements
from harness.runner import Ask, Runner
from harness.seeds import load_seeds
from harness.states import Interface
from harness.temporal import SignalDeclaration
from harness.transports import ble, serial, tcp, transport
from harness.userfile import named
from protocols.load import load_protocol
from protocols.model import Protocol
from protocols.seeds import seeded
from targets.kinds import target_of
from targets.served import ServedTarget

CARRIERS = (ble, serial, tcp)
_SHOWN = 48
SHIPPED = Path(__file__).resolve().parents[2] / "targets"


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
    target = target_of(bench, seed)
    protocols = {name: _seeded(bench, name, protocol_in(bench, name)) for name in names}
    load = None if target.traits.virtual_clock else Load(target.pids if isinstance(target, Owns) else tuple)
    interfaces = {name: _interface(bench, name, protocols[name], target, load) for name in names}
    requirements = load_requirements(bench.path(bench.safety.requirements)) if bench.safety.requirements else ()
    if requirements and isinstance(target, ServedTarget) and not bench.served.channel:
        raise UsageError(
            f"{path}: [safety] requirements need signals, and no [target] channel brings any; give one, or set "
            'requirements = "" to run without'
        )
    safety = SafetyMonitor(requirements, _signals(bench), _telling(protocols)) if requirements else None
    monitors = _monitors(bench, protocols, safety)
    limits = bench.limits.max_resets
    runner = Runner(target, interfaces, monitors, settle=bench.target.settle, max_resets=limits, load=load, ask=ask)
    return Assembly(bench, path, target, runner, protocols, safety, requirements)


def _selected(bench: Bench, only: Sequence[str]) -> list[str]:
    for name in only:
        if name not in bench.interfaces:
            raise UsageError(f"the bench has no interface '{name}'.{did_you_mean(name, bench.interfaces)}")
    return list(only or bench.interfaces)


def protocol_of(spec: str, folder: Path, script_arguments: Sequence[str] = (), script_session: int = 0) -> Protocol:
    """What a bench in `folder` names: a shipped protocol, a file's, or a boofuzz script's. Raises UsageError."""
    scheme, _colon, file = spec.partition(":")
    if scheme == "boofuzz":
        return load_boofuzz_script(folder / file, script_arguments, script_session)
    if script_arguments or script_session:
        raise UsageError(f"script_arguments and script_session are for protocol = 'boofuzz:SCRIPT.py', not '{spec}'")
    return load_protocol(spec, folder)


def protocol_in(bench: Bench, name: str) -> Protocol:
    """The protocol of an interface, without its seeds. Raises UsageError."""
    table = bench.interfaces[name]
    return protocol_of(table.protocol, bench.folder, table.script_arguments, table.script_session)


def _seeded(bench: Bench, name: str, protocol: Protocol) -> Protocol:
    """With the interface's seeds, if it has some; raises UsageError."""
    if not (file := bench.interfaces[name].seeds):
        return protocol
    return seeded(protocol, load_seeds(bench.path(file)), bench.path(file))


def _interface(bench: Bench, name: str, protocol: Protocol, target: Target, load: Load | None) -> Interface:
    table = bench.interfaces[name]
    for state in table.states:
        if state not in protocol.states:
            hint = did_you_mean(state, protocol.states)
            raise UsageError(f"[interfaces.{name}] states: protocol '{protocol.name}' has no state '{state}'.{hint}")
    carrier = transport(table.transport, target)
    executor = Executor(
        protocol,
        target.watch(carrier) if isinstance(target, Owns) else carrier,
        target,
        guard_of(bench, name, protocol),
        reply_timeout=table.reply_timeout or protocol.reply_timeout,
        open_timeout=table.open_timeout,
        adaptive=not target.traits.virtual_clock,
        callbacks=protocol.callbacks,
        lost=nothing_lost if load is None else load.lost,
        pause=bench.target.recovery,
    )
    return Interface(
        name,
        protocol,
        executor,
        carrier,
        Ladder(executor),
        table.probe_every,
        table.max_case_bytes,
        protocol.reconnect if table.reconnect is None else table.reconnect,
        max(table.open_timeout, bench.target.reset_timeout),
    )


def _signals(bench: Bench) -> dict[str, SignalDeclaration]:
    return {
        name: SignalDeclaration(name, table.kind, table.range[0], table.range[1], table.unit)
        for name, table in bench.signals.items()
    }


def _telling(protocols: Mapping[str, Protocol]) -> set[str]:
    """Messages that can act on the patient."""
    acting = {Mark.THERAPY, Mark.PRIVILEGED}
    return {name for protocol in protocols.values() for name, marks in protocol.marks.items() if marks & acting}


def _monitors(bench: Bench, protocols: Mapping[str, Protocol], safety: SafetyMonitor | None) -> list[Monitor]:
    table = bench.monitors
    closing = {name for name, protocol in protocols.items() if protocol.may_close or bench.interfaces[name].may_close}
    sessions = frozenset(table.session_states)
    marks = {name: protocol.marks for name, protocol in protocols.items()}
    monitors: list[Monitor] = [DeviceMonitor(), ConsoleMonitor(table.console_patterns)]
    monitors.append(LeakMonitor(table.canaries, marks, sessions))
    for name, protocol in protocols.items():
        may_close = name in closing
        monitors.append(LivenessMonitor(protocol, name, table.uptime_field, table.boot_field, may_close=may_close))
        monitors.append(SessionMonitor(protocol, name, sessions))
        monitors.append(DriftMonitor(protocol, name, table.configuration, table.configuration_writes))
        monitors.append(RadioMonitor(name))
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


def make_fuzzers(assembly: Assembly, seed: int, wanted: Sequence[str] = ()) -> list[Fuzzer]:
    """The fuzzers of every interface in scope, in the bench's order; `wanted` replaces the bench's choice."""
    made: list[Fuzzer] = []
    stimuli = frozenset(assembly.bench.stimuli)
    for name, unable in assembly.protocols.items():
        table, carrier = assembly.bench.interfaces[name], assembly.runner.interfaces[name].carrier
        protocol = replace(unable, procedures=carrier.procedures) if isinstance(carrier, Offers) else unable
        states = table.states or list(protocol.states)
        for fuzzer in wanted or table.fuzzers or fuzzers_for(protocol):
            made.append(FUZZERS.get(fuzzer)(protocol, name, states, seed, max_len=table.max_len, stimuli=stimuli))
    return made if assembly.target.traits.cheap_waits else [PatientFuzzer(fuzzer) for fuzzer in made]


def meet(assembly: Assembly) -> dict[str, Identity]:
    """Probe every interface once and match what it says with the bench; raises TargetError, UsageError."""
    identities: dict[str, Identity] = {}
    fields: set[str] = set()
    for name, interface in assembly.runner.interfaces.items():
        answer = assembly.runner.contact(name)
        if answer is None:
            raise TargetError(_unanswered(assembly, name, interface))
        fields |= answer.fields.keys()
        told = interface.protocol.identity(answer)
        identities[name] = interface.carrier.identity() if isinstance(interface.carrier, Identifies) else told
        _match(assembly.bench, name, identities[name])
    _told(assembly.bench, identities)
    if len(assembly.protocols) == len(assembly.bench.interfaces):
        _check_names(assembly, fields)
    return identities


def _check_names(assembly: Assembly, fields: Collection[str]) -> None:
    """A monitor that looks for a field which no probe's answer has is off without a word; raises UsageError."""
    table = assembly.bench.monitors
    wanted = {
        "uptime_field": [table.uptime_field],
        "boot_field": [table.boot_field],
        "configuration": table.configuration,
        "configuration_writes": [table.configuration_writes],
    }
    for key, names in wanted.items():
        for name in filter(None, names):
            if name not in fields:
                hint = did_you_mean(name, fields)
                raise UsageError(f"{assembly.path}: [monitors] {key}: no probe's answer has a field '{name}'.{hint}")
    states = {state for protocol in assembly.protocols.values() for state in protocol.states}
    for state in table.session_states:
        if state not in states:
            hint = did_you_mean(state, states)
            raise UsageError(f"{assembly.path}: [monitors] session_states: there is no state '{state}'.{hint}")


def _unanswered(assembly: Assembly, name: str, interface: Interface) -> str:
    """With the bytes both ways: a wrong speed, an echo and a console look each of its own kind."""
    moniker, protocol = assembly.bench.interfaces[name].transport, interface.protocol
    tries = interface.executor.exchanges
    sent = tries[-1].sent if tries else b""
    came = b"".join(piece for one in tries for piece in (*one.replies, *one.unsolicited, one.stray))
    echo = echo_seen(moniker, tries)
    why = f"It may be that {echo}." if echo else f"Is it the right port, speed and protocol ('{protocol.name}')?"
    return (
        f"[interfaces.{name}] {moniker}: the link opens, but no probe is answered: sent {_hex(sent)}; came "
        f"{_hex(came)}. {why} Try `medfuzz send {assembly.path} {protocol.probe.message}`"
    )


def _hex(data: bytes) -> str:
    more = f" … ({len(data)} bytes)" if len(data) > _SHOWN else ""
    return (data[:_SHOWN].hex(" ") or "nothing") + more


def _told(bench: Bench, identities: Mapping[str, Identity]) -> None:
    """What the bench wants to compare must be told by at least one interface; raises TargetError."""
    wanted = Identity(**bench.identity.model_dump())
    for field in FIELDS:
        if identities and all(field in untold(wanted, identity) for identity in identities.values()):
            words = f"[identity] {field} = '{getattr(wanted, field)}' cannot be compared: no probe's answer tells it"
            raise TargetError(f"{words}. Leave it empty, or let the protocol's `identity` read it")


def _match(bench: Bench, name: str, found: Identity) -> None:
    if words := unlike(Identity(**bench.identity.model_dump()), found):
        raise TargetError(f"[interfaces.{name}] {words}")
