"""Does it still serve? Silence, and a reboot that shows only in the probe's own counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.case import Reset, TestCase
from harness.finding import RESTART, UNSERVED
from harness.interfaces import Frame, WireProtocol
from harness.monitors import blamed
from harness.transcript import Service, Transcript, Way
from harness.verdict import UNSERVING, Kind, Observation

GUESSED = ": it waits for what a length said"  # where the device does not say why itself
Counters = tuple[float | None, int | None]


class LivenessMonitor:
    """Reads the frames of the probes. `uptime_field` and `boot_field` name fields of the probe's answer."""

    name = UNSERVING

    def __init__(
        self,
        protocol: WireProtocol,
        interface: str,
        uptime_field: str = "",
        boot_field: str = "",
        *,
        may_close: bool = False,
    ) -> None:
        self._protocol, self._interface, self._may_close = protocol, interface, may_close
        self._fields = (uptime_field, boot_field)
        self._last: Counters = (None, None)

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """What the answers say first; else how the device came to serve again."""
        if case.interface != self._interface:
            return ()
        found = self._reboots(case, transcript)
        if (fault := self._unserved(case, transcript)) is not None:
            found.append(_of_an_echo(fault, self._interface) if transcript.only_copies else fault)
        return found

    def _unserved(self, case: TestCase, transcript: Transcript) -> Observation | None:
        service = transcript.service
        if transcript.probe_served is not False and (service is None or service.way is Way.AT_ONCE):
            return None
        last = blamed(case, transcript)
        if transcript.probe_served is False:
            summary = f"no probe is served on '{self._interface}' after {last or 'the case'}"
            return Observation(Kind.SILENCE, self.name, summary, transcript.ended, (UNSERVED,), blames=last)
        if service is None or (service.closed and self._may_close and service.way is Way.RECONNECTED):
            return None
        asked = any(isinstance(step, Reset) for step in case.steps)
        return _service(service, self.name, last, transcript.ended) if _is_fault(service, asked=asked) else None

    def _reboots(self, case: TestCase, transcript: Transcript) -> list[Observation]:
        found: list[Observation] = []
        for frame in probe_frames(self._protocol, transcript):
            now = self._counters(frame)
            if _fell(self._last, now) and not any(isinstance(step, Reset) for step in case.steps):
                last = blamed(case, transcript)
                summary = f"the device restarted: its uptime or boot counter shows it (after {last or 'the case'})"
                found.append(Observation(Kind.REBOOT, self.name, summary, transcript.ended, (RESTART,), blames=last))
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


def _is_fault(service: Service, *, asked: bool) -> bool:
    return service.way is not Way.AT_ONCE and not (asked and service.way is Way.RETURNED)


def _of_an_echo(fault: Observation, interface: str) -> Observation:
    """A silence where nothing but copies of what was sent ever came: nobody knows whether a device was there at all."""
    if fault.kind is not Kind.SILENCE:
        return fault
    words = (
        f"{fault.summary}, and all that ever came on '{interface}' is what was sent: is it an echo? Say echo=on or "
        "echo=off in the transport"
    )
    return replace(fault, kind=Kind.UNDECIDED, summary=words, fingerprint=("echo",), blames="")


def _service(service: Service, monitor: str, last: str, time: float) -> Observation:
    """In words, with a bucket by the way back. What waits for bytes is the framer's, whatever message it was."""
    behind, seconds = f"after {last or 'the case'}", f"{service.seconds:.1f} s"
    detail = {"way": service.way.value, "seconds": f"{service.seconds:.2f}", "filler": str(service.filler)}
    kind, sign = Kind.SILENCE, service.way.value
    if service.way is Way.LATE:
        words = f"{behind} the device serves no sooner than {seconds} later"
    elif service.way is Way.FILLED:
        last = ""
        words = f"{behind} the device serves again only behind {service.filler} more bytes{GUESSED}"
    elif service.way is Way.RETURNED:
        kind, sign, words = Kind.REBOOT, RESTART, f"the device was gone for {seconds} {behind}, and came back"
    elif service.closed:
        kind, words = Kind.DISCONNECT, f"the device closes the connection {behind}; it serves on another one"
    else:
        words = f"the connection is open but dead {behind}; the device serves on another one"
    return Observation(kind, monitor, words, time, (sign,), detail=detail, blames=last)


def _fell(before: Counters, now: Counters) -> bool:
    uptime = before[0] is not None and now[0] is not None and now[0] < before[0]
    boots = before[1] is not None and now[1] is not None and now[1] != before[1]
    return uptime or boots


def probe_frames(protocol: WireProtocol, transcript: Transcript) -> list[Frame]:
    """The proper answers to probes, in order."""
    probe = protocol.probe.message
    replies = (reply for exchange in transcript.exchanges if exchange.message == probe for reply in exchange.replies)
    return [frame for reply in replies for frame in protocol.split(reply)[0] if protocol.served(frame)]
