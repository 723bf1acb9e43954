"""A finding explained: one sentence, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.case import Send, TestCase
from harness.finding import Finding
from harness.telling.resemblance import Resemblance, resemblance_of
from harness.telling.session import WORDS, Session, Sessions
from harness.telling.unusual import NOT_NEEDED, WELL_FORMED, Unusual, classes_of, is_exact, unusual_words
from harness.verdict import KINDS, Kind, Observation

_VERBS: Mapping[Kind, str] = {
    Kind.CRASH: "crashes",
    Kind.HANG: "hangs",
    Kind.REBOOT: "restarts by itself",
    Kind.LEAK: "tells what it must not",
    Kind.ACCESS: "gives access without pairing",
    Kind.DRIFT: "changes its configuration",
    Kind.EXIT: "ends its process",
    Kind.SPIN: "keeps a processor core busy with nothing to do",
    Kind.RESOURCE_LEAK: "keeps what it should give back",
    Kind.CONSOLE: "raises an alarm on its console",
    Kind.SILENCE: "serves no more",
    Kind.DISCONNECT: "ends the connection",
    Kind.WRONG_REPLY: "answers what cannot be right",
    Kind.NO_REPLY: "leaves unanswered what must be answered",
}
_MECHANISMS: Mapping[str, str] = {
    "CWE-401": "memory is not given back",
    "CWE-772": "a resource is not given back",
    "CWE-775": "a file or socket is not closed",
    "CWE-835": "a loop has no end",
}
_BRIEF = 100


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reader needs first; `brief` is the sentence without what can be looked up.

    `states` are those in which it was seen, each with how many cases showed it.
    """

    sentence: str
    brief: str
    unusual: str
    session: Session
    states: Mapping[str, int]
    resembles: Resemblance | None


NO_SESSIONS = Sessions()


def explain(finding: Finding, sessions: Sessions = NO_SESSIONS, seen: Mapping[str, int] | None = None) -> Explanation:
    """Explain one finding; `seen` counts the cases that showed it by state, where that was counted."""
    session = sessions.of(finding)
    classes = {*classes_of(finding), *([Unusual.NO_SESSION] if session is Session.NOT_NEEDED else [])}
    resembles = _said(finding.observation) or resemblance_of(finding.kind, classes)
    states = dict(seen) if seen else {_found(finding).state: 1}
    summary = finding.observation.summary
    whole = _sentence(finding, session, states, summary, str(resembles or ""))
    brief = _sentence(finding, session, states, _shortened(summary), resembles.name if resembles else "")
    return Explanation(whole, brief, unusual_words(finding), session, states, resembles)


def _said(seen: Observation) -> Resemblance | None:
    """What a sanitizer calls it; what a program keeps, or goes on doing, has a name by itself."""
    weakness = seen.detail.get("weakness", "")
    return Resemblance((weakness,), _MECHANISMS.get(weakness, "so the sanitizer says")) if weakness else None


def _shortened(words: str) -> str:
    return words if len(words) <= _BRIEF else f"{words[: _BRIEF - 1].rstrip()}…"


def _found(finding: Finding) -> TestCase:
    """The case in which it was first seen."""
    return finding.minimized.original[-1] if finding.minimized else finding.case


def _sentence(finding: Finding, session: Session, states: Mapping[str, int], summary: str, resembles: str) -> str:
    requirement, message = finding.observation.requirement, telling_message(finding)
    what = f"{requirement} is violated" if requirement else _device(finding.kind)
    what += f" on {message}" if message else ""
    words = ", ".join(part for part in (what, WORDS[session], _states(states), _when(finding)) if part)
    told = f"{words}: {summary.rstrip('.')}{f'; it resembles {resembles}' if resembles else ''}"
    return told if told.endswith("…") else f"{told}."


def _states(states: Mapping[str, int]) -> str:
    """`seen in state idle`, `seen in states idle and alarm`."""
    *rest, last = states
    return f"seen in states {', '.join(rest)} and {last}" if rest else f"seen in state {last}"


def _device(kind: Kind) -> str:
    return f"The device {_VERBS[kind]}" if kind in _VERBS else f"{KINDS[kind].one} was seen".capitalize()


def telling_message(finding: Finding) -> str:
    """The message that takes something unusual; else the one to blame, the last one changed, the last one sent."""
    if finding.minimized is not None and finding.minimized.conditions:
        return finding.minimized.conditions[-1].message
    if finding.observation.blames:
        return finding.observation.blames
    sends = [step for step in finding.case.steps if isinstance(step, Send)]
    mutated = [] if is_exact(finding) else [step for step in sends if step.mutated]
    return (mutated or sends)[-1].message if sends else ""


def _when(finding: Finding) -> str:
    """`when body.name is 19 bytes or more, usually 'x' (18 are served)`."""
    if finding.minimized is not None and finding.minimized.conditions:
        told = [f"{c.field} is {_bracketed(c.words)}" for c in finding.minimized.conditions]
        return f"when {', and '.join(told)}"
    words = unusual_words(finding)
    said, _, order = words.partition("; ")
    if said in (WELL_FORMED, NOT_NEEDED):
        return f"although {said} ({order})"
    return f"where {words}" if words.endswith("was changed") else f"with {words}"


def _bracketed(words: str) -> str:
    what, _, limit = words.partition("; ")
    return f"{what} ({limit})" if limit else what
