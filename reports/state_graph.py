"""Geometry of a graph of states: they lie on two facing arcs, so that nothing that leads across runs behind one."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.seen_states import RESTARTED, Passage, SeenState, StateGraph
from reports.text import shortened, visible

WIDTH, ROW, BOX, BOX_HEIGHT = 1000, 60, 180, 44
MOST_DRAWN, MOST_ARROWS, MOST_LABELS = 30, 50, 34
MOST_ROWS, LEAST_ROWS = 48, 12
OTHERS = "other states"
_LETTER, _LINE = 5.6, 13  # pixels of a label's text
_LETTERS, _LINES = 28, 2  # of a box
_TOLD = 3  # passages of an arrow
_WAYS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78)
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class StateBox:
    """A state, by its left upper corner: `lines` of what it is called, and below how often it was seen."""

    x: int
    y: int
    lines: tuple[str, ...]
    note: str
    title: str
    declared: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """All passages between two states: a curve with a head, and a label at a place, "" where there is no room.

    `tone`: restarted, refused, unanswered, or "" for all else.
    """

    curve: str
    width: float
    tone: str
    label: str
    x: int
    y: int
    title: str


@dataclass(frozen=True, slots=True)
class DrawnGraph:
    """One interface. `rows` are the passages of the table, the commonest first; `hidden` are pairs without an arrow."""

    interface: str
    width: int
    height: int
    boxes: tuple[StateBox, ...]
    arrows: tuple[Arrow, ...]
    rows: tuple[Passage, ...]
    passages: int
    hidden: int
    left_out: int
    states: int
    learned: int


def drawn(interface: str, graph: StateGraph, rows: int = MOST_ROWS) -> DrawnGraph:
    """The commonest states and passages; the rest of the states are one box. `rows` bounds the table."""
    kept = _kept(graph)
    pairs = _pairs(graph.passages, kept)
    order = _ordered([state.name for state in kept.values()], pairs)
    places = _places(order)
    height = ROW * math.ceil(len(order) / 2) + 24
    shown = sorted(pairs, key=lambda pair: (-_times(pairs[pair]), pair))[:MOST_ARROWS]
    arrows = _Arrows(places)
    return DrawnGraph(
        interface,
        WIDTH,
        height,
        tuple(_box(kept[name], places[name], _numbered(graph, name, kept)) for name in order),
        tuple(arrows.draw(*pair, pairs[pair], labelled=rank < MOST_LABELS) for rank, pair in enumerate(shown)),
        tuple(sorted(graph.passages, key=lambda one: (-one.times, one.first))[:rows]),
        len(graph.passages),
        len(pairs) - len(shown),
        graph.left_out,
        len(graph.states),
        sum(not state.declared for state in graph.states),
    )


def _kept(graph: StateGraph) -> dict[str, SeenState]:
    """States by name, declared ones and then the commonest; the last one stands for all that there is no room for."""
    ranked = sorted(graph.states, key=lambda state: (not state.declared, -state.times, state.name))
    kept = {state.name: state for state in (ranked if len(ranked) <= MOST_DRAWN else ranked[: MOST_DRAWN - 1])}
    if rest := ranked[len(kept) :]:
        times, stayed = sum(state.times for state in rest), sum(state.stayed for state in rest)
        first = min(rest, key=lambda state: state.first)
        kept[OTHERS] = SeenState(OTHERS, False, first.first, first.seconds, times, stayed)
    return kept


def _numbered(graph: StateGraph, name: str, kept: Mapping[str, SeenState]) -> int:
    """How many states a box stands for."""
    return 1 + len(graph.states) - len(kept) if name == OTHERS else 1


def _pairs(passages: Iterable[Passage], kept: Mapping[str, SeenState]) -> dict[tuple[str, str], list[Passage]]:
    found: dict[tuple[str, str], list[Passage]] = {}
    for passage in passages:
        source, target = (name if name in kept else OTHERS for name in (passage.source, passage.target))
        if source != target:
            found.setdefault((source, target), []).append(passage)
    return found


def _times(passages: Iterable[Passage]) -> int:
    return sum(passage.times for passage in passages)


def _ordered(names: Sequence[str], pairs: Mapping[tuple[str, str], Sequence[Passage]]) -> list[str]:
    """Neighbours are states between which most leads to and fro."""
    ties = Counter[frozenset[str]]()
    for pair, passages in pairs.items():
        ties[frozenset(pair)] += _times(passages)
    left, order = list(names), list[str]()
    while left:
        last = order[-1:]
        chosen = max(left, key=lambda name: (sum(ties[frozenset((name, other))] for other in last), -left.index(name)))
        left.remove(chosen)
        order.append(chosen)
    return order


def _places(order: Sequence[str]) -> dict[str, tuple[Point, bool]]:
    """The middle of each box's inner side, and whether that is its right one: down on the left, up on the right."""
    half = math.ceil(len(order) / 2)
    middle = ROW * half / 2 + 12
    found: dict[str, tuple[Point, bool]] = {}
    for number, name in enumerate(order):
        on_left = number < half
        row = number if on_left else len(order) - 1 - number
        y = ROW * (row + 0.5) + 12
        bulge = (WIDTH / 2 - BOX - 8) * math.sqrt(1 - ((y - middle) / (middle * 1.3)) ** 2)
        found[name] = (WIDTH / 2 - bulge if on_left else WIDTH / 2 + bulge, y), on_left
    return found


def _box(state: SeenState, place: tuple[Point, bool], number: int) -> StateBox:
    (x, y), on_left = place
    name = visible(state.name)
    stayed = f" · stayed {state.stayed:,}×" if state.stayed else ""
    title = f"first in case {state.first:,}, after {state.seconds:.1f} s"
    note = f"{number} states · {state.times:,}×" if number > 1 else f"{state.times:,}×{stayed}"
    return StateBox(
        round(x - BOX if on_left else x),
        round(y - BOX_HEIGHT / 2),
        tuple(shortened(line, _LETTERS) for line in textwrap.wrap(name, _LETTERS, max_lines=_LINES, placeholder=" …")),
        note if state.declared else f"new · {note}",
        title,
        state.declared,
    )


class _Arrows:
    """Draws one after the other, and puts a label where there is room still."""

    def __init__(self, places: Mapping[str, tuple[Point, bool]]) -> None:
        self._places, self._labels = places, list[tuple[float, float, float]]()

    def draw(self, source: str, target: str, passages: Sequence[Passage], *, labelled: bool) -> Arrow:
        """One curve for all passages from a state to another, bent towards the middle."""
        ((x0, y0), _), ((x1, y1), _) = self._places[source], self._places[target]
        begin, end = (x0, y0 - 5), (x1, y1 + 5)
        bend = _bend(begin, end)
        label = _label(passages)
        place = self._room(begin, bend, end, label) if labelled else None
        (x, y), told = (place, label) if place else (begin, "")
        return Arrow(
            f"M{_at(begin)}Q{_at(bend)} {_at(end)}{_head(bend, end)}",
            round(1 + math.log10(_times(passages)), 1),
            _tone(passages),
            told,
            round(x),
            round(y),
            f"{_short(source)} → {_short(target)}: {', '.join(_words(one) for one in _ranked(passages)[:_TOLD])}",
        )

    def _room(self, begin: Point, bend: Point, end: Point, label: str) -> Point | None:
        wide = len(label) * _LETTER / 2
        for way in _WAYS:
            x, y = _along(begin, bend, end, way)
            if all(abs(y - b) > _LINE or abs(x - a) > wide + w + 4 for a, b, w in self._labels) and self._is_free(
                x, y, wide
            ):
                self._labels.append((x, y, wide))
                return x, y
        return None

    def _is_free(self, x: float, y: float, wide: float) -> bool:
        """True where no box is in the way."""
        return all(
            abs(y - py) > BOX_HEIGHT / 2 + 6 or (x - wide > px + 4 if on_left else x + wide < px - 4)
            for (px, py), on_left in self._places.values()
        )


def _bend(begin: Point, end: Point) -> Point:
    """Where a curve bends to: towards the middle, more so the nearer its ends are."""
    middle = (begin[0] + end[0]) / 2
    same = abs(begin[0] - end[0]) < WIDTH / 4
    pull = 30 + 0.55 * abs(begin[1] - end[1]) if same else 0.0
    x = middle + math.copysign(pull, WIDTH / 2 - middle)
    return x, (begin[1] + end[1]) / 2 + (0.0 if same else 14.0 if begin[0] < end[0] else -14.0)


def _along(begin: Point, bend: Point, end: Point, way: float) -> Point:
    a, b, c = (1 - way) ** 2, 2 * way * (1 - way), way**2
    return a * begin[0] + b * bend[0] + c * end[0], a * begin[1] + b * bend[1] + c * end[1]


def _head(bend: Point, end: Point) -> str:
    """Two strokes to where the curve ends."""
    angle = math.atan2(end[1] - bend[1], end[0] - bend[0])
    left, right = ((end[0] - 9 * math.cos(angle + turn), end[1] - 9 * math.sin(angle + turn)) for turn in (0.4, -0.4))
    return f"M{_at(left)}L{_at(end)} {_at(right)}"


def _at(point: Point) -> str:
    return f"{point[0]:.0f} {point[1]:.0f}"


def _ranked(passages: Sequence[Passage]) -> list[Passage]:
    return sorted(passages, key=lambda one: (-one.times, one.first, one.by))


def _short(name: str) -> str:
    return shortened(visible(name), _LETTERS)


def _label(passages: Sequence[Passage]) -> str:
    """The commonest, how many others there are, and how often in all."""
    names = dict.fromkeys(passage.by for passage in _ranked(passages))
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return f"{shortened(visible(next(iter(names))), 22)}{more} {_times(passages):,}×"


def _words(passage: Passage) -> str:
    outcome = f" {passage.outcome}" if passage.outcome else ""
    return (
        f"{shortened(visible(passage.by), 30)}{outcome}{' behind others' if passage.behind else ''} {passage.times:,}×"
    )


def _tone(passages: Sequence[Passage]) -> str:
    outcomes = Counter[str]()
    for passage in passages:
        outcomes[passage.outcome] += passage.times
    commonest = max(outcomes, key=lambda outcome: (outcomes[outcome], outcome))
    return commonest if commonest in (RESTARTED, "refused", "unanswered") else ""
