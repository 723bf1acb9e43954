"""Fuzzers by name: `FUZZERS.get(name)(protocol, interface, …)` makes one, see `ModelFuzzer`."""

from __future__ import annotations

from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.guided import GuidedFuzzer
from fuzzers.pairs import PairsFuzzer
from fuzzers.places import PlacesFuzzer
from fuzzers.planned import ModelFuzzer
from fuzzers.procedures import ProceduresFuzzer
from fuzzers.related import RelatedFuzzer
from fuzzers.sequence import SequenceFuzzer
from fuzzers.soak import SoakFuzzer
from harness.registry import Registry
from protocols.model import Protocol

FUZZERS: Registry[type[ModelFuzzer]] = Registry("fuzzer")
_SHIPPED = (
    EnumerateFuzzer,
    SequenceFuzzer,
    GuidedFuzzer,
    PairsFuzzer,
    RelatedFuzzer,
    PlacesFuzzer,
    ProceduresFuzzer,
    SoakFuzzer,
)
for _fuzzer in _SHIPPED:
    FUZZERS.register(_fuzzer.name)(_fuzzer)


def fuzzers_for(protocol: Protocol, *, measured: bool = False, looked_at: bool = False) -> list[str]:
    """Those that a bench which names none gets; `measured`: what a program uses is known there.

    `looked_at`: it is firmware that nobody described, of which it is seen what it compares messages with.
    """
    asked = {GuidedFuzzer.name} if looked_at else set[str]()
    kinds = {name: FUZZERS.get(name) for name in FUZZERS}
    usual = {
        name: kind for name, kind in kinds.items() if kind.fits(protocol) and (name in asked or not kind.asked_for)
    }
    return [name for name, kind in usual.items() if measured or not kind.measures]
