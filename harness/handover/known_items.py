"""A bench's known findings as pytest's tests: one each, which fails where the fault is seen again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from harness.errors import MedfuzzError
from harness.finding import Finding
from harness.handover.replay_all import Row, Word
from harness.handover.rig import Rig
from harness.known.baseline import Baseline, FindingStatus, KnownFinding
from harness.known.corpus import reproducer_of
from harness.known.text import lines_of

_TOLERATED = ("accept", "defer")


class SeenAgain(Exception):
    """The fault is there, or another is in its place."""


class KnownFile(pytest.File):
    """A `known.toml`."""

    rig: Rig
    baseline: Baseline

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path, rig: Rig) -> Self:
        """The collector of the rig's baseline, which lies at `path`."""
        file = cls.from_parent(parent, path=path)  # pyright: ignore[reportUnknownMemberType]
        assert rig.baseline is not None
        file.rig, file.baseline = rig, rig.baseline
        return file

    def collect(self) -> Iterator[KnownItem]:
        """One test an entry, in the file's order."""
        lines = lines_of(self.path.read_text(encoding="utf-8"))
        for number, entry in enumerate(self.baseline.findings):
            line = lines[number] if len(lines) == len(self.baseline.findings) else 0
            yield KnownItem.of(self, entry, line)


class KnownItem(pytest.Item):
    """One known finding; an accepted or deferred one is expected to fail, as long as that decision holds."""

    rig: Rig
    entry: KnownFinding
    status: FindingStatus
    finding: Finding | str
    line: int
    row: Row

    @classmethod
    def of(cls, file: KnownFile, entry: KnownFinding, line: int) -> Self:
        """The test of an entry that begins on that line, from 0 on."""
        finding = reproducer_of(file.baseline, entry)
        item = cls.from_parent(file, name=_name(entry, finding))  # pyright: ignore[reportUnknownMemberType]
        item.rig, item.entry, item.finding, item.line = file.rig, entry, finding, line
        item.status = file.baseline.status_of(entry)
        if why := _unplayable(file.rig, entry, finding):
            item.add_marker(pytest.mark.skip(reason=f"{entry.id}: {why}"))
        if entry.decision in _TOLERATED and not item.status.fails:
            item.add_marker(pytest.mark.xfail(reason=item.status.words, raises=SeenAgain, strict=False))
        return item

    def setup(self) -> None:
        """Play it: where nothing can be tested, that is an error, and no failure that is expected."""
        if isinstance(self.finding, str):
            why = self.finding
        elif not (why := self._play(self.finding)):
            return
        pytest.fail(f"nothing was tested: {why}", pytrace=False)

    def _play(self, finding: Finding) -> str:
        """Why nothing was tested; else ""."""
        try:
            self.row = self.rig.replay(finding, None)
        except MedfuzzError as error:
            return str(error)
        return self.row.why if self.row.word is Word.NOT_TESTED else ""

    def runtest(self) -> None:
        """Raises SeenAgain."""
        if seen := self.row.replays.seen:
            raise SeenAgain(f"{self.entry.id} {self.status.words}\n{seen}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """In words where it is a result, else with its traceback."""
        return str(excinfo.value) if isinstance(excinfo.value, SeenAgain) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """File, line from 0 on, and title."""
        return self.path, self.line, self.name


def _unplayable(rig: Rig, entry: KnownFinding, finding: Finding | str) -> str:
    """Why there is nothing to play here, by the file's or the bench's own will; else ""."""
    if not entry.reproducer:
        return "it has no reproducer, so nothing can be tested"
    used = () if isinstance(finding, str) else finding.window
    missing = next((case.interface for case in used if case.interface not in rig.bench.interfaces), "")
    return f"the bench has no interface '{missing}'" if missing else ""


def _name(entry: KnownFinding, finding: Finding | str) -> str:
    """`F-4bab467d[order]`: its id, and the message that showed it, where one did."""
    messages = () if isinstance(finding, str) else finding.case.messages
    return f"{entry.id}[{messages[-1]}]" if messages else entry.id
