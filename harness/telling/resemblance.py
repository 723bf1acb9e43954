"""Which published weakness a finding resembles, as one table: a likeness of what is seen, no proof of the cause.

The advisories are public ones of medical devices and of Bluetooth stacks; each stands with the mechanism that it names.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from harness.telling.unusual import Unusual
from harness.verdict import Kind


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A weakness (CWE ids), its mechanism in words, and public advisories of that mechanism."""

    weaknesses: tuple[str, ...]
    mechanism: str
    advisories: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`CWE-121 (…; CVE-2015-3955)`."""
        told = "; ".join(part for part in (self.mechanism, ", ".join(self.advisories)) if part)
        return f"{self.name} ({told})"

    @property
    def name(self) -> str:
        """`CWE-120 and CWE-121`."""
        return " and ".join(self.weaknesses)


_GONE = frozenset({Kind.CRASH, Kind.EXIT, Kind.REBOOT, Kind.HANG, Kind.SILENCE})
_ANY = frozenset(Unusual)
_CONTENT = frozenset({Unusual.LONG, Unusual.EMPTY, Unusual.VALUE, Unusual.LENGTH})

NULL = Resemblance(
    ("CWE-476",), "a message out of its order, or without a part, meets a null pointer", ("CVE-2019-17520",)
)
FORMAT = Resemblance(("CWE-134",), "text from outside is used as a printf format", ("CVE-2021-33886",))
LENGTH = Resemblance(("CWE-130",), "a length that does not match the data restarts the device", ("CVE-2020-16224",))
COPY = Resemblance(
    ("CWE-120", "CWE-121"),
    "more bytes are copied than there is room for",
    ("CVE-2015-3955", "CVE-2017-12718", "CVE-2018-10601"),
)
DEADLOCK = Resemblance(("CWE-667",), "two requests without waiting for an answer lock each other", ("CVE-2019-19192",))
REPLAY = Resemblance(
    ("CWE-294",), "a captured command that is sent again is carried out", ("CVE-2018-14781", "CVE-2020-27269")
)
REPEATED = Resemblance(("CWE-20",), "a repeated packet restarts the device with default settings", ("CVE-2018-19010",))
HANG = Resemblance(("CWE-400",), "a request hangs the device until a hard reset", ("CVE-2021-23236",))
BYPASS = Resemblance(("CWE-287",), "authentication is passed by", ("CVE-2017-12712",))
OVER_READ = Resemblance(("CWE-125",), "more is read than there is, and told", ("CVE-2017-12722",))
MEMORY_READ = Resemblance(("CWE-200",), "memory is read from outside", ("CVE-2018-10599",))
ANY_SOURCE = Resemblance(("CWE-345",), "commands and data are taken from any source", ("CVE-2014-5406",))
RECONFIGURED = Resemblance(("CWE-306",), "the configuration is changed without authentication", ("CVE-2021-33882",))
BAD_INPUT = Resemblance(("CWE-20",), "input that is not checked restarts the device", ("CVE-2020-16216",))
UNCHECKED = Resemblance(("CWE-20",), "a value is taken that is not checked")

TABLE: tuple[tuple[frozenset[Kind], frozenset[Unusual], Resemblance], ...] = (
    (_GONE, frozenset({Unusual.NULL_POINTER}), NULL),
    (_GONE | {Kind.CONSOLE, Kind.LEAK}, frozenset({Unusual.FORMAT}), FORMAT),
    (_GONE, frozenset({Unusual.LENGTH}), LENGTH),
    (_GONE - {Kind.HANG}, frozenset({Unusual.LONG}), COPY),
    (_GONE, frozenset({Unusual.AT_ONCE}), DEADLOCK),
    (frozenset({Kind.UNSAFE_STATE}), frozenset({Unusual.REPLAYED}), REPLAY),
    (frozenset({Kind.REBOOT}), frozenset({Unusual.WATCHDOG}), HANG),
    (frozenset({Kind.REBOOT, Kind.DRIFT}), frozenset({Unusual.REPEATED, Unusual.REPLAYED}), REPEATED),
    (frozenset({Kind.HANG}), _ANY, HANG),
    (frozenset({Kind.ACCESS}), _ANY, BYPASS),
    (frozenset({Kind.LEAK}), _CONTENT, OVER_READ),
    (frozenset({Kind.LEAK}), _ANY, MEMORY_READ),
    (frozenset({Kind.DRIFT}), frozenset({Unusual.NO_SESSION}), RECONFIGURED),
    (frozenset({Kind.UNSAFE_STATE}), frozenset({Unusual.NO_SESSION}), ANY_SOURCE),
    (_GONE, _CONTENT, BAD_INPUT),
    (frozenset({Kind.UNSAFE_STATE}), _CONTENT, UNCHECKED),
)
"""The first row that fits counts; where all classes fit, what is unusual makes no difference."""


def resemblance_of(kind: Kind, unusual: Collection[Unusual]) -> Resemblance | None:
    """What the table has for it, None where it has nothing."""
    for kinds, classes, told in TABLE:
        if kind in kinds and (classes is _ANY or not classes.isdisjoint(unusual)):
            return told
    return None
