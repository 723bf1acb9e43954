"""`medfuzz baseline`: the file of known findings, shown, added to and cleared by runs."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from harness.campaigns.files import make_folder, write
from harness.cli.terminal import say
from harness.errors import UsageError, did_you_mean
from harness.handover.document import handed_over, write_document
from harness.known.baseline import Baseline, Decision, KnownFinding, baseline_in
from harness.known.file import FILE_NAME, load_baseline, read_known, today
from harness.known.text import Edited, edited
from harness.known.update import FOLDER, Decided, Update, gone_by, update_by
from harness.store import Store

_ELSEWHERE = "Name another file with --file"

RunArgument = Annotated[Path, typer.Argument(help="The run's folder.")]
FileOption = Annotated[
    Path | None, typer.Option(help="The file of known findings (default: the run's, else known.toml beside its bench).")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.callback(no_args_is_help=True)(group)
    app.command(name="list")(show)
    app.command()(update)
    app.command()(prune)


def group() -> None:
    """Keep the file of known findings: what `run` does not fail for."""


def show(
    file: Annotated[Path, typer.Argument(help="The file of known findings.")] = Path(FILE_NAME),
) -> None:
    """Show known findings, and whether their decisions hold today."""
    baseline = load_baseline(file / FILE_NAME if file.is_dir() else file, today())
    say(*(_line(baseline, entry) for entry in baseline.findings))
    if not baseline.findings:
        say("no known findings")


def update(
    run: RunArgument,
    file: FileOption = None,
    decision: Annotated[str, typer.Option(help="accept, fix or defer.")] = "defer",
    owner: Annotated[str, typer.Option(help="Who has decided, or is to mend it.")] = "",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    expires: Annotated[str, typer.Option(help="The last day on which it holds, YYYY-MM-DD (default: for ever).")] = "",
) -> None:
    """Add a run's new findings, with their reproducers; what it saw fixed is marked so, and fails when it is back."""
    decided = Decided(_decision(decision), reason, owner, _day(expires))
    with Store.open(run) as store:
        path = _file(file, manifest := store.manifest())
        text, entries = _read(path)
        changes = update_by(store, entries, path.resolve().parent, decided)
    _keep_reproducers(path, changes, manifest)
    _write(
        path,
        text,
        edited(text, entries, fixed=changes.fixed, new=[entry for _, entry in changes.new], also=changes.also),
    )
    say(*(f"added: {entry.id}  {entry.words}  {entry.summary}" for _, entry in changes.new))
    say(*(f"fixed: {entry.id}  {entry.words}" for entry in changes.fixed))
    say(*(f"regressed: {entry.id} is there again; take out `fixed` when it is decided anew" for entry in changes.back))
    say(f"{path}: {len(entries) + len(changes.new)} known findings, {len(changes.new)} of them new")


def prune(run: RunArgument, file: FileOption = None) -> None:
    """Take out what a run shows gone: its reproducer did not come back, or its case ran again and passed."""
    with Store.open(run) as store:
        path = _file(file, store.manifest())
        text, entries = read_known(path)
        gone = gone_by(store, entries)
    _write(path, text, edited(text, entries, gone=[entry for entry, _ in gone]))
    say(*(f"removed: {entry.id}  {entry.words}  [{evidence}]  {entry.summary}" for entry, evidence in gone))
    say(f"{path}: {len(entries) - len(gone)} known findings, {len(gone)} removed")


def _line(baseline: Baseline, entry: KnownFinding) -> str:
    words = entry.summary or entry.fault
    return f"{entry.id}  {baseline.status_of(entry).word:<10} {entry.kind or '-':<13} {entry.words}  {words}".rstrip()


def _decision(word: str) -> str:
    if word not in get_args(Decision):
        raise UsageError(f"--decision '{word}' is unknown.{did_you_mean(word, get_args(Decision))}")
    return word


def _day(word: str) -> str:
    """The day as a baseline has it, YYYY-MM-DD; raises UsageError."""
    try:
        return datetime.date.fromisoformat(word).isoformat() if word else ""
    except ValueError as error:
        raise UsageError(f"--expires '{word}' is not a date ({error}); write one like 2026-12-31") from error


def _file(named: Path | None, manifest: Mapping[str, Any]) -> Path:
    """The file that is named, that the run was begun with, or beside its bench; raises UsageError."""
    if named is not None:
        return named
    if (baseline := baseline_in(manifest)) is not None:
        return Path(baseline.file)
    bench = Path(str(manifest.get("bench_path", "")))
    if not bench.is_absolute():
        raise UsageError(f"bench '{bench}' comes with medfuzz, and no file belongs beside it: name one with --file")
    return bench.parent / FILE_NAME


def _read(path: Path) -> tuple[str, Sequence[KnownFinding]]:
    """A file's text and entries; none of a file that is not there. Raises UsageError."""
    return read_known(path) if path.exists() else ("", ())


def _keep_reproducers(path: Path, changes: Update, manifest: Mapping[str, Any]) -> None:
    folder = path.parent / FOLDER
    if changes.new:
        make_folder(folder)
    for finding, entry in changes.new:
        write_document(folder / f"{entry.id}.json", handed_over(finding, manifest), option="--file")


def _write(path: Path, before: str, after: Edited) -> None:
    if after.text != before:
        write(path, after.text, instead=_ELSEWHERE)
    if not after.kept:
        say(f"{path}: written anew; its comments could not be kept beside its entries")
