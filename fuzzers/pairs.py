"""Several fields of a message bent at once, so that every two classes of values of every two fields meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from random import Random

from fuzzers.covering import FREE, covering
from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.planned import Part
from fuzzers.pools import classes_of, has_several
from fuzzers.streams import Streams
from fuzzers.values import Changes, Values
from protocols.model import Message, Protocol


class PairsFuzzer(EnumerateFuzzer):
    """A covering array of each message: in one turn through it all pairs of classes come, in the next elsewhere.

    First the pairs of what the message itself says, with its frame as it should be: a device that drops a frame reads
    none of it. Then those of all fields.
    """

    name = "pairs"
    asked_for = True
    turns = 4
    needs = "protocols with a message of two fields or more"

    @classmethod
    def fits(cls, protocol: Protocol) -> bool:
        """True where a message has two fields that can be bent."""
        return any(has_several(message, 0, protocol.max_len) for message in protocol.messages.values())

    @cached_property
    def _parts(self) -> list[Part]:
        streams = Streams(self._protocol, self._states, self._seed, self._max_len, self._stimuli)
        frame = in_every(self._protocol.messages.values())
        found = streams.of_messages(lambda message: pairs(message, self._seed, self._max_len, frame))
        return [Part(stream.count, stream.values.weight, partial(self.case, stream)) for stream in found]


def in_every(messages: Iterable[Message]) -> frozenset[str]:
    """Fields that every message has: what frames it, names it and checks it. None where there is one message only."""
    names = [{leaf.name for leaf in message.layout.leaves} for message in messages]
    return frozenset(names[0].intersection(*names[1:]) if len(names) > 1 else ())


def pairs(message: Message, seed: int, max_len: int, frame: frozenset[str] = frozenset()) -> Values:
    """Pairs of fields that are not of the `frame`, then those of all fields; each class by a value that is drawn."""
    classes = classes_of(message, seed, max_len)
    own = {name: found for name, found in classes.items() if name not in frame}
    rows = [
        *_rows(own, f"{seed}/{message.name}"),
        *(_rows(classes, f"{seed}/{message.name}") if own != classes else ()),
    ]
    return Values("pairs", len(rows), lambda k: _changes(rows[k], Random(f"{seed}/{message.name}/{k}")))


def _rows(classes: Mapping[str, Sequence[Values]], seed: str) -> Iterator[tuple[Values, ...]]:
    """The rows of one array in a seeded order: the classes that are bent, of fields in their order."""
    fields = list(classes.values())
    rows = covering([len(one) for one in fields]) if len(fields) > 1 else []
    for row in Random(seed).sample(rows, len(rows)):
        yield tuple(one[level] for one, level in zip(fields, row, strict=True) if level != FREE)


def _changes(bent: Sequence[Values], random: Random) -> Changes:
    return tuple(change for values in bent for change in values.at(random.randrange(values.count)))
