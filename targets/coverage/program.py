"""The coverage of a program that the bench starts: what it gets in its environment, and what it wrote since."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from harness.bench_tables import Coverage
from harness.errors import TargetError
from targets.coverage.hits import AFL_BYTES, Hits, Pages, Segment
from targets.coverage.tuples import Tuples

HOOK = Path(__file__).parent / "hook"
_ID, _SIZE, _PLACE, _PATH = "__AFL_SHM_ID", "AFL_MAP_SIZE", "MEDFUZZ_COVERAGE", "PYTHONPATH"
REMEDY = {
    "afl": "build the program, and what is asked of its libraries, with afl-cc or afl-c++",
    "python": "start it with a Python 3 without -I, -E and -S",
}


class ProgramCoverage:
    """One map for as long as the target lives, whatever becomes of the program; what was seen stays for good.

    `auto` gives every program AFL++'s map, which only one that was built for it takes: that costs the others nothing.
    """

    def __init__(self, wish: Coverage) -> None:
        self.wish: Coverage = wish
        self._map: Segment | Pages | None = None
        self._hits: Hits | None = None
        self._tuples = Tuples()
        self.count = 0
        self.shared = False

    def environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """A program's environment with what makes it share its coverage. Raises TargetError where that cannot be."""
        if not self.wish:
            return dict(own)
        try:
            return self._environment(dict(own))
        except (OSError, ValueError) as error:
            if self.wish == "auto":
                return dict(own)
            words = f'[target] coverage = "{self.wish}": no memory can be shared ({error})'
            raise TargetError(f"{words}. Set coverage = false to run without") from error

    def _environment(self, own: dict[str, str]) -> dict[str, str]:
        if self.wish == "python":
            pages = self._map if isinstance(self._map, Pages) else Pages()
            self._map, self._hits = pages, pages.hits
            path = os.pathsep.join([str(HOOK), *filter(None, [own.get(_PATH)])])
            return {**own, _PLACE: pages.place, _PATH: path}
        segment = self._map if isinstance(self._map, Segment) else Segment(_size(own.get(_SIZE, "0")))
        self._map, self._hits = segment, segment.hits
        return {**own, _ID: str(segment.id), _SIZE: str(segment.size)}

    def begin(self) -> None:
        """Another program is about to start; what the last one did is kept."""
        self.fold()
        self.shared = False
        if self._hits is not None:
            self._hits.begin()

    def fold(self) -> None:
        """Count as seen what has run since the last call."""
        if self._hits is not None and (self.shared or self._hits.shared):
            self.shared = True
            self._tuples.add(self._hits.take())
            self.count = len(self._tuples)

    @property
    def missing(self) -> str:
        """What to do where a program was to share its coverage, and does not (yet); ""."""
        self.fold()
        return "" if self.shared or not self.wish else REMEDY.get(self.wish, "")

    def edges(self) -> tuple[int, ...]:
        """Each that was seen, with the class of how often it was taken, as a number."""
        self.fold()
        return self._tuples.all()

    def know(self, edges: Collection[int]) -> None:
        """Count these as seen."""
        self._tuples.know(edges)
        self.count = len(self._tuples)

    def close(self) -> None:
        """Let go of the map; what was seen stays. Idempotent."""
        self.fold()
        held, self._map, self._hits = self._map, None, None
        if held is not None:
            held.close()


def _size(asked: str) -> int:
    """The size of a map for which the bench asks `asked` bytes, for a program that is larger than most."""
    if not asked.isdecimal():
        raise ValueError(f"{_SIZE} is '{asked}'")
    return max(AFL_BYTES, int(asked))
