"""Whose doing it was, as well as can be told: a program's own last words, else the message and its unusual fields."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.case import Send, TestCase
from harness.complaint import Complaint, complaint_in
from harness.finding import LINK_GONE, UNSERVED
from harness.interfaces import Dissects, Part, WireProtocol
from harness.monitors.liveness import GUESSED
from harness.transcript import Transcript, Way
from harness.verdict import Kind, Observation

_SEVERAL, _NAMED = "several fields", 2
_DEAF = ((UNSERVED,), (Way.FILLED.value,), (Way.RECONNECTED.value,))


def attributed(
    observations: Sequence[Observation], case: TestCase, transcript: Transcript, protocol: WireProtocol
) -> list[Observation]:
    """Each with its protocol; one that is gone or deaf with what it said, or which fields were unusual."""
    if not observations:
        return []
    gone = any(_is_gone(seen) or _is_deaf(seen) for seen in observations)
    said = complaint_in(_words(transcript)) if gone else None
    found = [replace(seen, protocol=protocol.name) for seen in observations]
    found = [_hung(seen, said) if said is not None and _is_deaf(seen) else seen for seen in found]
    found = [_explained(seen, case, protocol, said) if _is_gone(seen) else seen for seen in found]
    return [replace(seen, blames=_meant(case, seen.blames, protocol)) for seen in found]


def _is_gone(seen: Observation) -> bool:
    """True where no more is known of a device than that it ended, restarted or fell silent behind a message."""
    if not seen.blames:
        return False
    return seen.kind in (Kind.EXIT, Kind.REBOOT) or seen.fingerprint[:1] in ((LINK_GONE,), (UNSERVED,))


def _is_deaf(seen: Observation) -> bool:
    """True for a connection on which nothing is served any more, unless many bytes follow."""
    return seen.kind is Kind.SILENCE and seen.fingerprint[:1] in _DEAF


def _hung(seen: Observation, said: Complaint) -> Observation:
    """What it said of itself while it fell silent says why: the same words are the same fault."""
    summary = f"{seen.summary.removesuffix(GUESSED)}; it said: {said}"
    return replace(seen, kind=Kind.HANG, summary=summary, fingerprint=(said.what, said.place), blames="")


def _explained(seen: Observation, case: TestCase, protocol: WireProtocol, said: Complaint | None) -> Observation:
    """Another status, message or field with the same last words is the same fault."""
    if said is not None:
        summary = f"{seen.summary}; it said: {said}"
        return replace(seen, summary=summary, fingerprint=(*seen.fingerprint[:1], said.what, said.place), blames="")
    return replace(seen, unusual=unusual_fields(case, seen.blames, protocol))


def unusual_fields(case: TestCase, message: str, protocol: WireProtocol) -> tuple[str, ...]:
    """Names of the fields that are not as they usually are in the last such message of a case; none where unknown."""
    sent = _bent(case, message)
    if sent is None or not isinstance(protocol, Dissects):
        return ()
    names = tuple(part.name for part in protocol.parts(sent) or ())
    return names if len(names) <= _NAMED else (_SEVERAL,)


def growth(cases: Iterable[TestCase], protocol: WireProtocol) -> float:
    """Bytes by which the fields of all messages are longer than they usually are; infinity where nobody can tell."""
    if not isinstance(protocol, Dissects):
        return math.inf
    told = [protocol.parts(step) for case in cases for step in case.steps if isinstance(step, Send)]
    return sum(math.inf if parts is None else sum(map(_longer, parts)) for parts in told)


def _longer(part: Part) -> int:
    return max(0, len(part.data) - len(part.usual))


def _bent(case: TestCase, message: str) -> Send | None:
    """The last such message of a case that is not as it usually is."""
    return next((s for s in reversed(case.steps) if isinstance(s, Send) and s.message == message and s.mutated), None)


def _meant(case: TestCase, message: str, protocol: WireProtocol) -> str:
    """The message whose code was sent in the place of this one's: whose doing it was is that one's."""
    sent = _bent(case, message) if message else None
    return protocol.meant(sent) if sent is not None and isinstance(protocol, Dissects) else message


def _words(transcript: Transcript) -> bytes:
    return b"".join(data for _time, data in transcript.console) + b"".join(e.stray for e in transcript.exchanges)
