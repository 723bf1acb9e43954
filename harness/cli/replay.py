"""`medfuzz replay`: play a finding's reproducer on a fresh target and say whether it came back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import say
from harness.handover.document import write_document
from harness.handover.lookup import find_finding
from harness.handover.replaying import Standing, replay_on, words_of
from harness.triage.replay import Replay

CODES = {
    Standing.REPRODUCED: 1,
    Standing.FIXED: 0,
    Standing.FLAKY: 4,
    Standing.OTHER: 4,
    Standing.UNTESTED: 3,
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    finding: Annotated[str, typer.Argument(help="A finding's id, its first digits, or a file of `export --json`.")],
    times: Annotated[int, typer.Option(min=1, help="How many tries.")] = 3,
    run: Annotated[Path | None, typer.Option(help="The run's folder (default: the newest that has it).")] = None,
    bench: Annotated[str, typer.Option(help="Another bench than the run's: a fixed build, a real device.")] = "",
    elf: Annotated[Path | None, typer.Option(help="Other firmware for an emulated bench.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the finding to a file, as `export --json` does.")] = None,
) -> None:
    """Replay a finding. Exit code: 1 reproduced, 0 fixed, 4 flaky or another fault, 3 the bench failed."""
    place, handover = find_finding(finding, run)
    say(f"{handover.finding.id} from {place}: {handover.finding.observation.summary}")
    if save is not None:
        write_document(save, handover, option="--save")
    replays = replay_on(handover, bench=bench, elf=elf, times=times, tell=_tell)
    untested = replays.standing is Standing.UNTESTED
    say(f"bench fault: {replays}" if untested else str(replays))
    raise typer.Exit(CODES[replays.standing])


def _tell(number: int, again: Replay) -> None:
    say(f"  try {number}: {words_of(again)}")
    for observation in () if again.bench_error else again.observations:
        say(f"    {observation.kind.value}: {observation.summary}")
        for key in ("address", "overwritten", "registers"):
            if key in observation.detail:
                say(f"      {key}: {observation.detail[key]}")
