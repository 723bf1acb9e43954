"""Which kept cases fit a bench: their protocol, state, messages and whatever else they take are there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from harness.assembly.assemble import Assembly
from harness.case import Procedure, Send, Step, Stimulate
from harness.corpus.entry import Entry
from harness.errors import MedfuzzError
from harness.interfaces import Conversation, Offers
from protocols.model import Protocol


def fitting(entries: Mapping[str, Entry], assembly: Assembly) -> tuple[dict[str, list[Entry]], dict[str, str]]:
    """Those that fit, by interface; the others by name of their file, with why not.

    An interface with another name that speaks the protocol will do where the case's own is not there.
    """
    found: dict[str, list[Entry]] = {}
    refused: dict[str, str] = {}
    for name, entry in entries.items():
        interface = _interface_of(entry, assembly.protocols)
        if reason := next(_misfits(entry, interface, assembly), ""):
            refused[name] = reason
        else:
            case = replace(entry.case, interface=interface)
            found.setdefault(interface, []).append(replace(entry, case=case))
    return found, refused


def _interface_of(entry: Entry, protocols: Mapping[str, Protocol]) -> str:
    """Its own, another one that speaks the same, or ""."""
    speaking = [name for name, protocol in protocols.items() if protocol.name == entry.protocol]
    return entry.case.interface if entry.case.interface in speaking else next(iter(speaking), "")


def _misfits(entry: Entry, interface: str, assembly: Assembly) -> Iterator[str]:
    if not interface:
        yield f"no interface of this run speaks '{entry.protocol}'"
        return
    protocol, case = assembly.protocols[interface], entry.case
    if case.state not in protocol.states:
        yield f"'{protocol.name}' has no state '{case.state}'"
    if entry.size > (most := assembly.runner.interfaces[interface].max_case_bytes):
        yield f"it has {entry.size} bytes, {most} are the most"
    names = _procedures(interface, assembly)
    for step in case.steps:
        yield from _misfit(step, protocol, assembly.bench.stimuli, names)


def _misfit(step: Step, protocol: Protocol, stimuli: Collection[str], procedures: Collection[str]) -> Iterator[str]:
    if isinstance(step, Stimulate) and step.stimulus not in stimuli:
        yield f"the bench has no stimulus '{step.stimulus}'"
    if isinstance(step, Procedure) and step.name not in procedures:
        yield f"the link knows no procedure '{step.name}'"
    if isinstance(step, Send):
        yield from _unsendable(step, protocol)


def _unsendable(step: Send, protocol: Protocol) -> Iterator[str]:
    if step.message not in protocol.messages and step.message != protocol.probe.message:
        yield f"'{protocol.name}' has no message '{step.message}'"
    if step.callback and step.callback not in protocol.callbacks:
        yield f"'{protocol.name}' has no callback '{step.callback}'"
    for live in step.live:
        try:
            protocol.resolve(live, step.data, Conversation())
        except MedfuzzError as error:
            yield f"a live field of '{step.message}': {error}"
        except Exception as error:  # noqa: BLE001  a user's protocol, given what another version of it has made
            yield f"a live field of '{step.message}': {type(error).__name__}"


def _procedures(interface: str, assembly: Assembly) -> frozenset[str]:
    """Names of those that the link's carrier does."""
    carrier = assembly.runner.interfaces[interface].carrier
    offered = carrier.procedures.values() if isinstance(carrier, Offers) else ()
    return frozenset(step.name for steps in offered for step in steps if isinstance(step, Procedure))
