"""`medfuzz replay`: play a finding's reproducer on a fresh target and say whether it came back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench
from harness.assembly.meeting import meet
from harness.campaigns.files import write
from harness.cli.terminal import say
from harness.errors import BenchError, UsageError
from harness.finding import Finding
from harness.interfaces import Explains
from harness.serialize import dumps
from harness.store import STORE_NAME, Store
from harness.triage.replay import Replay, replay_once

REPRODUCED, FIXED, FLAKY, BENCH = 1, 0, 4, 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)


def replay(
    finding: Annotated[str, typer.Argument(help="A finding's id, or its first digits.")],
    times: Annotated[int, typer.Option(min=1, help="How many tries.")] = 3,
    run: Annotated[Path | None, typer.Option(help="The run's folder (default: the newest that has it).")] = None,
    bench: Annotated[str, typer.Option(help="Another bench than the run's: a fixed build, a real device.")] = "",
    elf: Annotated[Path | None, typer.Option(help="Other firmware for an emulated bench.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the finding, with its reproducer, to a JSON file.")] = None,
) -> None:
    """Replay a finding. Exit code: 1 reproduced, 0 fixed, 4 flaky or another fault, 3 the bench failed."""
    folder, found, manifest = _find(finding, run)
    path = find_bench(bench or str(manifest.get("bench_path", "")))
    other = elf or (Path(str(manifest["elf"])) if manifest.get("elf") and not bench else None)
    say(f"{found.id} from {folder}: {found.observation.summary}")
    if save is not None:
        write(save, dumps(found), instead="Name another file with --save")
    tries: list[Replay] = []
    assembly = assemble(path, seed=int(manifest.get("seed", 0)), only=[found.case.interface], elf=other)
    try:
        assembly.runner.start()
        meet(assembly)
        if isinstance(assembly.target, Explains):
            assembly.target.explain_writes(on=True)
        for number in range(1, times + 1):
            tries.append(replay_once(assembly.runner, found.window, found))
            _tell(number, tries[-1])
    finally:
        assembly.runner.stop()
    raise typer.Exit(_code(tries))


def _tell(number: int, again: Replay) -> None:
    if again.bench_error:
        say(f"  try {number}: bench fault: {again.bench_error}")
        return
    say(f"  try {number}: {_words(again)}")
    for observation in again.observations:
        say(f"    {observation.kind.value}: {observation.summary}")
        for key in ("address", "overwritten", "registers"):
            if key in observation.detail:
                say(f"      {key}: {observation.detail[key]}")


def _words(again: Replay) -> str:
    if again.reproduced:
        return "reproduced"
    if again.untested:
        return f"not tested: {again.untested}"
    return "another fault" if again.faults else "did not come back"


def _code(tries: list[Replay]) -> int:
    """Fixed only where every try was played to its end on a device that served, and showed nothing."""
    hits, clean = sum(t.reproduced for t in tries), sum(t.clean for t in tries)
    untested = sum(bool(t.untested or t.bench_error) for t in tries)
    if untested and not hits:
        say(f"bench fault: {untested} of {len(tries)} tries say nothing about the device")
        return BENCH
    if hits == len(tries) or clean == len(tries):
        word, code = ("reproduced", REPRODUCED) if hits else ("fixed", FIXED)
    else:
        word, code = ("flaky", FLAKY) if hits else ("not the same", FLAKY)
    say(f"{word}: {hits} of {len(tries)}")
    return code


def _find(word: str, run: Path | None) -> tuple[Path, Finding, Mapping[str, Any]]:
    """The finding in a run's folder, or in the newest run below runs/ that has it."""
    folders = [run] if run is not None else _newest_first()
    if not folders:
        raise UsageError("no runs here; name the run's folder with --run")
    unknown: UsageError | None = None
    for folder in folders:
        try:
            with Store.open(folder) as store:
                return folder, store.finding(word), store.manifest()
        except UsageError as error:
            unknown = unknown or error
        except BenchError:
            if run is not None:
                raise
    raise unknown or UsageError(f"unknown finding '{word}' in {len(folders)} runs; `medfuzz list findings` shows them")


def _newest_first() -> list[Path]:
    stores = sorted(Path("runs").glob(f"*/{STORE_NAME}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [store.parent for store in stores]
