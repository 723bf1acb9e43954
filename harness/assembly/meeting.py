"""The first contact with a device: it answers, it is the one that the bench means, and tells what is watched."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from harness.assembly.assemble import Assembly
from harness.assembly.echo import echo_seen
from harness.bench import Bench
from harness.errors import LinkError, TargetError, UsageError, did_you_mean
from harness.identity import FIELDS, unlike, untold
from harness.interfaces import Frame, Identifies, Identity
from harness.states import Interface
from targets.served import ServedTarget

_SHOWN = 48
_PROBED = ("scapy:", "bytes")  # protocols whose first message no device need know


def meet(assembly: Assembly) -> dict[str, Identity]:
    """Probe every interface once and match what it says with the bench; raises TargetError, UsageError."""
    identities: dict[str, Identity] = {}
    fields: set[str] = set()
    for name, interface in assembly.runner.interfaces.items():
        answer = _contact(assembly, name, interface)
        if answer is None:
            raise TargetError(_unanswered(assembly, name, interface))
        fields |= answer.fields.keys()
        told = interface.protocol.identity(answer)
        identities[name] = interface.carrier.identity() if isinstance(interface.carrier, Identifies) else told
        _match(assembly.bench, name, identities[name])
    _require_identity(assembly.bench, identities)
    if len(assembly.protocols) == len(assembly.bench.interfaces):
        _check_names(assembly, fields)
    return identities


def _contact(assembly: Assembly, name: str, interface: Interface) -> Frame | None:
    """The probe's answer; raises TargetError with the last words of a program that ended before it gave one."""
    try:
        return assembly.runner.contact(name)
    except LinkError as error:
        if isinstance(assembly.target, ServedTarget) and (words := assembly.target.epitaph()):
            said = interface.protocol.probe.message
            met = f"[interfaces.{name}] at the first contact, where nothing but '{said}' is said"
            raise TargetError(f"{met}: {words}. Mend the program, or leave the interface out") from error
        raise


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
    if protocol.name.startswith(_PROBED) and not echo:
        why += " Would the device answer that message? Name one that it does by ?probe=… (docs/protocol.md)."
    messages = assembly.protocols[name].messages
    message = protocol.probe.message if protocol.probe.message in messages else next(iter(messages))
    return (
        f"[interfaces.{name}] {moniker}: the link opens, but no probe is answered: sent {_hex(sent)}; came "
        f"{_hex(came)}. {why} Try `medfuzz send {assembly.path} {message}`"
    )


def _hex(data: bytes) -> str:
    more = f" … ({len(data)} bytes)" if len(data) > _SHOWN else ""
    return (data[:_SHOWN].hex(" ") or "nothing") + more


def _require_identity(bench: Bench, identities: Mapping[str, Identity]) -> None:
    """What the bench wants to compare must be told by at least one interface; raises TargetError."""
    wanted = Identity(**bench.identity.model_dump())
    for field in FIELDS:
        if identities and all(field in untold(wanted, identity) for identity in identities.values()):
            words = f"[identity] {field} = '{getattr(wanted, field)}' cannot be compared: no probe's answer tells it"
            raise TargetError(f"{words}. Leave it empty, or let the protocol's `identity` read it")


def _match(bench: Bench, name: str, found: Identity) -> None:
    if words := unlike(Identity(**bench.identity.model_dump()), found):
        raise TargetError(f"[interfaces.{name}] {words}")
