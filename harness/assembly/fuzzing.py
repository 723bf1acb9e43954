"""The fuzzers of a bench: those that it asks for, for each interface that is wired up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from fuzzers.bounded import BoundedFuzzer
from fuzzers.planned import NO_WORDS
from fuzzers.registry import FUZZERS, fuzzers_for
from fuzzers.replayed import ReplayedFuzzer
from fuzzers.wait_budget import WaitBudgetFuzzer
from harness.assembly.assemble import Assembly
from harness.assembly.interfaces import CASE_BYTES
from harness.bench_tables import DESCRIBED, InterfaceTable
from harness.case import TestCase
from harness.interfaces import Compares, Fuzzer, Learns, Meters, Offers, Tells
from harness.share import WHOLE, Share

Kept = Mapping[str, Sequence[TestCase]]
NOTHING_KEPT: Kept = MappingProxyType({})
_CONNECTING = ("tcp:", "tls:", "unix:")


def make_fuzzers(
    assembly: Assembly, seed: int, wanted: Sequence[str] = (), share: Share = WHOLE, kept: Kept = NOTHING_KEPT
) -> list[Fuzzer]:
    """The fuzzers of every interface in scope, in the bench's order; `wanted` replaces the bench's choice.

    One that learns is another one in each share: what it learns there is its own. Cases that were `kept`, by interface,
    come first.
    """
    made: list[Fuzzer] = [ReplayedFuzzer(name, kept[name], share) for name in assembly.protocols if name in kept]
    stimuli, measured = frozenset(assembly.bench.stimuli), _is_measured(assembly)
    compares = isinstance(assembly.target, Compares)
    looked_at = compares and assembly.bench.emulator.board != DESCRIBED
    words = assembly.target.words() if isinstance(assembly.target, Tells) else NO_WORDS
    for name, unable in assembly.protocols.items():
        table, interface = assembly.bench.interfaces[name], assembly.runner.interfaces[name]
        carrier = interface.carrier
        protocol = replace(unable, procedures=carrier.procedures) if isinstance(carrier, Offers) else unable
        states = table.states or list(protocol.states)
        for fuzzer in wanted or table.fuzzers or fuzzers_for(protocol, measured=measured, looked_at=looked_at):
            kind = FUZZERS.get(fuzzer)
            one = kind(
                protocol,
                name,
                states,
                share.seed(seed) if issubclass(kind, Learns) else seed,
                max_len=table.max_len,
                stimuli=stimuli,
                max_case_bytes=interface.max_case_bytes,
                connects=table.transport.startswith(_CONNECTING),
                words=words,
                compares=compares,
                share=share,
            )
            made.append(one if one.measures else _sparing(one, assembly, table))
    return made


def _sparing(fuzzer: Fuzzer, assembly: Assembly, table: InterfaceTable) -> Fuzzer:
    """Its cases that wait long are put off; those that are long are left out where the bench does not want them."""
    spared = fuzzer if assembly.target.traits.cheap_waits else WaitBudgetFuzzer(fuzzer)
    longest = assembly.runner.interfaces[fuzzer.interface].max_case_bytes
    return spared if table.max_case_bytes or longest == CASE_BYTES else BoundedFuzzer(spared, CASE_BYTES)


def _is_measured(assembly: Assembly) -> bool:
    return isinstance(assembly.target, Meters) and assembly.target.measured
