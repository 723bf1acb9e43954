"""`medfuzz list`: what there is: benches, messages, states, fuzzers, ports, bench faults, runs, findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from serial.tools import list_ports

from fuzzers.registry import FUZZERS
from harness.assembly.benches import find_bench, shipped_benches
from harness.assembly.protocols import protocol_in
from harness.bench import load_bench
from harness.cli.terminal import say
from harness.errors import MedfuzzError, UsageError, did_you_mean
from harness.store import STORE_NAME, Store
from protocols.load import SHIPPED
from protocols.model import Protocol
from targets.serving.bench_faults import BLE_FAULTS, LINK_FAULTS

_ANY_OTHER = {
    "scapy:MODULE.CLASS": "any packet class of scapy's, with ?probe=HEX that the device answers",
    "boofuzz:SCRIPT.py": "a boofuzz script as it is",
    "FILE.py:NAME": "a definition of your own",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="list")(show)


def show(
    what: Annotated[
        str, typer.Argument(help="benches, messages, states, fuzzers, protocols, ports, bench-faults, runs, findings")
    ],
    where: Annotated[str, typer.Argument(help="A bench (messages, states) or a run's folder (runs, findings).")] = "",
) -> None:
    """Show what there is."""
    if what not in _LISTINGS:
        raise UsageError(f"nothing to list under '{what}'.{did_you_mean(what, _LISTINGS)}")
    empty = True
    for line in _LISTINGS[what](where):
        say(line)
        empty = False
    if empty:
        say(f"no {what}")


def _benches(_where: str) -> Iterator[str]:
    for name, path in shipped_benches().items():
        yield f"{name:<14} {path}"


def _protocols(where: str) -> Iterator[tuple[str, Protocol]]:
    if not where:
        raise UsageError(f"of which bench? Name a file behind it, or a shipped bench: {', '.join(shipped_benches())}")
    bench = load_bench(find_bench(where))
    for name in bench.interfaces:
        yield name, protocol_in(bench, name)


def _known_protocols(_where: str) -> Iterator[str]:
    for name, shipped in sorted(SHIPPED.items()):
        yield f"{name:<20} {shipped.what}"
    for spec, what in _ANY_OTHER.items():
        yield f"{spec:<20} {what}; docs/protocol.md"


def _messages(where: str) -> Iterator[str]:
    for name, protocol in _protocols(where):
        for message in protocol.messages.values():
            marks = ", ".join(sorted(mark.value for mark in message.marks))
            yield f"{name:<14} {message.name:<24} {marks}".rstrip()


def _states(where: str) -> Iterator[str]:
    for name, protocol in _protocols(where):
        for state in protocol.states.values():
            yield f"{name:<14} {state.name:<24} {len(state.preamble)} steps"


def _ports(_where: str) -> Iterator[str]:
    for port in list_ports.comports():
        yield f"serial:{port.device:<24} {port.description}"


def _bench_faults(_where: str) -> Iterator[str]:
    for known, where in ((LINK_FAULTS, ""), (BLE_FAULTS, "ble")):
        for name, fault in known.items():
            links = where or " ".join(sorted(fault.links))
            word = f"{name}={fault.default}" if fault.value else name
            yield f"{word:<20} {links:<8} {fault.what}"


def _stores(where: str) -> Iterator[Path]:
    yield from [Path(where)] if where else sorted(path.parent for path in Path("runs").glob(f"*/{STORE_NAME}"))


def _runs(where: str) -> Iterator[str]:
    for folder in _stores(where):
        try:
            with Store.open(folder) as store:
                yield f"{folder}  {len(store.findings())} findings  {store.end().get('reason', 'not ended')}"
        except MedfuzzError as error:
            yield f"{folder}  {error}"


def _findings(where: str) -> Iterator[str]:
    for folder in _stores(where):
        try:
            with Store.open(folder) as store:
                for finding in store.findings():
                    again = f"{finding.reproduced}/{finding.tries}"
                    yield f"{finding.id}  {finding.kind.value:<12} {again}  {finding.observation.summary}  ({folder})"
        except MedfuzzError as error:
            if where:
                raise
            yield f"{folder}  {error}"


_LISTINGS: dict[str, Callable[[str], Iterator[str]]] = {
    "benches": _benches,
    "messages": _messages,
    "states": _states,
    "fuzzers": lambda _where: iter(FUZZERS),
    "protocols": _known_protocols,
    "ports": _ports,
    "bench-faults": _bench_faults,
    "runs": _runs,
    "findings": _findings,
}
