"""Where a message is sent and how the conversation goes on after it: states, what it needs, chains along the graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.case import Send, Step, Stimulate
from harness.interfaces import Mark
from protocols.model import Edge, Message, Protocol

MAX_CHAINS = 3
CHAIN_DEPTH = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """A message in a state, what must go out before it, and what goes out after it; `fit`: it can be accepted there."""

    message: Message
    state: str
    before: tuple[Step, ...]
    after: tuple[Step, ...]
    fit: bool


def variants(
    protocol: Protocol, message: Message, states: Sequence[str], stimuli: Collection[str] | None
) -> tuple[Variant, ...]:
    """In states where the message can be accepted, alone and with what follows; elsewhere once, alone.

    What would take a stimulus that the bench does not have is left out (None: it has all).
    """
    before = protocol.lead_in(message.name)
    chains = [(), *chains_after(protocol, message.name, stimuli)]
    found: list[Variant] = []
    for state in states:
        if is_natural(protocol, message, state) and state in (message.accepted_in or (state,)):
            found += [Variant(message, state, before, chain, True) for chain in chains]
        else:
            found.append(Variant(message, state, before if is_natural(protocol, message, state) else (), (), False))
    return tuple(found)


def is_natural(protocol: Protocol, message: Message, state: str) -> bool:
    """True when the state's preamble has made the authentication that leads to the message."""
    there = {step.message for step in protocol.states[state].preamble if isinstance(step, Send)}
    leading = [edge.target for edge in protocol.path_to(message.name)[:-1] if edge.target not in message.needs]
    return all(name in there for name in leading if Mark.AUTHENTICATION in protocol.message(name).marks)


def needed_stimuli(steps: Iterable[Step]) -> set[str]:
    """Names of the stimuli that the steps set."""
    return {step.stimulus for step in steps if isinstance(step, Stimulate)}


def can_take(steps: Iterable[Step], stimuli: Collection[str] | None) -> bool:
    """True when the bench has every stimulus that the steps set (None: it has all)."""
    return stimuli is None or needed_stimuli(steps) <= set(stimuli)


def chains_after(protocol: Protocol, name: str, stimuli: Collection[str] | None = None) -> list[tuple[Step, ...]]:
    """A few ways to go on along the graph, the longest first."""
    found = [_steps(protocol, path) for path in _paths(protocol, name, CHAIN_DEPTH)]
    found = [steps for steps in found if can_take(steps, stimuli)]
    found.sort(key=len, reverse=True)
    return found[:MAX_CHAINS]


def _paths(protocol: Protocol, name: str, depth: int) -> Iterator[tuple[Edge, ...]]:
    for edge in protocol.edges_from(name):
        further = list(_paths(protocol, edge.target, depth - 1)) if depth > 1 and edge.target != name else []
        yield from ((edge, *path) for path in further)
        if not further:
            yield (edge,)


def _steps(protocol: Protocol, path: Sequence[Edge]) -> tuple[Step, ...]:
    return tuple(step for edge in path for step in (*edge.steps, _behind(protocol, edge)))


def _behind(protocol: Protocol, edge: Edge) -> Send:
    return protocol.follow(edge.source, protocol.message(edge.target).send())
