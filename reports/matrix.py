"""What was tried of each message as a table of counts, the darker the more: by state, and by what was bent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.tried import Tried

MOST_WAYS, OTHER = 24, "other"
_DARKEST = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """Finished cases; `heat` is the number of its digits, 0 for none, 5 at most."""

    cases: int

    @property
    def heat(self) -> int:
        return min(len(str(self.cases)), _DARKEST) if self.cases else 0


@dataclass(frozen=True, slots=True)
class Row:
    """One message; the first cell is what it comes to, then one for each state and way of its interface."""

    message: str
    total: Cell
    states: tuple[Cell, ...]
    ways: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """One interface: what its columns are, and a row for each message."""

    interface: str
    states: tuple[str, ...]
    ways: tuple[str, ...]
    rows: tuple[Row, ...]


def matrices_of(tried: Sequence[Tried]) -> tuple[Matrix, ...]:
    """One for each interface, messages in alphabetical order, the commonest states and ways first."""
    found: dict[str, list[Tried]] = {}
    for entry in tried:
        found.setdefault(entry.interface, []).append(entry)
    return tuple(_matrix(interface, entries) for interface, entries in found.items())


def _matrix(interface: str, tried: Sequence[Tried]) -> Matrix:
    states = _ordered((entry.state, entry.cases) for entry in tried)
    common = _ordered((entry.way, entry.cases) for entry in tried)
    ways = common if len(common) <= MOST_WAYS else (*common[: MOST_WAYS - 1], OTHER)
    by_message: dict[str, list[Tried]] = {}
    for entry in tried:
        by_message.setdefault(entry.message, []).append(entry)
    rows = (_row(message, by_message[message], states, ways) for message in sorted(by_message))
    return Matrix(interface, states, ways, tuple(rows))


def _row(message: str, tried: Sequence[Tried], states: Sequence[str], ways: Sequence[str]) -> Row:
    in_state, bent = Counter[str](), Counter[str]()
    for entry in tried:
        in_state[entry.state] += entry.cases
        bent[entry.way if entry.way in ways else OTHER] += entry.cases
    cells = (tuple(Cell(counts[name]) for name in names) for counts, names in ((in_state, states), (bent, ways)))
    return Row(message, Cell(in_state.total()), *cells)


def _ordered(counted: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    totals = Counter[str]()
    for name, cases in counted:
        totals[name] += cases
    return tuple(name for name, _cases in sorted(totals.items(), key=lambda item: (-item[1], item[0])))
