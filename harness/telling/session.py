"""Whether a finding takes a session of the device: a state that has one, or messages that open one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from harness.case import Send
from harness.finding import Finding
from harness.telling.unusual import is_exact


class Session(StrEnum):
    """What is known about it; `OPEN`: there was one, and whether it takes one is not known."""

    NEEDED = "needed"
    NOT_NEEDED = "not needed"
    OPEN = "open"
    UNKNOWN = "unknown"


WORDS: Mapping[Session, str] = {
    Session.NEEDED: "in a session",
    Session.NOT_NEEDED: "without a session",
    Session.OPEN: "while a session was open",
    Session.UNKNOWN: "",
}


@dataclass(frozen=True, slots=True)
class Sessions:
    """Which states have a session, and by interface which messages open one."""

    states: frozenset[str] = frozenset()
    opening: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def of(self, finding: Finding) -> Session:
        """Told by the reproducer: one that nothing can be left out of needs what is in it."""
        opening = self.opening.get(finding.case.interface, frozenset())
        if not self.states and not opening:
            return Session.UNKNOWN
        sends = [step.message for case in finding.window for step in case.steps if isinstance(step, Send)]
        opened = any(case.state in self.states for case in finding.window) or not opening.isdisjoint(sends[:-1])
        if not opened:
            return Session.NOT_NEEDED
        return Session.NEEDED if is_exact(finding) else Session.OPEN


def sessions_in(manifest: Mapping[str, Any]) -> Sessions:
    """What a run's manifest says of sessions; none where it says nothing."""
    monitors = _table(_table(manifest.get("configuration")).get("monitors"))
    interfaces = {name: _table(entry) for name, entry in _table(manifest.get("interfaces")).items()}
    opening = {name: frozenset(_words(entry.get("authentication"))) for name, entry in interfaces.items()}
    return Sessions(frozenset(_words(monitors.get("session_states"))), opening)


def _table(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _words(value: Any) -> list[str]:
    return [str(word) for word in cast("list[Any]", value)] if isinstance(value, list | tuple) else []
