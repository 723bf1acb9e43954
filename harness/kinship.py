"""Which findings are one fault: what stands for a cause once a replay and a smaller reproducer have told more of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.finding import Condition, Finding, bucket_of, buckets_beside, digest, is_blamed
from harness.verdict import Kind

_LINE = re.compile(r"\.\w+(?::|, line )\d+")
_CORRUPTION = frozenset({"control flow lost", "bad access"})


def causes_of(finding: Finding) -> frozenset[str]:
    """What may have caused it, as sixteen hex digits each; two findings that share one are the same fault.

    Its bucket; that of the message which its smallest reproducer blames; what a program says of it, where that names a
    line of its source, over whatever protocol it came; the function in which a watchdog found it;
    the one field that must be unusual, where a reproducer that cannot be smaller needs no other; the buckets of the
    other crashes that this field showed where it was shorter or longer.
    """
    return frozenset(_causes(finding))


def takes_length(finding: Finding) -> bool:
    """True for a crash that shows where a field is long, and as far as was seen only there.

    A long field has overrun what is told of the place where it crashes: another fault may crash there, too.
    """
    told = finding.minimized
    if finding.kind is not Kind.CRASH or not finding.confirmed or told is None or not told.done:
        return False
    return bool(told.conditions) and all(one.of_length and one.least is not None for one in told.conditions)


def by_fault(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """In their order, but each that is the same fault as an earlier one right behind that."""
    heads = [found for found in findings if not found.same_as]
    known = {found.id for found in heads}
    strays = [found for found in findings if found.same_as and found.same_as not in known]
    return (*(f for head in heads for f in (head, *(o for o in findings if o.same_as == head.id))), *strays)


@dataclass(frozen=True, slots=True)
class Fault:
    """The findings of one fault, the first one first, and all that stands for its cause."""

    findings: tuple[Finding, ...]
    causes: frozenset[str]

    @property
    def head(self) -> Finding:
        """The one that speaks for it: the first that was confirmed, else the first."""
        return next((found for found in self.findings if found.confirmed), self.findings[0])


def faults_in(findings: Sequence[Finding]) -> tuple[Fault, ...]:
    """The findings of a run by fault, in the order in which these were met."""
    families: dict[str, list[Finding]] = {}
    for found in findings:
        families.setdefault(found.same_as or found.id, []).append(found)
    return tuple(Fault(tuple(f), frozenset[str]().union(*map(causes_of, f))) for f in families.values())


def _causes(finding: Finding) -> Iterator[str]:
    seen = finding.observation
    yield finding.bucket
    if finding.bucket not in buckets_beside(bucket_of(seen)):
        yield bucket_of(seen)
    if seen.fingerprint[1:] and _LINE.search(seen.fingerprint[-1]):
        yield digest("said", *seen.fingerprint[-2:])
    if seen.kind is Kind.REBOOT and seen.fingerprint[:1] == ("watchdog",) and seen.fingerprint[1:]:
        yield digest(seen.kind, seen.protocol, *seen.fingerprint[:2])
    told = finding.minimized
    if told is not None and told.done and len(told.conditions) == 1:
        yield from _of_field(finding, told.conditions[0])
        yield from told.met


def _of_field(finding: Finding, condition: Condition) -> Iterator[str]:
    """Where an overflow crashes depends on its length; which message carries a field, often on the case alone."""
    seen = finding.observation
    if seen.kind is Kind.CRASH and seen.fingerprint[:1] and seen.fingerprint[0] in _CORRUPTION and condition.of_length:
        yield digest(seen.kind, seen.protocol, condition.message, condition.field)
    elif is_blamed(seen) and condition.is_bounded:
        yield digest(seen.kind, seen.protocol, *seen.fingerprint, condition.field, condition.words)
