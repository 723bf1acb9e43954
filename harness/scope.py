"""Which cases are worth trying at present: a state that cannot be reached is left out, and tried again later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from harness.case import TestCase
from harness.errors import BenchError

UNREACHED_IN_A_ROW = 5
_TRIED_AGAIN = 25
_NOTHING_REACHED = 20
REMEDY = "Give [target] a channel or a reset_command that brings the device back, or correct states and forbidden"

Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlaceState:
    """One state of an interface: how often it was reached, missed in a row and left out since, and why."""

    interface: str
    state: str
    reached: int
    row: int
    skipped: int
    why: str


class Scope:
    """Counts what was reached. One case in `_TRIED_AGAIN` of what is left out is tried all the same."""

    def __init__(self) -> None:
        self._row: Counter[Place] = Counter()
        self._skipped: Counter[Place] = Counter()
        self._lost: dict[str, str] = {}
        self._in_a_row = 0
        self.reached: Counter[Place] = Counter()
        self.why: dict[Place, str] = {}

    def left_out(self, case: TestCase) -> str:
        """Why a case is not to be tried at present; "" for one that is."""
        if case.interface in self._lost:
            return self._lost[case.interface]
        place = (case.interface, case.state)
        if self._row[place] < UNREACHED_IN_A_ROW:
            return ""
        self._skipped[place] += 1
        return "" if self._skipped[place] % _TRIED_AGAIN == 0 else self.why[place]

    def note_reached(self, case: TestCase) -> None:
        """The case was tried, in its state."""
        place = (case.interface, case.state)
        self._in_a_row = self._row[place] = 0
        self.reached[place] += 1

    def note_unreached(self, case: TestCase, proof: str, *, ran: bool = False) -> str:
        """The state was not reached; words to tell when it is left out from here on.

        Raises BenchError for many in a row that were not tested; those that `ran` in another state were, in a way.
        """
        place = (case.interface, case.state)
        words = unreached(case.state, case.interface) + (f": {proof}" if proof else "")
        self._row[place] += 1
        self._in_a_row += not ran
        self.why[place] = words
        if self._in_a_row >= _NOTHING_REACHED:
            raise BenchError(f"{self._in_a_row} cases in a row were not tested: {words}. {REMEDY}")
        return (
            f"{words}. Its cases are left out until it can be. {REMEDY}"
            if self._row[place] == UNREACHED_IN_A_ROW
            else ""
        )

    def lose(self, interface: str, why: str) -> None:
        """Nothing more is tried on an interface."""
        self._lost[interface] = why

    def is_lost(self, interface: str) -> bool:
        """True for one that was lost."""
        return interface in self._lost

    def require_any(self) -> None:
        """Raises BenchError where cases were tried and no state was ever reached."""
        if self.why and not self.reached:
            raise BenchError(f"nothing was tested: {'; '.join(dict.fromkeys(self.why.values()))}. {REMEDY}")

    def places(self) -> tuple[PlaceState, ...]:
        """What was counted, to be written down. An interface that was lost is none of it: another run tries it anew."""
        known = dict.fromkeys((*self.reached, *self.why))
        return tuple(
            PlaceState(*place, self.reached[place], self._row[place], self._skipped[place], self.why.get(place, ""))
            for place in known
        )

    def restore(self, places: Iterable[PlaceState]) -> None:
        """Back to what was counted."""
        for told in places:
            place = (told.interface, told.state)
            self._row[place], self._skipped[place] = told.row, told.skipped
            self.reached.update({place: told.reached} if told.reached else {})
            self.why.update({place: told.why} if told.why else {})


def unreached(state: str, interface: str) -> str:
    """In words, for a campaign's bench fault and for `check` before it."""
    return f"state '{state}' of '{interface}' cannot be reached"
