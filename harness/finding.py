"""A device fault: the observation, the cases that led to it, and how often it came back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.case import TestCase
from harness.reliability import Rate, Reliability
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

# first parts of fingerprints: the device was not there, for good or not, or serves no more
LINK_GONE, RESTART, UNSERVED = "link gone", "restart", "unserved"
_BESIDE = 4


@dataclass(frozen=True, slots=True)
class Size:
    """What a reproducer puts on the wire, the way to its states included: live fields count as they stand."""

    messages: int
    octets: int

    def __str__(self) -> str:
        return f"{self.messages} message{'s' * (self.messages != 1)}, {self.octets:,} bytes"


@dataclass(frozen=True, slots=True)
class Condition:
    """A field that must be unusual for the fault to show, and from where to where, in words.

    `least` and `most` are the numbers that show a fault, with both; None where there is no such end, or it was not
    asked. `of_length`: they are lengths of a text.
    """

    message: str
    field: str
    words: str
    least: int | None = None
    most: int | None = None
    of_length: bool = False

    @property
    def is_bounded(self) -> bool:
        """True where a length or a number is known from which on it shows."""
        return self.least is not None or self.most is not None


@dataclass(frozen=True, slots=True)
class Minimized:
    """How a reproducer was made smaller: sizes before and after, replays and wall seconds that it took.

    `original` is the window as it was found. `done`: nothing more can be left out; else the time was over. `conditions`
    are known where it came so far, and from where to where each of them shows it where that was `sought` to the end.
    `met` are the buckets of other crashes that the same field showed with another length.
    """

    before: Size
    after: Size
    replays: int
    seconds: float
    done: bool
    original: tuple[TestCase, ...]
    conditions: tuple[Condition, ...] = ()
    met: tuple[str, ...] = ()
    sought: bool = True

    def __str__(self) -> str:
        """From what to what, and at which price."""
        end = ", not to the end" if not self.done else "" if self.sought else ", its limits not sought to the end"
        return f"{self.before} → {self.after} in {self.replays} replays and {self.seconds:.1f} s{end}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One bucket's representative. `window` ends with the case that showed it; `reproduced` is k of `tries`.

    `tries` counts the replays that were played to their end: none where the time was over. `doubt` is why replays that
    showed it again are not believed. `same_as` is the id of an earlier one that is the same fault: see
    `harness.kinship`.
    """

    observation: Observation
    bucket: str
    window: tuple[TestCase, ...]
    transcript: Transcript
    case_number: int
    found_after: float
    reproduced: int = 0
    tries: int = 0
    fault: str = ""
    symptoms: tuple[Observation, ...] = field(default=())
    doubt: str = ""
    minimized: Minimized | None = None
    same_as: str = ""

    @property
    def case(self) -> TestCase:
        """The case that showed the fault."""
        return self.window[-1]

    @property
    def kind(self) -> Kind:
        """The kind of the observation."""
        return self.observation.kind

    @property
    def id(self) -> str:
        """`F-` and eight hex digits, stable for a bucket."""
        return "F-" + self.bucket[:8]

    @property
    def confirmed(self) -> bool:
        """True when enough replays showed the same fault."""
        return self.reproduced > 0 and not self.doubt

    @property
    def rate(self) -> Rate:
        """How often it came back."""
        return Rate(min(self.reproduced, self.tries), self.tries)

    @property
    def standing(self) -> Reliability:
        """What the replays came to. Flaky is confirmed, too: it came back, and not each time; see also `doubt`."""
        if self.doubt:
            return Reliability.NOT_BELIEVED
        if self.reproduced:
            return Reliability.FLAKY if self.rate.flaky else Reliability.CONFIRMED
        return Reliability.NOT_REPRODUCED if self.tries else Reliability.NOT_REPLAYED

    @property
    def replays(self) -> str:
        """`2/3`, `not believed, 2/3`, `not reproduced`, or `not replayed`, for people."""
        words = () if self.confirmed else (self.standing,)
        return ", ".join((*words, f"{self.reproduced}/{self.tries}") if self.reproduced else words)


_WITHOUT_SIGN: Mapping[Kind, tuple[str, ...]] = {Kind.SILENCE: (UNSERVED,)}
_BLAMED = frozenset({Kind.EXIT, Kind.SPIN, Kind.SILENCE, Kind.DISCONNECT})
_BLAMING = frozenset(Kind) - {Kind.CRASH, Kind.HANG, Kind.CONSOLE}


def upgraded(finding: Finding, protocol: str) -> Finding:
    """One that was written when the message blamed was still the last part of the fingerprint; others as they are."""
    seen = finding.observation
    if seen.protocol or seen.blames:
        return finding
    parts = seen.fingerprint
    placed = seen.kind is Kind.REBOOT and seen.monitor == "device" and "symbol" in seen.detail
    if seen.kind in _BLAMING and parts and not placed:
        seen = replace(seen, fingerprint=parts[:-1] or _WITHOUT_SIGN.get(seen.kind, ()), blames=parts[-1])
    return replace(finding, observation=replace(seen, protocol=protocol))


def is_blamed(seen: Observation) -> bool:
    """True for kinds whose bucket names a message, because nothing better is known of them."""
    return seen.kind in _BLAMED or (seen.kind is Kind.REBOOT and bool(seen.blames))


def bucket_of(seen: Observation) -> str:
    """Sixteen hex digits over kind, requirement, protocol and fingerprint, and over the message blamed and its fields.

    What a bench calls its interfaces is not in it: the same firmware gives the same ids on every bench.
    """
    return digest(seen.kind, seen.requirement, seen.protocol, *seen.fingerprint, seen.blames, *seen.unusual)


def buckets_beside(bucket: str) -> Iterator[str]:
    """Those of what shows as a finding does that takes a long field, in cases that have none so long, one by one."""
    for _ in range(_BESIDE):
        bucket = digest(bucket, "without a long field")
        yield bucket


def digest(*parts: str) -> str:
    """Sixteen hex digits, as a bucket has them."""
    return hashlib.blake2b("\0".join(parts).encode(errors="surrogatepass"), digest_size=8).hexdigest()
