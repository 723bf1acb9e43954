"""Fuzzers by name, and the one way to make them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.procedures import ProceduresFuzzer
from fuzzers.sequence import SequenceFuzzer
from harness.interfaces import Fuzzer
from harness.registry import Registry
from protocols.model import Protocol

FUZZERS: Registry[Callable[..., Fuzzer]] = Registry("fuzzer")
FUZZERS.register(EnumerateFuzzer.name)(EnumerateFuzzer)
FUZZERS.register(SequenceFuzzer.name)(SequenceFuzzer)
FUZZERS.register(ProceduresFuzzer.name)(ProceduresFuzzer)


def fuzzers_for(protocol: Protocol) -> list[str]:
    """Those that a bench which names none gets."""
    return [name for name in FUZZERS if name != ProceduresFuzzer.name or protocol.procedures]


def make_fuzzer(
    name: str,
    protocol: Protocol,
    interface: str,
    states: Sequence[str] = (),
    seed: int = 0,
    *,
    max_len: int = 0,
    stimuli: Collection[str] | None = None,
) -> Fuzzer:
    """The fuzzer of that name.

    No states means all of the protocol's. `max_len` is the longest a field grows to, in bytes (0: the protocol's
    own). `stimuli` names those that the bench has (None: all). Raises UsageError for an unknown fuzzer or state.
    """
    return FUZZERS.get(name)(protocol, interface, states, seed, max_len=max_len, stimuli=stimuli)
