"""The same again and again within one case: what a program keeps each time is a slope that a replay shows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from random import Random

from fuzzers.moves import Move, Outline, Plan, moves_of
from fuzzers.planned import PlannedFuzzer
from fuzzers.pools import drawn_changes
from fuzzers.values import Changes
from harness.case import Reconnect, Send, Step, Wait
from protocols.model import Protocol

BLOCKS, PAUSE = 12, 0.25  # a case has so many pauses, in which a program is quiet, each so many seconds
OFTEN, VERY_OFTEN, CONNECTIONS, LEAST = 512, 2048, 480, 96


@dataclass(frozen=True, slots=True)
class _Soak:
    """What is done again and again in a state: `words` say it, `size` is the most bytes that it can have.

    `steps` makes them when the case is made; `needed` go before all of them, and with `connects` each begins another
    connection.
    """

    state: str
    words: str
    size: int
    most: int
    steps: Callable[[], tuple[Step, ...]]
    needed: tuple[Step, ...] = ()
    field: Callable[[], str] = str
    connects: bool = True


class SoakFuzzer(PlannedFuzzer):
    """Connections, messages, bent messages and messages that are cut short, each some hundred times, with pauses.

    On a line, which knows no connections, only messages. A case repeats as often as fits into the bytes that one may
    have; one that would not repeat often enough is none.
    """

    name = "soak"
    turns = 1000
    measures = True
    needs = "protocols in which we speak first, without callbacks, over a link without procedures of its own"

    @classmethod
    def fits(cls, protocol: Protocol) -> bool:
        """Where a link can be opened as often as one likes, and something be said on it."""
        return bool(protocol.probe.data) and not protocol.procedures and not protocol.callbacks

    @cached_property
    def _plans(self) -> list[Plan]:
        moves = [move for move in moves_of(self._protocol, self._states, self._stimuli) if move.message]
        sent = [(move, state) for move in moves for state in self._states if state in move.natural]
        fresh = [state for state in self._states if not self._protocol.state(state).preamble][: int(self._connects)]
        placed = [(move, state) for move, state in sent if state in fresh]
        more = [place for place in sent if self._times(_size(_last(place[0])), VERY_OFTEN) > OFTEN]
        return [
            self._those("connections", (self._connected(state) for state in fresh)),
            self._those("messages", (self._message(*place, OFTEN) for place in sent)),
            self._those("connections, half of them silent", (self._connected(state, silent=True) for state in fresh)),
            self._those("cut short", (self._cut(*place) for place in placed)),
            self._those("bent", (bent for place in placed for bent in self._bent(*place))),
            self._those("messages, very often", (self._message(*place, VERY_OFTEN) for place in more)),
        ]

    def _those(self, kind: str, soaks: Iterable[_Soak]) -> Plan:
        """A plan of those that can be done often enough."""
        possible = [one for one in soaks if self._times(one.size, one.most) >= LEAST]
        return self._listed(kind, possible, lambda one, _k: self._outline(one), 1)

    def _outline(self, one: _Soak) -> Outline:
        """A pause is made on a connection on which nothing was said: after an answer a device may close it."""
        times, pause = self._times(one.size, one.most), (Wait(PAUSE),)
        blocks = (*(one.steps() * (times // BLOCKS)), *((Reconnect(), *pause) if one.connects else pause)) * BLOCKS
        return Outline(one.state, (*one.needed, *blocks), f"{one.words} {times} times", field=one.field())

    def _times(self, size: int, most: int) -> int:
        """A multiple of the number of blocks."""
        return min(most, self._max_case_bytes // (size + 1)) // BLOCKS * BLOCKS

    def _connected(self, state: str, *, silent: bool = False) -> _Soak:
        probe = self._protocol.probe
        unit: tuple[Step, ...] = (*((Reconnect(),) if silent else ()), Reconnect(), probe)
        words = f"{'a connection on which nothing is said, and ' if silent else ''}{probe.message} on a connection"
        return _Soak(state, words, _size(*unit), CONNECTIONS, lambda: unit)

    def _message(self, move: Move, state: str, most: int) -> _Soak:
        *needed, last = move.steps(0)
        return _Soak(state, move.name, _size(last), most, lambda: (last,), tuple(needed), connects=False)

    def _cut(self, move: Move, state: str) -> _Soak:
        return self._broken_off(move, state, f"{move.name} cut short", lambda: _half(_last(move)))

    def _bent(self, move: Move, state: str) -> Iterator[_Soak]:
        """As often as it has fields, each time one of them as chance has it."""
        message = move.message
        leaves = message.layout.leaves if message is not None else ()
        for number in range(sum(not leaf.live for leaf in leaves)):
            changed = partial(self._changes, move, number)
            yield self._broken_off(move, state, f"{move.name} bent", partial(_mutated, move, changed), changed)

    def _changes(self, move: Move, number: int) -> Changes:
        random = Random(f"{self._seed}/soak/{move.name}/{number}")
        return drawn_changes(move.message, self._seed, self._max_len, random) if move.message is not None else ()

    def _broken_off(
        self, move: Move, state: str, words: str, bent: Callable[[], Send], changes: Callable[[], Changes] = tuple
    ) -> _Soak:
        """No answer is waited for: the next connection shows that it was read."""
        before, probe = move.steps(0)[:-1], self._protocol.probe

        def steps() -> tuple[Step, ...]:
            return (Reconnect(), *before, replace(bent(), wait=False), Reconnect(), probe)

        size = _size(*move.steps(0), probe) + self._max_len
        return _Soak(
            state,
            f"{words} on a connection",
            size,
            CONNECTIONS,
            steps,
            field=lambda: ", ".join(change.name for change in changes()),
        )


def _mutated(move: Move, changes: Callable[[], Changes]) -> Send:
    return _last(move) if move.message is None else move.message.mutated(changes())


def _size(*steps: Step) -> int:
    return sum(len(step.data) for step in steps if isinstance(step, Send))


def _last(move: Move) -> Send:
    """The message itself, behind what it needs."""
    found = move.steps(0)[-1]
    if not isinstance(found, Send):
        raise TypeError(f"{move.name} ends with no message")
    return found


def _half(send: Send) -> Send:
    """Its first half, with what of it is computed."""
    size = len(send.data) // 2
    live = tuple(one for one in send.live if one.offset + one.length <= size and one.stop <= size)
    spans = tuple(one for one in send.spans if one.offset + one.length <= size)
    return replace(send, data=send.data[:size], live=live, spans=spans, mutated=True)
