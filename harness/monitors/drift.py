"""Configuration drift: the probe's configuration differs from the baseline although nothing accepted a change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.case import TestCase
from harness.interfaces import Frame, WireProtocol
from harness.monitors.liveness import probe_frames
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

Baseline = tuple[dict[str, object], int | None]


class DriftMonitor:
    """Compares fields of the probe's answer with the last answer's.

    `writes` names the field that counts accepted changes: a configuration may change only together with it, and the
    count never falls. Without such a field every change is drift.
    """

    name = "drift"

    def __init__(self, protocol: WireProtocol, interface: str, fields: Sequence[str], writes: str = "") -> None:
        self._protocol, self._interface = protocol, interface
        self._fields, self._writes = tuple(fields), writes
        self._baseline: Baseline | None = None

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for the first answer that differs."""
        if case.interface != self._interface or not self._fields:
            return ()
        found: list[Observation] = []
        for frame in probe_frames(self._protocol, transcript):
            now = self._read(frame)
            if self._baseline is not None and (changed := _drift(self._baseline, now)):
                found.append(_observation(self._baseline, now, changed, case, transcript))
            self._baseline = now
        return found[:1]

    def _read(self, frame: Frame) -> Baseline:
        writes = frame.fields.get(self._writes) if self._writes else None
        values: dict[str, object] = {name: frame.fields.get(name) for name in self._fields}
        return values, writes if isinstance(writes, int) else None

    def state(self) -> Baseline | None:
        """The last configuration seen."""
        return self._baseline

    def restore(self, state: Any) -> None:
        """Back to an earlier one."""
        self._baseline = state


def _drift(before: Baseline, now: Baseline) -> list[str]:
    if before[1] is not None and now[1] is not None:
        if now[1] > before[1]:
            return []
        if now[1] < before[1]:
            return [name for name in now[0] if now[0][name] != before[0][name]] or ["write count"]
    return [name for name in now[0] if now[0][name] != before[0][name]]


def _observation(
    before: Baseline, now: Baseline, names: list[str], case: TestCase, transcript: Transcript
) -> Observation:
    words = ", ".join(f"{name}: {before[0].get(name, before[1])} → {now[0].get(name, now[1])}" for name in names)
    last = case.messages[-1] if case.messages else ""
    summary = f"the configuration changed without an accepted write ({words})"
    return Observation(Kind.DRIFT, "drift", summary, transcript.ended, tuple(names), blames=last)
