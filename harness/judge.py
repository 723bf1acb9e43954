"""What the observations of one case come to: which count, which only follow, and the verdict. No I/O, no memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.case import TestCase
from harness.finding import RESTART, bucket_of
from harness.verdict import KINDS, Blame, Kind, Observation


def settle(observations: Sequence[Observation]) -> list[Observation]:
    """What counts by itself; what only follows from something else in the same case stays with that as a symptom.

    Left out: what `KINDS` calls a symptom of another kind that was seen; a second sign of one restart; settings that
    another life of the device has; a requirement that is violated later than another.
    """
    if not observations:
        return []
    kinds = {observation.kind for observation in observations}
    restarted = any(observation.fingerprint[:1] == (RESTART,) for observation in observations)
    first = min((o.time for o in observations if o.kind is Kind.UNSAFE_STATE), default=0.0)
    kept: list[Observation] = []
    for observation in observations:
        explained = bool(kinds & KINDS[observation.kind].symptom_of)
        explained |= restarted and observation.kind is Kind.DRIFT
        again = observation.kind is Kind.REBOOT and any(o.kind is Kind.REBOOT for o in kept)
        later = observation.kind is Kind.UNSAFE_STATE and observation.time > first
        if not (explained or again or later):
            kept.append(observation)
    return kept


def faults_of(settled: Sequence[Observation], case: TestCase, known: Callable[[str], bool]) -> list[Observation]:
    """What is the device's. Of several requirements violated at once one counts, a `known` bucket first.

    Two faults at once make no reproducer for either, and an independent one shows alone in another case.
    """
    faults = [o for o in settled if KINDS[o.kind].blame is Blame.DEVICE]
    unsafe = [fault for fault in faults if fault.kind is Kind.UNSAFE_STATE]
    before = [fault for fault in unsafe if known(bucket_of(fault))]
    return [fault for fault in faults if fault not in unsafe or fault is (before or unsafe)[0]]


def link_is_lost(settled: Sequence[Observation]) -> bool:
    """True when the link is gone and nothing the device showed explains it."""
    return any(observation.kind is Kind.LINK_LOST for observation in settled)
