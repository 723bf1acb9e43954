"""Loops that poll a register: each place in the code that reads one is given values until the firmware goes on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Site = tuple[int, int]
"""Where in the code, and which register."""

_PATIENCE, _PATIENCE_WRITTEN, _RECENT = 3, 6, 8
COUNTING = -1
"""In the place of a value: the register counts cycles."""


@lru_cache(maxsize=256)
def candidates(held: int, size: int, base: int | None = None) -> tuple[int, ...]:
    """What a register may read as, the likeliest first: one bit more, one less, a field copied, all, a counter.

    With a `base`, which another loop at the same place went on with, first what has a bit more than that.
    """
    bits = range(8 * size)
    more = () if base in (None, held, COUNTING) else (base | 1 << bit for bit in bits)
    tries = [*more, *(held | 1 << bit for bit in bits), *(held & ~(1 << bit) for bit in bits)]
    tries += [held | (held & mask) << shift for mask, shift in ((3, 2), (7, 3), (0xF, 4), (1, 1), (0x10001, 1))]
    tries += [(1 << 8 * size) - 1, 0, ~held & (1 << 8 * size) - 1, *(1 << bit for bit in bits), COUNTING]
    return tuple(dict.fromkeys(value for value in tries if value != held))


class Polling:
    """`learned` is what each site went on with, `known` what was learned before; `waits` are sites that wait for input.

    A loop may read one register at two places: while values are tried at the second, the first keeps the one that led
    there. A bit for which a loop waited is there for others, too, that read the same register. `dry` is called when a
    loop polls on though all was tried, or where it is known to wait.
    """

    def __init__(self) -> None:
        self.learned: dict[Site, int] = {}
        self.known: Mapping[Site, int] = {}
        self.waits: frozenset[Site] = frozenset()
        self.dry: Callable[[], None] = lambda: None
        self.dry_sites: set[Site] = set()
        self.last_dry: int | None = None
        self.reset()

    def reset(self) -> None:
        """As before anything was read."""
        self.learned = dict(self.known)
        self._recent: deque[Site] = deque(maxlen=_RECENT)
        self._trials: dict[Site, int] = {}
        self._bases: dict[Site, int | None] = {}
        self._leads: dict[Site, Site] = {}
        self._places: frozenset[int] = frozenset()
        self._of_register: dict[int, dict[Site, int]] | None = None
        self.trying = False

    def value(self, site: Site, held: int, size: int, *, written: bool, resolving: bool) -> int:
        """What the register reads as here; it holds `held`, which the firmware wrote or not."""
        trial = self._trial(site, _PATIENCE_WRITTEN if written else _PATIENCE)
        self._recent.append(site)
        held = self._as_elsewhere(site, held)
        if resolving and trial >= 0:
            self._try(site, trial, held, size)
        return self.learned.get(site, held)

    def _as_elsewhere(self, site: Site, held: int) -> int:
        """With what other loops waited for, where that is one bit more each."""
        if self._of_register is None:
            self._of_register = {}
            for other, value in self.learned.items():
                self._of_register.setdefault(other[1], {})[other] = value
        for other, value in self._of_register.get(site[1], {}).items():
            more = value & ~held
            if other != site and value != COUNTING and not more & more - 1:
                held |= more
        return held

    def _trial(self, site: Site, patience: int) -> int:
        """The number of the next value to try, negative while it is read as it stands."""
        self._follow(site)
        if site not in self._recent:
            self._trials[site] = -patience
            self._bases[site] = self.learned.get(site)
        elif site not in self._leads:
            self._trials[site] += 1
        return self._trials[site]

    def _follow(self, site: Site) -> None:
        """Where the last site's value is the first to lead to this one, which reads the same register, it keeps it."""
        if not self._recent:
            return
        before = self._recent[-1]
        if self._leads.get(before, site) != site:
            del self._leads[before]
        elif before[1] == site[1] and site not in self._recent and self._trials[before] >= 0:
            self._leads[before] = site

    def _try(self, site: Site, trial: int, held: int, size: int) -> None:
        """The next value for a loop that polls; none where it waits for input, or when nothing helped."""
        tries = () if site in self.waits else candidates(held, size, self._bases[site])
        if trial < len(tries):
            self.learned[site], self.trying = tries[trial], True
            self._of_register = None
            return
        self._of_register = None
        if site in self.known:
            self.learned[site] = self.known[site]
        else:
            self.learned.pop(site, None)
        if leaders := [leader for leader, led in self._leads.items() if led == site]:
            self._give_up(site, leaders)
            return
        self.dry_sites.add(site)
        self.last_dry = site[1]
        self.dry()

    def _give_up(self, site: Site, leaders: list[Site]) -> None:
        """Nothing helped behind the value that led here: the next one is tried there."""
        self._trials[site] = -_PATIENCE
        for leader in leaders:
            del self._leads[leader]

    def got_on(self, place: int) -> None:
        """A register is written from a place in the code: where that is a new one, the loop before was left."""
        if place not in self._places:
            self._places |= {place}
            self.forget()

    def wrote(self, bank: int) -> None:
        """A register was written: what is read of those beside it next is no loop that goes on."""
        if any(site[1] >> 8 == bank for site in self._recent):
            self._recent = deque((site for site in self._recent if site[1] >> 8 != bank), maxlen=_RECENT)

    def forget(self) -> None:
        """Something came in between: what is read next is no loop that goes on."""
        self._recent.clear()
        self.trying = False

    def state(self) -> Any:
        """What decides on the next values."""
        leading = dict(self._bases), dict(self._leads), self._places, self.trying
        return dict(self.learned), tuple(self._recent), dict(self._trials), leading

    def restore(self, state: Any) -> None:
        """Back to a `state()`."""
        learned, recent, trials, (bases, leads, self._places, self.trying) = state
        self.learned, self._trials, self._bases, self._leads = dict(learned), dict(trials), dict(bases), dict(leads)
        self._recent = deque(recent, maxlen=_RECENT)
        self._of_register = None
