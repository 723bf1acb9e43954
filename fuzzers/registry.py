"""Fuzzers by name, and the one way to make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.sequence import SequenceFuzzer
from harness.interfaces import Fuzzer
from harness.registry import Registry
from protocols.model import Protocol


@dataclass(frozen=True, slots=True)
class Options:
    """`max_len` is the longest a field grows to, in bytes (0: the protocol's own). `stimuli`: None is all."""

    max_len: int = 0
    stimuli: frozenset[str] | None = None


Factory = Callable[[Protocol, str, Sequence[str], int, Options], Fuzzer]
FUZZERS: Registry[Factory] = Registry("fuzzer")
DEFAULTS = Options()


@FUZZERS.register("enumerate")
def _enumerate(protocol: Protocol, interface: str, states: Sequence[str], seed: int, options: Options) -> Fuzzer:
    return EnumerateFuzzer(protocol, interface, states, seed, max_len=options.max_len)


@FUZZERS.register("sequence")
def _sequence(protocol: Protocol, interface: str, states: Sequence[str], seed: int, options: Options) -> Fuzzer:
    return SequenceFuzzer(protocol, interface, states, seed, max_len=options.max_len, stimuli=options.stimuli)


def make(  # noqa: PLR0917  the parts of one campaign lane, in the bench's order
    name: str,
    protocol: Protocol,
    interface: str,
    states: Sequence[str] = (),
    seed: int = 0,
    options: Options = DEFAULTS,
) -> Fuzzer:
    """The fuzzer of that name; no states means all. Raises UsageError for an unknown fuzzer or state."""
    return FUZZERS.get(name)(protocol, interface, states, seed, options)
