"""The protocol of each interface, as the bench names it: shipped, of a file, or of a boofuzz script; and its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fuzzers.script import load_boofuzz_script
from harness.bench import Bench
from harness.errors import UsageError
from harness.seeds import load_seeds
from protocols.load import load_protocol
from protocols.model import Protocol
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
    return protocol_of(table.protocol, bench.folder, table.script_arguments, table.script_session)


def seeded_protocol_in(bench: Bench, name: str) -> Protocol:
    """The protocol of an interface with its seeds, if it has some; raises UsageError."""
    protocol = protocol_in(bench, name)
    if not (file := bench.interfaces[name].seeds):
        return protocol
    return seeded(protocol, load_seeds(bench.path(file)), bench.path(file))
