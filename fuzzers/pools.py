"""Draws random mutations of a message: one field, or two or three at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from random import Random

from fuzzers.values import Changes, Values, of_leaf
from protocols.model import Message
from protocols.render import Leaf

COMBINED = 256


def limits_of(message: Message, leaf: Leaf) -> tuple[int, int] | None:
    """The declared range of a field, given by its path or its last part."""
    return message.ranges.get(leaf.name) or message.ranges.get(leaf.name.rpartition(".")[2])


def combined(message: Message, seed: int, max_len: int) -> Values:
    """Two or three fields bent at once, drawn from their classes, which are made when the first is wanted."""

    def at(k: int) -> Changes:
        pools = _pools(message, seed, max_len)
        names, random = sorted(pools), Random(f"{seed}/{message.name}/{k}")
        chosen = random.sample(names, min(len(names), random.choice((2, 2, 3))))
        return tuple(change for name in chosen for change in _drawn(pools[name], random))

    return Values("combined", COMBINED if has_several(message, seed, max_len) else 0, at)


def has_several(message: Message, seed: int, max_len: int) -> bool:
    """True where two fields or more can be bent."""
    return len(list(islice(_bent(message, seed, max_len), 2))) > 1


def classes_of(message: Message, seed: int, max_len: int) -> Mapping[str, Sequence[Values]]:
    """Classes of values by field, of all that can be bent and is not live."""
    return _pools(message, seed, max_len)


def drawn_changes(message: Message, seed: int, max_len: int, random: Random, *, live: bool = False) -> Changes:
    """One field of the message, bent at random; live ones too when asked for."""
    pools = _pools(message, seed, max_len, live)
    return _drawn(pools[random.choice(sorted(pools))], random) if pools else ()


@lru_cache(maxsize=256)
def _pools(message: Message, seed: int, max_len: int, live: bool = False) -> dict[str, list[Values]]:
    return dict(_bent(message, seed, max_len, live))


def _bent(message: Message, seed: int, max_len: int, live: bool = False) -> Iterator[tuple[str, list[Values]]]:
    """Classes of values by field; live fields are left alone unless asked for."""
    for leaf in message.layout.leaves:
        if leaf.live and not live:
            continue
        found = of_leaf(message.layout, leaf, max_len, f"{seed}/{message.name}", limits_of(message, leaf))
        if values := [one for one in found if one.count]:
            yield leaf.name, values


def _drawn(pool: Sequence[Values], random: Random) -> Changes:
    values = random.choice(pool)
    return values.at(random.randrange(values.count))
