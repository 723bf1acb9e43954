"""The protocol of each interface, as the bench names it: shipped, of a file, or of a boofuzz script; and its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from fuzzers.script import load_boofuzz_script
from harness.bench import Bench
from harness.bench_tables import DESCRIBED, EmulatorTable
from harness.errors import UsageError
from harness.seeds import load_seeds
from harness.transports import parse_moniker
from harness.transports.raw import RAW_FORM, raw_place
from protocols.frames_wire import FramesWire
from protocols.load import load_protocol
from protocols.model import Protocol
from protocols.plain_bytes import WANTS_PROBE, RestWire
from protocols.seeds import seeded


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
    protocol = protocol_of(table.protocol, bench.folder, table.script_arguments, table.script_session)
    if isinstance(protocol.wire, RestWire):
        _require_inferred_board(bench, name)
    return _placed(protocol, name, table.transport) if isinstance(protocol.wire, FramesWire) else protocol


def _require_inferred_board(bench: Bench, name: str) -> None:
    """Whoever has no probe has an emulator that knows; raises UsageError."""
    target = bench.target
    if not isinstance(target, EmulatorTable) or target.board == DESCRIBED:
        raise UsageError(f'[interfaces.{name}] {WANTS_PROBE}; only an emulator with board = "auto" does without')


def _placed(protocol: Protocol, name: str, moniker: str) -> Protocol:
    """A protocol of whole frames, between the addresses that its transport says; raises UsageError."""
    where, endpoint = f"[interfaces.{name}] protocol '{protocol.name}'", parse_moniker(moniker)
    if endpoint.scheme != "raw":
        raise UsageError(f"{where} makes whole frames: write transport = \"{RAW_FORM}\", not '{moniker}'")
    place, wire = raw_place(endpoint), cast("FramesWire", protocol.wire)
    if len(place.device_ip) != {4: 4, 6: 16}[wire.version]:
        raise UsageError(
            f"{where} speaks IPv{wire.version}: {moniker} wants ?ip= with the device's IPv{wire.version} address"
        )
    return replace(protocol, wire=wire.at(place.addresses))


def seeded_protocol_in(bench: Bench, name: str) -> Protocol:
    """The protocol of an interface with its seeds, if it has some; raises UsageError."""
    protocol = protocol_in(bench, name)
    if not (file := bench.interfaces[name].seeds):
        return protocol
    return seeded(protocol, load_seeds(bench.path(file)), bench.path(file))
