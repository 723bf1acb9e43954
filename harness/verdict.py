"""Observations that monitors make and the verdict of one case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What one executed case showed."""

    PASS = "pass"
    FINDING = "finding"
    BENCH_FAULT = "bench_fault"
    INCONCLUSIVE = "inconclusive"


class Kind(StrEnum):
    """What a monitor saw. The order is the order of severity when several fire on one case."""

    UNSAFE_STATE = "unsafe_state"
    CRASH = "crash"
    HANG = "hang"
    REBOOT = "reboot"
    LEAK = "leak"
    ACCESS = "access"
    DRIFT = "drift"
    EXIT = "exit"
    CONSOLE = "console"
    SILENCE = "silence"
    SESSION_LAPSED = "session_lapsed"
    LINK_LOST = "link_lost"
    UNKNOWN_SIGNAL = "unknown_signal"


BENCH_KINDS = frozenset({Kind.LINK_LOST})
INCONCLUSIVE_KINDS = frozenset({Kind.SESSION_LAPSED, Kind.UNKNOWN_SIGNAL})


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing one monitor saw. `fingerprint` holds the parts that make its bucket, most telling first."""

    kind: Kind
    monitor: str
    summary: str
    time: float
    fingerprint: tuple[str, ...] = ()
    requirement: str = ""
    detail: Mapping[str, str] = field(default_factory=dict[str, str])


def verdict_of(observations: Iterable[Observation]) -> Verdict:
    """A device fault outranks a bench fault, a bench fault outranks doubt; nothing seen is a pass."""
    kinds = {observation.kind for observation in observations}
    if kinds - BENCH_KINDS - INCONCLUSIVE_KINDS:
        return Verdict.FINDING
    if kinds & BENCH_KINDS:
        return Verdict.BENCH_FAULT
    return Verdict.INCONCLUSIVE if kinds else Verdict.PASS
