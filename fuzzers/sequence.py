"""Valid messages in unusual orders: pairs, repeats, replays, triples, at once, cut off, and walks with a bend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

from fuzzers.moves import Move, Outline, Plan, again, at_once, joined, moves_of, sends
from fuzzers.order import Order
from fuzzers.planned import PlannedFuzzer
from fuzzers.recorded import Recorded
from fuzzers.transactions import Transactions
from fuzzers.walk import Walker
from harness.case import Reconnect, Send, Step

REPEATS = (2, 3, 4, 6, 9, 16, 33)
REPLAYS = (1, 2, 5, 16)
AT_ONCE = (2, 3)
UNREAD = (1, 3)
WALKS = 100_000


class SequenceFuzzer(PlannedFuzzer):
    """Faults that need more than one message. All ordered pairs of moves come early in every state."""

    name = "sequence"

    @cached_property
    def _moves(self) -> list[Move]:
        return moves_of(self._protocol, self._states, self._stimuli)

    @cached_property
    def _plans(self) -> list[Plan]:
        states, moves = self._states, self._moves
        pairs = [(a, b, state) for a in moves for b in moves for state in states]
        fit = [pair for pair in pairs if _is_fit(*pair)]
        unfit = [pair for pair in pairs if not _is_fit(*pair)]
        sent = [(move, state) for move in moves if move.message for state in states if state in move.natural]
        repeats = [(move, state, times) for move, state in sent for times in REPEATS]
        replays = [(move, state, times) for move, state in sent for times in REPLAYS]
        alike = [(*[move] * times, state) for move, state in sent for times in AT_ONCE]
        both = [(a, b, state) for a, b, state in fit if a.message and b.message and a is not b]
        cut = [(move, state, times) for times in UNREAD for move, state in sent] if self._connects else []
        later = [(move, state, between) for move, state in sent for between in moves]
        whole = Transactions(self._protocol, moves, states, self._seed, self._max_len)
        walker = Walker(self._protocol, moves, states, self._seed, self._max_len, self._stimuli)
        recorded = Recorded(walker, self._protocol.recorded)
        return [
            Plan("recorded", recorded.count, recorded.at, 3),
            self._listed("pair", fit, _pair, 5),
            self._listed("repeat", repeats, _repeat, 1),
            self._listed("replay", replays, _replay, 1),
            self._listed("replay later", later, _replay_later, 2),
            self._listed("at once", alike, _at_once, 1),
            self._listed("pair at once", both, _at_once, 1),
            self._listed("cut off", cut, _cut_off, 1),
            Plan("transaction", whole.count, whole.at, 2),
            self._listed("pair out of place", unfit, _pair, 1),
            self._triples(),
            Plan("walk", WALKS, walker.at, 3),
        ]

    def _triples(self) -> Plan:
        moves, states = self._moves, self._states
        order = Order(len(moves) ** 3 * len(states), f"{self._seed}/triples")

        def at(k: int) -> Outline:
            rest, state = divmod(order.at(k), len(states))
            rest, first = divmod(rest, len(moves))
            last, second = divmod(rest, len(moves))
            return _row([moves[first], moves[second], moves[last]], states[state], k)

        return Plan("triple", order.count, at)


def _is_fit(first: Move, second: Move, state: str) -> bool:
    """True when both can succeed and at least one of them says something."""
    return state in first.natural & second.natural and bool(first.message or second.message)


def _row(moves: Sequence[Move], state: str, k: int) -> Outline:
    steps = joined([move.steps(k + place) for place, move in enumerate(moves)])
    return Outline(state, steps, ", ".join(move.name for move in moves))


def _pair(item: tuple[Move, Move, str], k: int) -> Outline:
    return _row(item[:2], item[2], k)


def _at_once(item: tuple[*tuple[Move, ...], str], k: int) -> Outline:
    *moves, state = item
    return Outline(state, at_once(moves, k), ", ".join(move.name for move in moves))


def _cut_off(item: tuple[Move, str, int], k: int) -> Outline:
    """The connection is closed while the answers are on their way; only behind the first can a device be told so."""
    move, state, times = item
    steps = at_once([move] * times, k)
    ahead = tuple(replace(step, wait=False) if isinstance(step, Send) else step for step in steps[-times:])
    said = move.name if times == 1 else f"{move.name} {times} times"
    return Outline(state, (*steps[:-times], *ahead, Reconnect()), f"{said}, and the connection closed")


def _repeat(item: tuple[Move, str, int], k: int) -> Outline:
    move, state, times = item
    return Outline(state, joined([move.steps(k)] * times), f"{move.name} {times} times")


def _replay(item: tuple[Move, str, int], k: int) -> Outline:
    move, state, times = item
    steps = move.steps(k)
    repeated = (again(steps, sends(steps)[-1]),) * times
    return Outline(state, (*steps, *repeated), f"{move.name}, its bytes {times} times more")


def _replay_later(item: tuple[Move, str, Move], k: int) -> Outline:
    move, state, between = item
    first: tuple[Step, ...] = move.steps(k)
    steps = joined([first, between.steps(k)])
    return Outline(state, (*steps, again(steps, sends(first)[-1])), f"{move.name}, {between.name}, its bytes again")
