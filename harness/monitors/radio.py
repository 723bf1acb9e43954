"""What a radio link noted: a device that stops advertising, restarts, changes, or takes a key never agreed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.case import Reset, TestCase
from harness.transcript import TargetEvent, Transcript
from harness.verdict import Kind, Observation

_RESTARTS = frozenset({"0x08", "0x15"})
_FAULTS: Mapping[tuple[str, str], tuple[Kind, str, str]] = {
    ("advertising", "stopped"): (Kind.SILENCE, "advertising stopped", "the device does not advertise any more"),
    ("advertising", "changed"): (Kind.DRIFT, "advertisement", "the advertisement changed"),
    ("table", ""): (Kind.DRIFT, "GATT table", "the GATT table changed"),
    ("bond", "lost"): (Kind.DRIFT, "bond lost", "the device does not know its bond any more"),
    ("bond", "zero key"): (Kind.ACCESS, "zero key", "the device encrypted with a key of zeros, never agreed on"),
}


class RadioMonitor:
    """A connection that the device ends is no fault by itself; one that times out, without a reset by us, is a restart.

    What our own radio loses is told as an error of the bench, and is not seen here.
    """

    name = "radio"

    def __init__(self, interface: str) -> None:
        self._interface = interface

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for each kind of event that is a fault."""
        if case.interface != self._interface or not transcript.link_events:
            return ()
        asked = any(isinstance(step, Reset) for step in case.steps)
        last, ended, found = case.messages[-1] if case.messages else "", "", dict[tuple[str, ...], Observation]()
        for event in transcript.link_events:
            if event.kind == "disconnected":
                ended = event.detail["words"]
                if event.time < transcript.started:  # on the way to the state: not this case's doing
                    continue
            if event.kind == "survey" and event.detail.get("failed"):
                words = f"the device could not be surveyed: {event.detail['failed']}"
                found.setdefault(("survey",), Observation(Kind.UNDECIDED, self.name, words, event.time, ("survey",)))
            if (seen := _fault(event, ended, asked=asked)) is not None:
                kind, sign, summary = seen
                words = f"{summary} (after {last})" if last else summary
                detail = {key: value for key, value in event.detail.items() if value}
                observation = Observation(kind, self.name, words, event.time, (sign,), detail=detail, blames=last)
                found.setdefault(observation.fingerprint, observation)
        return list(found.values())

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


def _fault(event: TargetEvent, ended: str, *, asked: bool) -> tuple[Kind, str, str] | None:
    """Kind, sign and summary of an event that a device must not cause."""
    detail = event.detail
    if event.kind == "disconnected":
        restarted = detail["reason"] in _RESTARTS and not asked
        return (Kind.REBOOT, f"HCI reason {detail['reason']}", f"the device was gone: {ended}") if restarted else None
    if (event.kind, detail.get("state", "")) not in _FAULTS:
        return None
    kind, sign, words = _FAULTS[event.kind, detail.get("state", "")]
    if kind is Kind.SILENCE and ended:
        words += f"; the connection ended with {ended}"
    return kind, sign, f"{words}: {changes}" if (changes := _changes(detail)) else words


def _changes(detail: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {detail[name]}" for name in ("was", "now", "gone", "new") if detail.get(name))
