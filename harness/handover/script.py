"""A finding as a Python script that needs no medfuzz: its messages as data, and the code that its live fields need."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any, cast
from urllib.parse import parse_qsl

from harness.assembly.benches import find_bench
from harness.assembly.interfaces import may_close
from harness.assembly.protocols import protocol_in
from harness.bench import Bench, load_bench
from harness.campaigns.files import write
from harness.case import Procedure, Send, Step
from harness.document import Handover
from harness.errors import UsageError
from harness.finding import Finding
from harness.handover import places, player
from harness.handover.literal import literal
from harness.handover.source import CannotCollect, Collection, attributes_used, members_used
from harness.handover.wording import headline
from harness.interfaces import Conversation
from harness.monitors.leak import canary_bytes
from harness.radio.process import need_bleak
from harness.verdict import Kind
from protocols.checksums import ALGORITHMS
from protocols.model import Protocol

SEEN = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT, Kind.SILENCE, Kind.DISCONNECT, Kind.LINK_LOST})
_REACHED = ("tcp", "unix", "serial", "ble")
_LISTEN = "listen:"
_BLUETOOTH = "ble:"
_FRAMES = "raw:"
_WIRE = ("split", "resolve", "learn", "answers", "expects_reply", "unfinished", "ends", "served")
_SHORTEST_TIMEOUT = 1.0  # an emulator's clock waits for a script; a device's does not
_SCRIPT = Template('''\
#!/usr/bin/env python3
"""$headline

Plays what led to it, then the probe: `python $name $usage`.
Start the device afresh before, and never play this to a device that a patient is connected to: nothing is withheld.
Exit code: 0 the device serves, 1 it does not (the fault came back), 3 nothing was tested, 4 a probe cannot see this
kind of fault. Needs Python 3.11$needs.
"""

from __future__ import annotations

$imports


$definitions


$wire
CHECKSUMS = {$checksums}
FINDING = $finding


if __name__ == "__main__":
    sys.exit($main(FINDING, WIRE, CHECKSUMS, $place_at))
''')


def write_script(path: Path, handover: Handover) -> tuple[Path, ...]:
    """Write the script; what was written. Raises UsageError for what no script can do, BenchError."""
    write(path, script_text(handover, path.name), instead="Name another file with --out")
    return (path,)


def script_text(handover: Handover, name: str) -> str:
    """The script; raises UsageError that names what cannot be exported."""
    interface = _interface(handover.finding)
    bench = load_bench(find_bench(handover.bench))
    if interface not in bench.interfaces:
        raise _refused(handover.finding, f"its bench {handover.bench} has no interface '{interface}'")
    protocol = protocol_in(bench, interface)
    if handover.transports.get(interface, "").startswith(_FRAMES):
        raise _refused(handover.finding, "whole frames leave through medfuzz alone, which sees to it where they go")
    _check(handover.finding, protocol)
    if handover.transports.get(interface, "").startswith(_LISTEN):
        raise _refused(handover.finding, "the device connects to medfuzz, and a script waits for nobody")
    if handover.transports.get(interface, "").startswith(_BLUETOOTH):
        _check_bluetooth(handover, interface, protocol)
    described = _described(handover, bench, protocol)
    try:
        return _composed(handover.finding, name, described, protocol)
    except CannotCollect as error:
        raise _refused(handover.finding, str(error)) from error


def _refused(finding: Finding, why: str) -> UsageError:
    return UsageError(f"{finding.id} cannot be exported as a script: {why}. Use --json or --pytest")


def _interface(finding: Finding) -> str:
    names = {case.interface for case in finding.window}
    if len(names) > 1:
        raise _refused(finding, f"its cases use several interfaces ({', '.join(sorted(names))})")
    return names.pop()


def _check(finding: Finding, protocol: Protocol) -> None:
    """Refuse by name what only runs inside medfuzz."""
    if protocol.callbacks:
        raise _refused(finding, f"'{next(iter(protocol.callbacks))}' of its boofuzz script runs in medfuzz only")
    for step in _steps(finding, protocol):
        if isinstance(step, Procedure):
            raise _refused(finding, f"the procedure '{step.name}' is done by medfuzz's own link")
        if isinstance(step, Send):
            _check_live(finding, protocol, step)


def _check_bluetooth(handover: Handover, interface: str, protocol: Protocol) -> None:
    """A program on a desktop reaches GATT only; raises UsageError for anything else, by its name."""
    need_bleak()
    from harness.radio.bleak.translation import sayable

    options = dict(parse_qsl(handover.transports[interface].partition("?")[2]))
    if options.get("layer", "gatt") != "gatt":
        raise _refused(handover.finding, f"bleak reaches GATT only, not layer '{options['layer']}'")
    for step in _steps(handover.finding, protocol) if not options.get("char") else ():
        if isinstance(step, Send) and step.replay_of < 0 and not sayable(step.data):
            raise _refused(handover.finding, f"bleak has no call for '{step.message}' ({step.data[:8].hex(' ')} …)")


def _check_live(finding: Finding, protocol: Protocol, step: Send) -> None:
    for live in step.live:
        if live.name.startswith("checksum:"):
            raise _refused(finding, f"the checksum '{live.name[9:]}' is computed by a function without a name")
        try:
            protocol.resolve(live, step.data, Conversation())
        except UsageError as error:
            raise _refused(finding, str(error)) from error


def _steps(finding: Finding, protocol: Protocol) -> Iterator[Step]:
    yield protocol.probe
    for case in finding.window:
        yield from protocol.state(case.state).preamble
        yield from case.steps


def _described(handover: Handover, bench: Bench, protocol: Protocol) -> player.Script:
    finding, interface = handover.finding, _interface(handover.finding)
    table, moniker = bench.interfaces[interface], handover.transports.get(interface, "")
    states, secrets, owed = protocol.states, _secrets(finding, bench), _is_owed(finding)
    return player.Script(
        title=headline(finding),
        address=moniker if moniker.partition(":")[0] in _REACHED else "",
        probe=protocol.probe,
        cases=tuple(
            player.Case(case.state, states[case.state].preamble, dict(states[case.state].proof), case.steps)
            for case in finding.window
        ),
        timeout=max(_SHORTEST_TIMEOUT, table.reply_timeout or protocol.reply_timeout),
        quiet=protocol.resynchronization.seconds,
        filler=protocol.resynchronization.filler,
        reconnect=protocol.reconnect if table.reconnect is None else table.reconnect,
        may_close=may_close(bench, interface, protocol),
        seen=finding.kind in SEEN or bool(secrets) or owed,
        restart=finding.kind is Kind.REBOOT,
        growing=tuple(filter(None, (bench.monitors.uptime_field,))),
        counting=tuple(filter(None, (bench.monitors.boot_field,))),
        places=dict(protocol.wire.places()),
        leaking=finding.observation.fingerprint[0] if secrets else "",
        secrets=secrets,
        owed=owed,
    )


def _is_owed(finding: Finding) -> bool:
    """True where one message must be answered and is not: with several, this script cannot tell whose answer came."""
    steps = [step for case in finding.window for step in case.steps]
    return finding.kind is Kind.NO_REPLY and len(steps) == 1


def _secrets(finding: Finding, bench: Bench) -> dict[str, bytes]:
    """What a leak may have shown, by name."""
    if finding.kind is not Kind.LEAK or not finding.observation.fingerprint:
        return {}
    return {name: canary_bytes(name, text) for name, text in bench.monitors.canaries.items()}


def _composed(finding: Finding, name: str, described: player.Script, protocol: Protocol) -> str:
    names = sorted(_checksums(_steps(finding, protocol)))
    collection, wire = _collected(protocol.wire)
    place_at, needs = _place_of(described.address, collection)
    main, data = collection.add(player.main), literal(_bare(described), collection.add)
    checksums = ", ".join(f"{one!r}: {_checksum(collection, one)}" for one in names)
    text = _SCRIPT.substitute(
        headline=headline(finding),
        name=name,
        usage=f"[{described.address}]" if described.address else "ADDRESS",
        imports=collection.imports_text,
        definitions="\n\n\n".join(collection.texts),
        wire=wire,
        checksums=checksums,
        finding=data,
        main=main,
        place_at=place_at,
        needs=needs,
    )
    compile(text, name, "exec")
    return text


def _place_of(address: str, collection: Collection) -> tuple[str, str]:
    """The function that makes a place of an address, and what it needs besides Python, in words."""
    if not address.startswith(_BLUETOOTH):
        return collection.add(places.place_at), ", and pyserial for a serial port"
    from harness.handover.ble_place import ble_place_at

    return collection.add(ble_place_at), ", and bleak"


def _checksums(steps: Iterable[Step]) -> set[str]:
    """The names of live fields that are a checksum in an order of bytes: `crc16_modbus/little`."""
    lives = {live.name for step in steps if isinstance(step, Send) for live in step.live}
    return {one for one in lives if one.partition("/")[0] in ALGORITHMS and one.endswith(("/big", "/little"))}


def _checksum(collection: Collection, name: str) -> str:
    """An expression for the function that gives a checksum's bytes."""
    algorithm, _slash, order = name.partition("/")
    found = ALGORITHMS.get(algorithm)
    return f"lambda data: {collection.add(found.compute)}(data).to_bytes({found.width}, {order!r})"


def _collected(wire: Any) -> tuple[Collection, str]:
    """The wire's class with what its methods use, and the lines that make `WIRE`.

    Where what reads a frame's fields cannot be copied, frames have no fields.
    """
    try:
        return _made(wire, None)
    except CannotCollect:
        return _made(wire, _NoFields())


def _made(wire: Any, change: ast.NodeTransformer | None) -> tuple[Collection, str]:
    kind = cast("type[Any]", type(wire))
    kept = members_used(kind, _WIRE, change)
    collection = Collection(kept, change)
    made = collection.add(kind)
    own = "".join(f"\nWIRE.{name} = {value!r}" for name, value in _own(wire, kept, change).items())
    return collection, f"WIRE = {made}(){own}"


class _NoFields(ast.NodeTransformer):
    """A frame's fields are read by a parser of scapy's, or another that stays behind."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "LazyFields":
            return ast.Dict([], [])
        if isinstance(node.func, ast.Name) and node.func.id.endswith("Fields") and len(node.args) == 2:
            node.args[0] = ast.parse("lambda _data: {}", mode="eval").body
        return node


def _own(wire: Any, kept: Mapping[type[Any], frozenset[str]], change: ast.NodeTransformer | None) -> dict[str, Any]:
    """The instance's attributes that its methods read; raises CannotCollect for what is no plain data."""
    used = attributes_used(kept, change)
    own = {name: value for name, value in getattr(wire, "__dict__", {}).items() if name in used}
    for name, value in own.items():
        if not _is_plain(value):
            raise CannotCollect(f"{type(wire).__name__}.{name} is of {type(value).__name__}, which is no plain data")
    return own


def _is_plain(value: Any) -> bool:
    try:
        return ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError, TypeError):
        return False


def _bare(described: player.Script) -> player.Script:
    """Without what a script does not use."""
    cases = (replace(case, steps=_unmarked(case.steps), preamble=_unmarked(case.preamble)) for case in described.cases)
    return replace(described, probe=_unmarked((described.probe,))[0], cases=tuple(cases))


def _unmarked(steps: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(replace(step, spans=(), mutated=False) if isinstance(step, Send) else step for step in steps)
