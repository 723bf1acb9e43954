"""What the target itself reports: faults, hangs, resets and process exits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.case import Reset, TestCase
from harness.monitors import blamed, message_at
from harness.transcript import LIMIT, WORN, TargetEvent, Transcript
from harness.verdict import Kind, Observation

_CONTROL_FLOW_LOST = frozenset({"execution outside the code", "undefined instruction", "breakpoint instruction"})


class DeviceMonitor:
    """Turns target events into observations."""

    name = "device"

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for the first fault, hang or unasked reset, and one for an exit."""
        if not transcript.events:
            return ()
        found: list[Observation] = []
        asked = any(isinstance(step, Reset) for step in case.steps)
        for event in filter(is_told, transcript.events):
            name = blamed(case, transcript) if event.kind == "exit" else message_at(transcript, event.time)
            observation = _observation(event, name)
            if event.kind == "exit" or not (found or (event.kind == "reset" and asked)):
                found.append(observation)
        return found

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


def is_told(event: TargetEvent) -> bool:
    """False for what is the bench's own."""
    return event.kind not in (LIMIT, WORN)


def words_of(event: TargetEvent) -> str:
    """What a finding says of an event."""
    return _observation(event, "").summary


def _observation(event: TargetEvent, message: str) -> Observation:
    detail = dict(event.detail)
    where = detail.get("symbol", "")
    at = f" in {where}" + (f" ({detail['line']})" if "line" in detail else "") if where else ""
    if event.kind == "fault":
        kind = detail.get("type", "fault")
        summary = f"{kind}{at}"
        bucket = "control flow lost" if kind in _CONTROL_FLOW_LOST else "bad access" if "address" in detail else kind
        return Observation(Kind.CRASH, "device", summary, event.time, (bucket, where), detail=detail)
    if event.kind == "hang":
        cause = f": {detail['cause']}" if "cause" in detail else ""
        return Observation(Kind.HANG, "device", f"the firmware hangs{at}{cause}", event.time, (where,), detail=detail)
    if event.kind == "exit":
        status = detail.get("status", "unknown")
        summary = f"the target's process ended ({status})"
        return Observation(Kind.EXIT, "device", summary, event.time, (status,), detail=detail, blames=message)
    cause = detail.get("cause", "unknown")
    summary = f"the device restarted by itself (cause: {cause}){at} after {message or 'no message'}"
    place = (where, detail.get("caller", "")) if where else ()
    blames = "" if where else message
    return Observation(Kind.REBOOT, "device", summary, event.time, (cause, *place), detail=detail, blames=blames)
