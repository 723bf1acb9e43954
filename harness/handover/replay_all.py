"""Replays every finding of a run on one bench, and says of each whether it is there again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.assembly.assemble import Assembly, assemble
from harness.bench import load_bench
from harness.document import Handover
from harness.finding import Finding
from harness.handover.replaying import Device, Replays, Standing, place_of, words_of


class Word(StrEnum):
    """What becomes of one finding; PASSED only where every try was played to its end on a device that served."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    NOT_TESTED = "NOT TESTED"


@dataclass(frozen=True, slots=True)
class Row:
    """One finding, the tries, and `untested`, why there were none."""

    finding: Finding
    replays: Replays
    untested: str = ""

    @property
    def word(self) -> Word:
        """The finding's own fault and another fail alike."""
        standing = self.replays.standing
        if standing is Standing.UNTESTED:
            return Word.NOT_TESTED
        if standing is Standing.UNSEEN:
            return Word.NOT_TESTED
        return Word.PASSED if standing is Standing.FIXED else Word.FAILED

    @property
    def why(self) -> str:
        """What the word does not say: why nothing was tested, or what came in the finding's place; else ""."""
        if self.replays.standing is Standing.UNSEEN:
            return str(self.replays)
        if self.word is Word.NOT_TESTED:
            return self.untested or "; ".join(
                dict.fromkeys(words_of(one) for one in self.replays.tries if not one.votes)
            )
        if self.replays.standing is Standing.OTHER:
            seen = dict.fromkeys(o.summary for one in self.replays.tries for o in one.faults)
            return f"another fault: {'; '.join(seen)}"
        return self.replays.standing.value if self.replays.standing is Standing.FLAKY else ""


def exit_code_of(rows: Sequence[Row]) -> int:
    """1 where a fault came back, else 4 where something could not be tested, else 0."""
    words = {row.word for row in rows}
    return 1 if Word.FAILED in words else 4 if Word.NOT_TESTED in words else 0


def replay_all(
    handovers: Sequence[Handover],
    *,
    bench: str = "",
    elf: Path | None = None,
    times: int | None = None,
    tell: Callable[[Row], None],
) -> tuple[Row, ...]:
    """Play the findings of one run on a bench, each try on a fresh target; `tell` gets each row when it is known.

    Raises UsageError, BenchError where the bench itself cannot be used.
    """
    path, firmware = place_of(handovers[0], bench, elf)
    known = load_bench(path).interfaces
    wanted = {case.interface: None for handover in handovers for case in handover.finding.window}
    assembly = assemble(
        path, seed=handovers[0].seed, only=[name for name in wanted if name in known] or list(wanted), elf=firmware
    )
    rows: list[Row] = []
    with Device(assembly) as device:
        for handover in handovers:
            rows.append(_row(assembly, device, handover.finding, times))
            tell(rows[-1])
    return tuple(rows)


def _row(assembly: Assembly, device: Device, finding: Finding, times: int | None) -> Row:
    if why := unplayable(assembly, finding):
        return Row(finding, Replays(()), why)
    return Row(finding, device.replay(finding, times))


def unplayable(assembly: Assembly, finding: Finding) -> str:
    """Why a finding's cases cannot be played on a bench: it has no such interface, or no such state; else ""."""
    for case in finding.window:
        if case.interface not in assembly.protocols:
            return f"the bench has no interface '{case.interface}'"
        if case.state not in (states := assembly.protocols[case.interface].states):
            return f"'{case.interface}' has no state '{case.state}', only {', '.join(states)}"
    return ""
