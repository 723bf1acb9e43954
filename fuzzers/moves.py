"""The moves of a sequence: a valid message, an action of a person or patient, a pause, a reconnect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from fuzzers.chains import can_take, is_natural
from harness.case import Reconnect, Send, Step, Wait
from protocols.model import Message, Protocol


@dataclass(frozen=True, slots=True)
class Move:
    """`forms` are the ways to make it, each a few steps; `natural` names the states in which it can succeed."""

    name: str
    forms: tuple[tuple[Step, ...], ...]
    natural: frozenset[str]
    message: Message | None = None

    def steps(self, nth: int) -> tuple[Step, ...]:
        """One of the forms, in turn."""
        return self.forms[nth % len(self.forms)]


@dataclass(frozen=True, slots=True)
class Outline:
    """A case without its origin; `what` says it in words, `parent` which captured conversation it was made of.

    `field` is what is bent, where that is one field of one message.
    """

    state: str
    steps: tuple[Step, ...]
    what: str
    parent: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """`count` sequences of one kind; `at(k)` gives the k-th. `weight` of them are taken in a round."""

    kind: str
    count: int
    at: Callable[[int], Outline]
    weight: int = 1


def moves_of(protocol: Protocol, states: Collection[str], stimuli: Collection[str] | None) -> list[Move]:
    """Every move; actions only with stimuli that the bench has (None: all)."""
    everywhere = frozenset(states)
    found = [_of_message(protocol, message, states) for message in protocol.messages.values()]
    for name, steps in protocol.actions.items():
        if can_take(steps, stimuli):
            found.append(Move(name, (steps,), everywhere))
    found += [Move(f"wait {seconds:g} s", ((Wait(seconds),),), everywhere) for seconds in protocol.waits]
    return [*found, Move("reconnect", ((Reconnect(),),), everywhere)]


def _of_message(protocol: Protocol, message: Message, states: Collection[str]) -> Move:
    before = protocol.lead_in(message.name)
    natural = frozenset(state for state in states if is_natural(protocol, message, state))
    captured = (seed.send() for seed in message.seeds)
    forms = tuple((*before, protocol.in_place(form)) for form in (*message.valid, *captured))
    return Move(message.name, forms, natural, message)


def joined(parts: Iterable[tuple[Step, ...]]) -> tuple[Step, ...]:
    """One after the other."""
    return tuple(step for part in parts for step in part)


def again(steps: Sequence[Step], index: int) -> Send:
    """The step that repeats the bytes of `steps[index]`; raises ValueError where that sends nothing of its own."""
    sent = steps[index]
    if not isinstance(sent, Send) or sent.replay_of >= 0:
        raise ValueError(f"step {index} sends nothing that could be repeated")
    return replace(sent, replay_of=index)


def at_once(moves: Sequence[Move], nth: int) -> tuple[Step, ...]:
    """What the messages need, then the messages themselves, each right behind the one before."""
    parts = [move.steps(nth) for move in moves]
    ahead = [step for step in (part[-1] for part in parts[:-1]) if isinstance(step, Send)]
    needed = joined([part[:-1] for part in parts])
    return (*needed, *(replace(step, wait=False) for step in ahead), parts[-1][-1])


def sends(steps: Sequence[Step]) -> list[int]:
    """Indices of the steps that send bytes of their own."""
    return [index for index, step in enumerate(steps) if isinstance(step, Send) and step.replay_of < 0]
