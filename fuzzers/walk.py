"""Walks of several moves, mostly along the message graph, each with one or two bends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from fuzzers.chains import can_take
from fuzzers.moves import Move, Outline, again, joined, sends
from fuzzers.pools import drawn_changes
from harness.case import Send, Step
from protocols.model import Edge, Protocol

MIN_WALK, MAX_WALK = 2, 8
ALONG_GRAPH = 0.6
TALKING = 0.7


@dataclass(slots=True)
class Walk:
    """Parts of a sequence while it is being bent; each part is a move's steps."""

    names: list[str]
    parts: list[tuple[Step, ...]]
    replayed: int = -1


@dataclass(frozen=True, slots=True)
class Walker:
    """Walks of two to eight moves, mostly along the message graph, each with one or two bends."""

    protocol: Protocol
    moves: Sequence[Move]
    states: Sequence[str]
    seed: int
    max_len: int
    stimuli: Collection[str] | None = None
    _by_name: Mapping[str, Move] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {move.name: move for move in self.moves})

    def at(self, k: int) -> Outline:
        """The k-th walk."""
        random = Random(f"{self.seed}/walk/{k}")
        state = random.choice(self.states)
        return self.mutated(self._walk(state, random), state, random)

    def mutated(self, walk: Walk, state: str, random: Random) -> Outline:
        """A walk with one or two bends."""
        bends = random.choice((1, 1, 2))
        said = [random.choice(BENDS)(self, walk, random) for _ in range(bends)]
        steps = joined(walk.parts)
        own = sends(steps)
        if walk.replayed >= 0 and own:
            steps = (*steps, again(steps, own[walk.replayed % len(own)]))
        return Outline(state, steps, "; ".join([", ".join(walk.names), *said]))

    def _walk(self, state: str, random: Random) -> Walk:
        natural = [move for move in self.moves if state in move.natural]
        talking = [move for move in natural if move.message] or natural
        walk = Walk([], [])
        last = ""
        for _ in range(random.randint(MIN_WALK, MAX_WALK)):
            edges = self._onward(last) if last and random.random() < ALONG_GRAPH else []
            if edges:
                edge = random.choice(edges)
                self._append(walk, self._by_name[edge.target], random, edge.steps)
                last = edge.target
            else:
                move = random.choice(talking if random.random() < TALKING else natural)
                self._append(walk, move, random)
                last = move.name if move.message else last
        return walk

    def _onward(self, name: str) -> list[Edge]:
        """Edges from a message whose steps the bench can take."""
        edges = self.protocol.edges_from(name)
        return [edge for edge in edges if can_take(edge.steps, self.stimuli)]

    def _append(self, walk: Walk, move: Move, random: Random, before: tuple[Step, ...] = ()) -> None:
        walk.names.append(move.name)
        form = move.steps(random.randrange(len(move.forms)))
        skip = len(move.message.needs) if move.message and len(walk.parts) else 0
        walk.parts.append((*before, *(form[skip:] if random.random() < ALONG_GRAPH else form)))

    def drop(self, walk: Walk, random: Random) -> str:
        """One part is left out."""
        if len(walk.parts) < 2:
            return "nothing bent"
        place = random.randrange(len(walk.parts))
        del walk.parts[place]
        return f"without {walk.names.pop(place)}"

    def duplicate(self, walk: Walk, random: Random) -> str:
        """One part comes several times."""
        place, times = random.randrange(len(walk.parts)), random.choice((2, 2, 3, 5))
        walk.parts[place] = walk.parts[place] * times
        return f"{walk.names[place]} {times} times"

    def swap(self, walk: Walk, random: Random) -> str:
        """Two parts change places."""
        a, b = random.randrange(len(walk.parts)), random.randrange(len(walk.parts))
        walk.parts[a], walk.parts[b] = walk.parts[b], walk.parts[a]
        return f"{walk.names[a]} and {walk.names[b]} swapped"

    def replay(self, walk: Walk, random: Random) -> str:
        """The bytes of one message go out once more at the end."""
        walk.replayed = random.randrange(1 << 16)
        return "bytes of one message again"

    def mutate(self, walk: Walk, random: Random) -> str:
        """One message is bent, and the walk goes on."""
        found = [(p, i) for p, part in enumerate(walk.parts) for i, step in enumerate(part) if isinstance(step, Send)]
        if not found:
            return "nothing bent"
        place, index = random.choice(found)
        part = list(walk.parts[place])
        old = part[index]
        name = old.message if isinstance(old, Send) else ""
        message = self.protocol.message(name).base(old.data if isinstance(old, Send) else b"")
        changes = drawn_changes(message, self.seed, self.max_len, random)
        part[index] = self.protocol.in_place(message.mutated(changes))
        walk.parts[place] = tuple(part)
        return f"{name}: {', '.join(change.name for change in changes)} bent"

    def insert(self, walk: Walk, random: Random) -> str:
        """Any move, in its place or not, comes in between."""
        move, place = random.choice(list(self.moves)), random.randint(0, len(walk.parts))
        walk.parts.insert(place, move.steps(random.randrange(len(move.forms))))
        walk.names.insert(place, move.name)
        return f"{move.name} put in"


BENDS: tuple[Callable[[Walker, Walk, Random], str], ...] = (
    Walker.drop,
    Walker.duplicate,
    Walker.swap,
    Walker.replay,
    Walker.mutate,
    Walker.mutate,
    Walker.insert,
)
