"""Mutations of a sequence of steps: of a field, a message's bytes, the order, the pace; each says what it did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from random import Random

from fuzzers.chains import can_take
from fuzzers.moves import Move
from fuzzers.pools import drawn_changes, limits_of
from fuzzers.scales import is_free, is_number, order_of
from harness.case import Send, Step, Wait
from harness.learned import Words
from protocols.model import Message, Protocol
from protocols.render import Change, Leaf

MOST_STEPS = 48
_SMALL = 35  # AFL's largest step of arithmetic
_TIMES = (2, 2, 3, 5, 9)
_LONGEST_WAIT = 3600.0
_LIVE = 0.15  # of the mutations may be of what is worked out at send time
Steps = list[Step]
Said = str  # what was done, "" for nothing


@dataclass(frozen=True, eq=False)
class Bender:
    """Bends sequences of one protocol. `moves` are what may be put in; `max_len` bounds a field, in bytes.

    `stimuli` are the bench's (None: all).
    """

    protocol: Protocol
    moves: Sequence[Move]
    seed: int
    max_len: int
    words: Words
    stimuli: Collection[str] | None = None

    def bent(self, steps: Sequence[Step], other: Sequence[Step], random: Random) -> tuple[tuple[Step, ...], Said]:
        """One to four mutations, one upon the other; `other` is a sequence to take parts of."""
        found, said = list(steps), list[str]()
        for _ in range(1 + _stacked(random)):
            words = random.choice(BENDS)(self, found, random) if random.random() < 0.9 else splice(found, other, random)
            said += [words] if words else []
        return tuple(found[:MOST_STEPS]), "; ".join(said)

    # -- fields -----------------------------------------------------------------------------------------------------

    def library(self, steps: Steps, random: Random) -> Said:
        """A field gets a value that any protocol is tried with; what else is unusual stays."""
        live = random.random() < _LIVE
        drawn = partial(drawn_changes, seed=self.seed, max_len=self.max_len, random=random, live=live)
        return self._given(steps, random, lambda message, _given: drawn(message))

    def number(self, steps: Steps, random: Random) -> Said:
        """An integer gets another value near, at random, or within its declared range."""

        def changed(message: Message, given: Mapping[str, bytes]) -> Sequence[Change]:
            leaves = [leaf for leaf in _leaves(message, random) if is_number(leaf)]
            return (_of_number(message, random.choice(leaves), given, random),) if leaves else ()

        return self._given(steps, random, changed)

    def word(self, steps: Steps, random: Random) -> Said:
        """A field gets what the device's program compares with, or one more or less."""

        def changed(message: Message, given: Mapping[str, bytes]) -> Sequence[Change]:
            leaves = [leaf for leaf in _leaves(message, random) if self._has_words(leaf)]
            return (self._said_in(random.choice(leaves), given, random),) if leaves else ()

        return self._given(steps, random, changed)

    def _has_words(self, leaf: Leaf) -> bool:
        return bool(self.words.numbers if is_number(leaf) else self.words.texts and is_free(leaf))

    def _said_in(self, leaf: Leaf, given: Mapping[str, bytes], random: Random) -> Change:
        if is_number(leaf):
            return _set(leaf, random.choice(self.words.numbers) + random.choice((0, 0, 1, -1)))
        text, data = random.choice(self.words.texts), given.get(leaf.name, leaf.default)
        place = random.randint(0, len(data))
        return Change(leaf.name, random.choice((text, data[:place] + text + data[place:]))[: self.max_len])

    def length(self, steps: Steps, random: Random) -> Said:
        """A field of no fixed size becomes longer or shorter."""

        def changed(message: Message, given: Mapping[str, bytes]) -> Sequence[Change]:
            leaves = [leaf for leaf in _leaves(message, random) if is_free(leaf)]
            if not leaves:
                return ()
            leaf = random.choice(leaves)
            return (Change(leaf.name, self._resized(given.get(leaf.name, leaf.default), random)),)

        return self._given(steps, random, changed)

    def _resized(self, data: bytes, random: Random) -> bytes:
        length = min(int(2 ** random.uniform(0, self.max_len.bit_length())), self.max_len)
        if random.random() < 0.5:
            length = max(0, min(len(data) + random.randint(-_SMALL, _SMALL), self.max_len))
        filler = data or bytes([random.randrange(256)])
        return (data + filler * (max(0, length - len(data)) // len(filler) + 1))[:length]

    def havoc(self, steps: Steps, random: Random) -> Said:
        """Some bytes of a field become any."""

        def changed(message: Message, given: Mapping[str, bytes]) -> Sequence[Change]:
            leaves = [leaf for leaf in _leaves(message, random) if given.get(leaf.name, leaf.default)]
            if not leaves:
                return ()
            leaf = random.choice(leaves)
            return (Change(leaf.name, _havoc(given.get(leaf.name, leaf.default), random)),)

        return self._given(steps, random, changed)

    def usual(self, steps: Steps, random: Random) -> Said:
        """An unusual field becomes usual again."""
        index, send = _a_send(steps, random)
        parts = self.protocol.parts(send) if send else None
        if send is None or not parts:
            return ""
        gone = random.choice(parts)
        steps[index] = self.protocol.composed(send, [part for part in parts if part is not gone])
        return f"{send.message}: {gone.name} as usual"

    def _given(
        self, steps: Steps, random: Random, drawn: Callable[[Message, Mapping[str, bytes]], Sequence[Change]]
    ) -> Said:
        index, send = _a_send(steps, random)
        parts = self.protocol.parts(send) if send else None
        if send is None or parts is None:
            return ""
        message = self.protocol.form(send)
        changes = drawn(message, {part.name: part.data for part in parts})
        if not changes:
            return ""
        new = {change.name for change in changes}
        kept = [Change(part.name, part.data) for part in parts if part.name not in new]
        made = message.mutated([*kept, *changes])
        steps[index] = replace(made, callback=send.callback, wait=send.wait)
        return f"{send.message}: {', '.join(sorted(new))} bent"

    def raw(self, steps: Steps, random: Random) -> Said:
        """Bytes of a message without regard to its fields: lengths and checksums stay as they were."""
        index, send = _a_send(steps, random)
        if send is None or not send.data:
            return ""
        cut = random.randrange(len(send.data))
        if random.random() < 0.3:
            data, said = send.data[:cut], f"{send.message}: cut behind {cut} bytes"
        else:
            data, said = _havoc(send.data, random), f"{send.message}: bytes bent"
        live = tuple(one for one in send.live if max(one.offset + one.length, one.stop) <= len(data))
        steps[index] = replace(send, data=data, live=live, spans=(), mutated=True)
        return said

    # -- order and pace -----------------------------------------------------------------------------------------------

    def insert(self, steps: Steps, random: Random) -> Said:
        """Any move comes in between."""
        move = random.choice(self.moves)
        put(steps, random.randint(0, len(steps)), move.steps(random.randrange(len(move.forms))))
        return f"{move.name} put in"

    def onward(self, steps: Steps, random: Random) -> Said:
        """What may follow a message comes behind it."""
        index, send = _a_send(steps, random)
        following = self.protocol.edges_from(send.message) if send else ()
        edges = [edge for edge in following if edge.target in self._named and can_take(edge.steps, self.stimuli)]
        if not edges:
            return ""
        edge = random.choice(edges)
        move = self._named[edge.target]
        put(steps, index + 1, (*edge.steps, *move.steps(random.randrange(len(move.forms)))))
        return f"{move.name} put behind"

    @cached_property
    def _named(self) -> Mapping[str, Move]:
        return {move.name: move for move in self.moves if move.message}

    def remove(self, steps: Steps, random: Random) -> Said:
        """One step is left out."""
        if len(steps) < 2:
            return ""
        index = random.randrange(len(steps))
        said = _name(steps[index])
        take(steps, index)
        return f"without {said}"

    def repeat(self, steps: Steps, random: Random) -> Said:
        """One to three steps come several times."""
        if not steps:
            return ""
        first, times = random.randrange(len(steps)), random.choice(_TIMES)
        part = tuple(steps[first : first + random.choice((1, 1, 2, 3))])
        put(steps, first + len(part), _own(part) * (times - 1))
        return f"{', '.join(map(_name, part))} {times} times"

    def swap(self, steps: Steps, random: Random) -> Said:
        """Two steps change places."""
        if len(steps) < 2:
            return ""
        first, second = sorted(random.sample(range(len(steps)), 2))
        a, b = steps[first], steps[second]
        if _refers(steps):
            return ""
        steps[first], steps[second] = b, a
        return f"{_name(a)} and {_name(b)} swapped"

    def again(self, steps: Steps, random: Random) -> Said:
        """The bytes that a message went out with, live fields too, go out once more."""
        index, send = _a_send(steps, random)
        if send is None:
            return ""
        put(steps, random.randint(index + 1, len(steps)), (replace(send, replay_of=index),))
        return f"bytes of {send.message} again"

    def pause(self, steps: Steps, random: Random) -> Said:
        """A pause, or another length of one that there is."""
        waits = [index for index, step in enumerate(steps) if isinstance(step, Wait)]
        if waits and random.random() < 0.7:
            index = random.choice(waits)
            step = steps[index]
            seconds = step.seconds if isinstance(step, Wait) else 0.0
            seconds = min(seconds * random.choice((0.5, 0.9, 1.1, 2.0, 4.0)), _LONGEST_WAIT)
            steps[index] = Wait(round(seconds, 3))
            return f"waits {seconds:.3g} s"
        if not self.protocol.waits:
            return ""
        seconds = random.choice(self.protocol.waits)
        put(steps, random.randint(0, len(steps)), (Wait(seconds),))
        return f"waits {seconds:.3g} s"

    def hurry(self, steps: Steps, random: Random) -> Said:
        """The next step comes right behind a message, without waiting for its answer."""
        index, send = _a_send(steps[:-1], random)
        if send is None or not send.wait:
            return ""
        steps[index] = replace(send, wait=False)
        return f"nothing waited for behind {send.message}"


def splice(steps: Steps, other: Sequence[Step], random: Random) -> Said:
    """The beginning of one sequence, the end of another."""
    if not other:
        return ""
    del steps[random.randint(0, len(steps)) :]
    tail = _own(tuple(other[random.randrange(len(other)) :]))
    steps.extend(tail)
    return f"then {', '.join(map(_name, tail))}"


def put(steps: Steps, place: int, more: Sequence[Step]) -> None:
    """Insert steps; those behind that repeat earlier bytes still repeat the same ones."""
    count = len(more)
    steps[place:] = [*more, *(_moved(step, place, count) for step in steps[place:])]


def take(steps: Steps, place: int) -> None:
    """Remove a step; what repeated its bytes goes out as a message of its own."""
    rest = steps[place + 1 :]
    steps[place:] = [_alone(step, place) for step in rest]


def _moved(step: Step, place: int, count: int) -> Step:
    if isinstance(step, Send) and step.replay_of >= place:
        return replace(step, replay_of=step.replay_of + count)
    return step


def _alone(step: Step, place: int) -> Step:
    if not isinstance(step, Send) or step.replay_of < place:
        return step
    return replace(step, replay_of=-1 if step.replay_of == place else step.replay_of - 1)


def _own(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The same steps anywhere: none of them says that another step's bytes go out again."""
    return tuple(
        replace(step, replay_of=-1) if isinstance(step, Send) and step.replay_of >= 0 else step for step in steps
    )


def _refers(steps: Collection[Step]) -> bool:
    return any(isinstance(step, Send) and step.replay_of >= 0 for step in steps)


def _a_send(steps: Sequence[Step], random: Random) -> tuple[int, Send | None]:
    """A message that has bytes of its own, and where it goes out; None where none does."""
    found = [(n, step) for n, step in enumerate(steps) if isinstance(step, Send) and step.replay_of < 0]
    return random.choice(found) if found else (-1, None)


def _name(step: Step) -> str:
    return step.message if isinstance(step, Send) else type(step).__name__.lower()


def _leaves(message: Message, random: Random) -> list[Leaf]:
    """What may be bent: at times live fields, too."""
    live = random.random() < _LIVE
    return [leaf for leaf in message.layout.leaves if live or not leaf.live]


def _stacked(random: Random) -> int:
    """Mostly none, at times three."""
    return min(int(random.expovariate(1.2)), 3)


def _of_number(message: Message, leaf: Leaf, given: Mapping[str, bytes], random: Random) -> Change:
    width = 8 * len(leaf.default)
    value = int.from_bytes(given.get(leaf.name, message.layout.usual(leaf)), order_of(leaf))
    low, high = limits_of(message, leaf) or (0, (1 << width) - 1)
    new = random.choice(
        (
            value + random.randint(-_SMALL, _SMALL),
            value ^ 1 << random.randrange(width),
            value * 2,
            value // 2,
            random.randint(low, high),
            random.getrandbits(random.randint(1, width)),
            random.choice((low, high)) + random.randint(-2, 2),
        )
    )
    return _set(leaf, new)


def _set(leaf: Leaf, number: int) -> Change:
    size = len(leaf.default)
    return Change(leaf.name, (number % (1 << 8 * size)).to_bytes(size, order_of(leaf)))


def _havoc(data: bytes, random: Random) -> bytes:
    found = bytearray(data)
    for _ in range(1 + _stacked(random)):
        place = random.randrange(len(found)) if found else 0
        random.choice(_HAVOC)(found, place, random)
    return bytes(found)


def _flip(data: bytearray, place: int, random: Random) -> None:
    if data:
        data[place] ^= 1 << random.randrange(8)


def _any(data: bytearray, place: int, random: Random) -> None:
    if data:
        data[place] = random.choice((0, 0xFF, 0x7F, 0x80, random.randrange(256)))


def _less(data: bytearray, place: int, random: Random) -> None:
    del data[place : place + random.choice((1, 1, 2, 4, 8))]


def _more(data: bytearray, place: int, random: Random) -> None:
    data[place:place] = random.randbytes(random.choice((1, 1, 2, 4, 16)))


def _copied(data: bytearray, place: int, random: Random) -> None:
    data[place:place] = data[place : place + random.choice((1, 2, 4, 8, 32))]


_HAVOC: tuple[Callable[[bytearray, int, Random], None], ...] = (_flip, _flip, _any, _any, _less, _more, _copied)
BENDS: tuple[Callable[[Bender, Steps, Random], Said], ...] = (
    Bender.library,
    Bender.library,
    Bender.library,
    Bender.number,
    Bender.number,
    Bender.number,
    Bender.word,
    Bender.word,
    Bender.length,
    Bender.length,
    Bender.havoc,
    Bender.havoc,
    Bender.usual,
    Bender.raw,
    Bender.insert,
    Bender.insert,
    Bender.onward,
    Bender.remove,
    Bender.repeat,
    Bender.swap,
    Bender.again,
    Bender.pause,
    Bender.hurry,
)
