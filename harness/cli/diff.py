"""`medfuzz diff`: the same cases to two devices, or two versions of one, and where they answer differently."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench, require_arming
from harness.campaigns.differential import Differences, Differential, Disagreement
from harness.case import Send
from harness.cli.run import seconds_of
from harness.cli.terminal import say
from harness.errors import BenchError, UsageError
from harness.files import write_private
from harness.serialize import to_plain
from reports.text import counted

_DIFFERENT = 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="diff")(diff)


def diff(
    one: Annotated[str, typer.Argument(help="A bench file, or a shipped bench.")],
    other: Annotated[str, typer.Argument(help="The other one, with the same interfaces.")],
    cases: Annotated[int | None, typer.Option(min=1, help="Stop after so many cases.")] = None,
    duration: Annotated[str, typer.Option("--time", help="Stop after so long: 90s, 10m, 8h.")] = "",
    seed: Annotated[int, typer.Option(help="Which cases.")] = 0,
    fuzzer: Annotated[list[str] | None, typer.Option(help="Only this fuzzer; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write what was found as JSON.")] = None,
) -> None:
    """Play the same cases on two benches. Exit code: 0 they agree, 1 they do not, 3 a bench failed."""
    if cases is None and not duration:
        raise UsageError("say how long: --cases or --time")
    both = [assemble(find_bench(bench), seed=seed) for bench in (one, other)]
    for assembly in both:
        require_arming(assembly.bench, assembly.path)
    differential = Differential(both[0], both[1], seed, fuzzer or ())
    try:
        differential.start()
        seconds = seconds_of(duration) if duration else None
        found = differential.run(cases, seconds, lambda made: say(*_lines(made, one, other)))
    finally:
        differential.stop()
        if out is not None:  # also of one that was interrupted
            write_private(out, json.dumps(document(differential.found), indent=2))
        say(*_summary(differential.found))
    if not found.answered:
        raise BenchError("no message was answered by both: nothing was compared")
    raise typer.Exit(_DIFFERENT if found.confirmed else 0)


def _lines(made: Disagreement, one: str, other: str) -> Iterator[str]:
    """Which answers what, and the bytes."""
    message = made.one.message or "the case"
    bent = f" ({made.one.field} bent)" if made.one.field else ""
    yield f"{message}{bent}, in state {made.case.state}, again {made.again}/{made.tries}"
    yield f"  {one}: {made.one.words}"
    yield f"  {other}: {made.other.words}"
    yield from (f"  → {step.message}: {step.data.hex(' ')}" for step in made.case.steps if isinstance(step, Send))


def _summary(found: Differences) -> Iterator[str]:
    doubtful = len(found.disagreements) - len(found.confirmed)
    yield f"{counted(found.cases, 'case')}, {found.answered:,} of {found.asked:,} messages answered by both"
    yield f"{counted(len(found.confirmed), 'disagreement')}" + (f", {doubtful} not seen again" if doubtful else "")


def document(found: Differences) -> dict[str, object]:
    """What was found, for machines: each disagreement with its smallest case, which `medfuzz send --hex` can play."""
    return {
        "cases": found.cases,
        "answered": found.answered,
        "disagreements": [
            {
                "message": made.one.message,
                "fields": sorted(filter(None, made.fields)),
                "one": made.one.words,
                "other": made.other.words,
                "cases": made.cases,
                "again": f"{made.again}/{made.tries}",
                "state": made.case.state,
                "steps": to_plain(made.case.steps),
            }
            for made in found.disagreements.values()
        ],
    }
