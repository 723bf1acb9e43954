"""Does it still serve? Silence, and a reboot that shows only in the probe's own counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.case import Reset, TestCase
from harness.interfaces import Frame, WireProtocol
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

Counters = tuple[float | None, int | None]


class LivenessMonitor:
    """Reads the frames of the probes. `uptime_field` and `boot_field` name fields of the probe's answer."""

    name = "liveness"

    def __init__(self, protocol: WireProtocol, interface: str, uptime_field: str = "", boot_field: str = "") -> None:
        self._protocol, self._interface = protocol, interface
        self._fields = (uptime_field, boot_field)
        self._last: Counters = (None, None)

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """Silence first; else what the answers say."""
        if case.interface != self._interface:
            return ()
        found = self._reboots(case, transcript)
        if transcript.probe_served is False:
            last = case.messages[-1] if case.messages else ""
            summary = f"no probe is served on '{self._interface}' after {last or 'the case'}"
            found.append(Observation(Kind.SILENCE, self.name, summary, transcript.ended, (last,)))
        return found

    def _reboots(self, case: TestCase, transcript: Transcript) -> list[Observation]:
        found: list[Observation] = []
        asked = any(isinstance(step, Reset) for step in case.steps)
        for frame in probe_frames(self._protocol, transcript):
            now = self._counters(frame)
            if not asked and _fell(self._last, now):
                last = case.messages[-1] if case.messages else ""
                summary = f"the device restarted: its uptime or boot counter shows it (after {last})"
                found.append(Observation(Kind.REBOOT, self.name, summary, transcript.ended, ("counter", last)))
            self._last = now
        return found

    def _counters(self, frame: Frame) -> Counters:
        uptime, boots = (frame.fields.get(name) if name else None for name in self._fields)
        return (float(uptime) if isinstance(uptime, (int, float)) else None, boots if isinstance(boots, int) else None)

    def state(self) -> Counters:
        """The last counters seen."""
        return self._last

    def restore(self, state: Any) -> None:
        """Back to earlier counters."""
        self._last = state


def _fell(before: Counters, now: Counters) -> bool:
    uptime = before[0] is not None and now[0] is not None and now[0] < before[0]
    boots = before[1] is not None and now[1] is not None and now[1] != before[1]
    return uptime or boots


def probe_frames(protocol: WireProtocol, transcript: Transcript) -> list[Frame]:
    """The proper answers to probes, in order."""
    probe = protocol.probe.message
    replies = (reply for exchange in transcript.exchanges if exchange.message == probe for reply in exchange.replies)
    return [frame for reply in replies for frame in protocol.split(reply)[0] if protocol.served(frame)]
