"""`medfuzz replay`: play a finding's reproducer on a fresh target and say whether it came back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.terminal import say
from harness.errors import UsageError
from harness.handover.document import write_document
from harness.handover.lookup import find_finding, find_findings
from harness.handover.replay_all import Row, Word, exit_code_of, replay_all
from harness.handover.replaying import Standing, replay_on, words_of
from harness.triage.replay import Replay
from reports.text import counted

CODES = {
    Standing.REPRODUCED: 1,
    Standing.FIXED: 0,
    Standing.FLAKY: 4,
    Standing.UNSEEN: 4,
    Standing.OTHER: 4,
    Standing.UNTESTED: 3,
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    finding: Annotated[
        str, typer.Argument(help="A finding's id, its first digits, or a file of `export --json`.")
    ] = "",
    times: Annotated[
        int | None, typer.Option(min=1, help="How many tries (default: 3, more for what comes back seldom).")
    ] = None,
    run: Annotated[Path | None, typer.Option(help="The run's folder (default: the newest that has it).")] = None,
    bench: Annotated[str, typer.Option(help="Another bench than the run's: a fixed build, a real device.")] = "",
    elf: Annotated[Path | None, typer.Option(help="Other firmware for an emulated bench.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the finding to a file, as `export --json` does.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every finding of the run (default: the newest), as a table.")
    ] = False,
) -> None:
    """Replay a finding. Exit code: 1 reproduced, 0 fixed, 4 flaky, another fault or too few tries, 3 the bench failed.

    With --all: 1 any fault came back, 4 something was not tested, 0 all were tested and served, 3 the bench failed.
    """
    if everything:
        raise typer.Exit(_replay_all(finding, run, bench, elf, times, save))
    if not finding:
        raise UsageError("which finding? Give its id or a file, or --all with --run for every finding of a run")
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


def _replay_all(
    finding: str, run: Path | None, bench: str, elf: Path | None, times: int | None, save: Path | None
) -> int:
    if finding:
        raise UsageError(f"--all plays every finding of a run; leave out '{finding}', or --all")
    if save is not None:
        raise UsageError("--save writes one finding; leave it out, or --all")
    place, handovers = find_findings(run)
    say(f"{counted(len(handovers), 'finding')} of {place}")
    rows = replay_all(handovers, bench=bench, elf=elf, times=times, tell=lambda row: say(_line(row)))
    say(_total(rows))
    return exit_code_of(rows)


def _line(row: Row) -> str:
    finding = row.finding
    messages = finding.case.messages
    rate = row.replays.rate
    tries = f"{rate.hits} of {rate.tries} ({rate.percent})" if rate.tries else "-"
    words = f"[{row.why}]  {finding.observation.summary}" if row.why else finding.observation.summary
    blamed = messages[-1] if messages else "-"
    return f"{row.word:<10}  {finding.id}  {finding.kind.value:<12}  {blamed:<18}  {tries:<17}  {words}"


def _total(rows: Sequence[Row]) -> str:
    counts = Counter(row.word for row in rows)
    parts = [f"{counts[word]} {word}" for word in (Word.FAILED, Word.NOT_TESTED, Word.PASSED) if counts[word]]
    return f"{', '.join(parts)} (in brackets: how often it comes back, at 95 % confidence)"
