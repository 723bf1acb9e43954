"""Finds a finding by what a person says: its id, its first digits, or a file that was handed over."""

from __future__ import annotations

from pathlib import Path

from harness.document import Handover, read_document
from harness.errors import BenchError, UsageError
from harness.handover.document import handed_over
from harness.store import STORE_NAME, Store


def find_finding(word: str, run: Path | None) -> tuple[Path, Handover]:
    """The finding and where it was: a file, a run's folder, or the newest run below runs/ that has it.

    Raises UsageError with the nearest ids, BenchError for a store that cannot be read.
    """
    if _is_file(word):
        if run is not None:
            raise UsageError(f"{word} is a file, and --run names a run's folder; give one of them")
        return Path(word), read_document(Path(word))
    return _in_runs(word, run)


def find_findings(run: Path | None) -> tuple[Path, tuple[Handover, ...]]:
    """A run's folder, by default the newest below runs/, and all its findings in the order in which they were found.

    Raises UsageError where there are none, BenchError for a store that cannot be read.
    """
    folder = run if run is not None else _newest_first()[0]
    with Store.open(folder) as store:
        manifest = store.manifest()
        found = tuple(handed_over(finding, manifest) for finding in store.findings())
    if not found:
        raise UsageError(f"{folder}: this run has no findings, so there is nothing to replay")
    return folder, found


def _is_file(word: str) -> bool:
    path = Path(word)
    return path.is_file() or path.suffix == ".json" or len(path.parts) > 1


def _in_runs(word: str, run: Path | None) -> tuple[Path, Handover]:
    folders = [run] if run is not None else _newest_first()
    unknown: UsageError | None = None
    for folder in folders:
        try:
            with Store.open(folder) as store:
                return folder, handed_over(store.finding(word), store.manifest())
        except UsageError as error:
            unknown = unknown or error
        except BenchError:
            if run is not None:
                raise
    raise unknown or UsageError(f"unknown finding '{word}' in {len(folders)} runs; `medfuzz list findings` shows them")


def _newest_first() -> list[Path]:
    """Raises UsageError where there is none."""
    stores = sorted(Path("runs").glob(f"*/{STORE_NAME}"), key=lambda path: path.stat().st_mtime, reverse=True)
    if not stores:
        raise UsageError("no runs here; name the run's folder with --run")
    return [store.parent for store in stores]
