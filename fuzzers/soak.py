"""The same again and again within one case: what a program keeps each time is a slope that a replay shows alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from fuzzers.moves import Move, Outline, Plan, moves_of
from fuzzers.planned import PlannedFuzzer, T
from fuzzers.pools import limits_of
from fuzzers.values import of_leaf
from harness.case import Reconnect, Send, Step, Wait
from protocols.model import Protocol

BLOCKS, PAUSE = 12, 0.08  # a case has so many pauses, in which a program is quiet, each so many seconds
OFTEN, VERY_OFTEN, CONNECTIONS, LEAST = 512, 2048, 384, 96
Place = tuple[Move, str]
Bent = tuple[Move, str, Send, str]


class SoakFuzzer(PlannedFuzzer):
    """Connections, messages, bent messages and messages that are cut short, each some hundred times, with pauses.

    A case repeats as often as fits into the bytes that one may have; one that would not repeat often enough is none.
    """

    name = "soak"
    every = 1000
    measures = True
    needs = "protocols in which we speak first, over a link without procedures of its own"

    @classmethod
    def fits(cls, protocol: Protocol) -> bool:
        """Where a link can be opened as often as one likes, and something be said on it."""
        return bool(protocol.probe.data) and not protocol.procedures

    @cached_property
    def _plans(self) -> list[Plan]:
        moves = [move for move in moves_of(self._protocol, self._states, self._stimuli) if move.message]
        sent = [(move, state) for move in moves for state in self._states if state in move.natural]
        fresh = [state for state in self._states if not self._protocol.state(state).preamble][:1]
        placed = [(move, state) for move, state in sent if state in fresh]
        cut = [place for place in placed if len(_last(place[0]).data) > 1]
        bent = [(*place, send, field) for place in placed for send, field in self._bent(place[0])]
        return [
            self._those("connections", fresh, self._connections),
            self._those("messages", sent, self._messages),
            self._those("connections, half of them silent", fresh, self._silent),
            self._those("cut short", cut, self._cut),
            self._those("bent", bent, self._refused),
            self._those("messages, very often", sent, self._more_messages),
        ]

    def _those(self, kind: str, items: Sequence[T], build: Callable[[T], Outline | None]) -> Plan:
        """A plan of the items of which a case can be made."""
        possible = [item for item in items if build(item) is not None]
        return self._listed(kind, possible, lambda item, _k: build(item) or Outline("", (), ""), 1)

    def _connections(self, state: str) -> Outline | None:
        probe = self._protocol.probe
        return self._on_connections(state, (Reconnect(), probe), f"{probe.message} on {{}} connections")

    def _silent(self, state: str) -> Outline | None:
        probe = self._protocol.probe
        words = f"{probe.message} on {{}} connections, each behind one on which nothing is said"
        return self._on_connections(state, (Reconnect(), Reconnect(), probe), words)

    def _cut(self, place: Place) -> Outline | None:
        move, state = place
        half = _half(_last(move))
        return self._broken_off(move, state, half, f"{move.name} cut short on {{}} connections", "")

    def _refused(self, item: Bent) -> Outline | None:
        move, state, send, field = item
        return self._broken_off(move, state, send, f"{move.name} bent on {{}} connections", field)

    def _broken_off(self, move: Move, state: str, last: Send, words: str, field: str) -> Outline | None:
        """No answer is waited for: the next connection shows that it was read."""
        unit = (Reconnect(), *move.steps(0)[:-1], replace(last, wait=False), Reconnect(), self._protocol.probe)
        return self._on_connections(state, unit, words, field)

    def _on_connections(self, state: str, unit: Sequence[Step], words: str, field: str = "") -> Outline | None:
        """A pause is made on a connection on which nothing was said: after an answer a device may close it."""
        times = self._times(unit, CONNECTIONS)
        steps = _in_blocks(unit, (Reconnect(), Wait(PAUSE)), times)
        return Outline(state, steps, words.format(times), field=field) if times else None

    def _messages(self, place: Place, most: int = OFTEN) -> Outline | None:
        move, state = place
        *needed, last = move.steps(0)
        times = self._times((last,), most)
        steps = (*needed, *_in_blocks((last,), (Wait(PAUSE),), times))
        return Outline(state, steps, f"{move.name} {times} times") if times else None

    def _more_messages(self, place: Place) -> Outline | None:
        found = self._messages(place, VERY_OFTEN)
        return found if found is not None and self._times(place[0].steps(0)[-1:], VERY_OFTEN) > OFTEN else None

    def _times(self, unit: Sequence[Step], most: int) -> int:
        """How often, a multiple of the number of blocks; 0 where that would not be often enough."""
        size = sum(len(step.data) for step in unit if isinstance(step, Send))
        times = min(most, self._max_case_bytes // (size + 1)) // BLOCKS * BLOCKS
        return times if times >= LEAST else 0

    def _bent(self, move: Move) -> Iterator[tuple[Send, str]]:
        """Each field in each manner, once."""
        message = move.message
        for leaf in message.layout.leaves if message is not None else ():
            if message is not None and not leaf.live:
                seed = f"{self._seed}/{message.name}"
                for values in of_leaf(message.layout, leaf, self._max_len, seed, limits_of(message, leaf)):
                    if values.count:
                        yield message.mutated(values.at(values.count // 2)), leaf.name


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


def _in_blocks(unit: Sequence[Step], pause: Sequence[Step], times: int) -> tuple[Step, ...]:
    return (*(tuple(unit) * (times // BLOCKS)), *pause) * BLOCKS
