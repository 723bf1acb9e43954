"""Replays a finding on a bench, and says in one word what the tries come to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench
from harness.assembly.meeting import meet
from harness.document import Handover
from harness.errors import UsageError
from harness.finding import Finding
from harness.interfaces import Explains, Meters, Target
from harness.reliability import Rate
from harness.triage.replay import Replay, replay_once

USUALLY = 3  # tries
_IDLE_SECONDS, _GLANCE_SECONDS = 1.0, 0.05


class Standing(StrEnum):
    """What all tries together come to."""

    REPRODUCED = "reproduced"
    FIXED = "fixed"
    FLAKY = "flaky"
    UNSEEN = "not seen"
    OTHER = "not the same"
    UNTESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Replays:
    """The tries, in order; fewer than `telling` may have missed the fault by chance."""

    tries: tuple[Replay, ...]
    telling: int = 1

    @property
    def hits(self) -> int:
        """How many showed the finding's fault."""
        return sum(one.reproduced for one in self.tries)

    @property
    def silent(self) -> int:
        """How many say nothing about the device."""
        return sum(bool(one.untested or one.bench_error) for one in self.tries)

    @property
    def standing(self) -> Standing:
        """Fixed only where every try was played to its end on a device that served and showed nothing, in enough."""
        if not self.tries or (self.silent and not self.hits):
            return Standing.UNTESTED
        if self.hits:
            return Standing.REPRODUCED if self.hits == len(self.tries) else Standing.FLAKY
        if not all(one.clean for one in self.tries):
            return Standing.OTHER
        return Standing.FIXED if len(self.tries) >= self.telling else Standing.UNSEEN

    @property
    def seen(self) -> str:
        """What the tries showed that they should not have; "" where every one of them was clean."""
        if self.standing in (Standing.FIXED, Standing.UNSEEN):
            return ""
        seen = {(o.kind, o.fingerprint): o.summary for one in reversed(self.tries) for o in reversed(one.observations)}
        return "; ".join((str(self), *reversed(seen.values())))

    @property
    def rate(self) -> Rate:
        """How many tries showed it of those that say something of the device."""
        return Rate(self.hits, len(self.tries) - self.silent)

    def __str__(self) -> str:
        """`flaky: 2 of 3 (95 % interval 21-94 %)`; or how many tries tell nothing, or more are needed."""
        if self.standing is Standing.UNTESTED:
            return f"{self.silent} of {len(self.tries)} tries say nothing about the device"
        silent = f"; {self.silent} more say nothing about the device" if self.silent else ""
        if self.standing is Standing.UNSEEN:
            silent = f", which may be chance; {self.telling} tries (--times {self.telling}) would tell"
        return f"{self.standing.value}: {self.rate}{silent}"


def words_of(again: Replay) -> str:
    """What one try showed, for people."""
    if again.bench_error:
        return f"bench fault: {again.bench_error}"
    if again.reproduced:
        return "reproduced"
    if again.untested:
        return f"not tested: {again.untested}"
    return "another fault" if again.faults else "did not come back"


def _untold(_number: int, _again: Replay) -> None:
    pass


def _see_idle(target: Target) -> None:
    """Whoever is to tell that a program has something to do which it did not have before must have seen it without."""
    if isinstance(target, Meters) and target.measured:
        until = target.now() + _IDLE_SECONDS
        while not target.was_idle and target.now() < until:
            target.advance(_GLANCE_SECONDS)


class Device:
    """An assembled bench whose device is started and met; it is stopped at the end of the `with`."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly

    def __enter__(self) -> Self:
        """Raises UsageError, BenchError where the bench cannot be used."""
        try:
            self.assembly.runner.start()
            meet(self.assembly)
            _see_idle(self.assembly.target)
        except BaseException:
            self.assembly.runner.stop()
            raise
        if isinstance(self.assembly.target, Explains):
            self.assembly.target.explain_writes(on=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.assembly.runner.stop()

    def replay(self, finding: Finding, times: int | None, tell: Callable[[int, Replay], None] = _untold) -> Replays:
        """Play the finding's window, each time on a fresh target; `tell` gets each try with its number, from 1 on.

        Without `times` as often as it takes to tell that it is fixed, and three times at least. What an emulator does
        not show once it never shows.
        """
        telling = 1 if self.assembly.runner.independent else finding.rate.telling
        tries: list[Replay] = []
        for number in range(1, (times or max(USUALLY, telling)) + 1):
            tries.append(replay_once(self.assembly.runner, finding.window, finding))
            tell(number, tries[-1])
        return Replays(tuple(tries), telling)


def replay_on(
    handover: Handover,
    *,
    bench: str = "",
    elf: Path | None = None,
    times: int | None = None,
    tell: Callable[[int, Replay], None] = _untold,
) -> Replays:
    """Play the finding's window on a bench (default: that of its run), each time on a fresh target.

    `elf` is other firmware for an emulated bench; `tell` gets each try with its number, from 1 on.
    Raises UsageError, BenchError where the bench itself cannot be used.
    """
    with Device(assembled(handover, bench, elf)) as device:
        return device.replay(handover.finding, times, tell)


def assembled(handover: Handover, bench: str, elf: Path | None) -> Assembly:
    """The bench of a finding, or another, with the interfaces that its window uses; raises UsageError."""
    used = list(dict.fromkeys(case.interface for case in handover.finding.window))
    path, firmware = place_of(handover, bench, elf)
    assembly = assemble(path, seed=handover.seed, only=used, elf=firmware)
    for case in handover.finding.window:
        assembly.protocols[case.interface].state(case.state)
    return assembly


def place_of(handover: Handover, bench: str, elf: Path | None) -> tuple[Path, Path | None]:
    """The bench file on which a finding is played, and other firmware than the file's; raises UsageError."""
    if not (bench or handover.bench):
        raise UsageError("the finding does not say on which bench it was made; name one with --bench")
    other = elf or (Path(handover.elf) if handover.elf and not bench else None)
    return find_bench(bench or handover.bench), other
