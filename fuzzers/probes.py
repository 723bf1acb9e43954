"""Probes: one case three times over, its fields with other numbers each time, to see what becomes of them.

Fields of bytes are looked into byte by byte; where a checksum of them is known it is kept right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

import boofuzz

from fuzzers.repairs import Repairs, covered, guessed, kept
from fuzzers.scales import Scale, scales_of
from fuzzers.windows import Window, single, window_of, written
from harness.case import Send, Step
from protocols.model import Protocol
from protocols.render import Change, Leaf

_STEP = 63  # by which a number is moved at most
_GUESSED = 0.2  # of the messages of which nobody knows a checksum
_LONGER = 5  # bytes by which a text is longer or shorter
Place = tuple[int, str]  # the step, the field
Numbers = Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Painter:
    """Gives the fields of messages other numbers."""

    protocol: Protocol
    max_len: int
    repairs: Repairs = field(default_factory=Repairs)

    def scales(self, steps: Sequence[Step], index: int, *, lengths: bool) -> dict[Place, Scale]:
        """What can be seen as a number in one message, live fields left alone.

        `lengths`: how long texts are, of which only those with digits are numbers otherwise; of bytes each one is.
        """
        found = {(index, name): scales for name, scales in self._of_step(steps[index])}
        wanted = {place: [one for one in some if (one.kind == "length") is lengths] for place, some in found.items()}
        return {place: some[0] for place, some in wanted.items() if some}

    def _of_step(self, step: Step) -> Iterator[tuple[str, list[Scale]]]:
        if not isinstance(step, Send) or step.replay_of >= 0:
            return
        for leaf, data in self.fields(step):
            yield leaf.name, scales_of(self.protocol.form(step), leaf, data, self.max_len)
            for window in self.windows(step, leaf, data):
                yield window.name, [window.scale(data)]

    def fields(self, step: Send) -> Iterator[tuple[Leaf, bytes]]:
        """The message's fields with what is in them, live ones only where they were given something."""
        parts = self.protocol.parts(step)
        if parts is None:
            return
        message, given = self.protocol.form(step), {part.name: part.data for part in parts}
        for leaf in message.layout.leaves:
            if not leaf.live or leaf.name in given:
                yield leaf, given.get(leaf.name, message.layout.usual(leaf))

    def data(self, step: Send, name: str) -> bytes:
        """What is in one of these fields."""
        return next(data for leaf, data in self.fields(step) if leaf.name == name)

    def windows(self, step: Send, leaf: Leaf, data: bytes) -> list[Window]:
        """The bytes of a field of bytes, without a checksum that is known and right; none where fields are known."""
        opaque = self.protocol.blind and isinstance(leaf.primitive, boofuzz.Bytes) and leaf.primitive.fuzzable
        if not opaque:
            return []
        found = self.repairs.place(step.message, leaf.name, data)
        own = covered(*found) if found else ()
        return [window for window in single(leaf.name, len(data)) if window.start not in own]

    def repaired(self, steps: Sequence[Step], random: Random) -> tuple[Step, ...]:
        """Bent steps, with the checksums that are known right most often."""
        return tuple(self._repaired(step, random) if isinstance(step, Send) else step for step in steps)

    def _repaired(self, step: Send, random: Random) -> Send:
        if step.replay_of >= 0 or self.protocol.parts(step) is None:
            return step
        if not (names := self.repairs.fields(step.message)):
            return self._guessed(step, random) if self.protocol.blind and random.random() < _GUESSED else step
        found = {leaf.name: data for leaf, data in self.fields(step) if leaf.name in names}
        better = {name: self.repairs.bent(step.message, name, data, random) for name, data in found.items()}
        changes = {name: data for name, data in better.items() if data != found[name]}
        return self._changed(step, changes) if changes else step

    def opaque(self, step: Send) -> tuple[Leaf, bytes] | None:
        """The first field that is looked into byte by byte, with what is in it."""
        return next(((leaf, data) for leaf, data in self.fields(step) if self.windows(step, leaf, data)), None)

    def _guessed(self, step: Send, random: Random) -> Send:
        """With a checksum of some kind in the first field of bytes."""
        if (found := self.opaque(step)) is None:
            return step
        leaf, data = found
        return self._changed(step, {leaf.name: guessed(data, random)})

    def moved(self, scales: Mapping[Place, Scale], random: Random) -> Numbers:
        """Every field a little more or less, each by another amount as far as there are."""
        amounts = random.sample(range(1, _STEP + 1), _STEP)
        return {place: _moved(scale, amounts.pop() if amounts else 1, random) for place, scale in scales.items()}

    def given(self, steps: Sequence[Step], scales: Mapping[Place, Scale], numbers: Numbers) -> tuple[Step, ...]:
        """The steps with these numbers in their fields; a number that has no room is left as it was."""
        return tuple(
            self._step(step, {name: scales[n, name].written(number) for (n, name), number in numbers.items() if n == i})
            for i, step in enumerate(steps)
        )

    def longer(self, steps: Sequence[Step], index: int, window: Window, more: int) -> tuple[Step, ...]:
        """The steps with so many bytes more right behind a window, the next one again and again."""
        step = steps[index]
        if not isinstance(step, Send):
            return tuple(steps)
        before = self.data(step, window.field)
        filler = before[window.stop : window.stop + 1] or b"\0"
        after = before[: window.stop] + filler * more + before[window.stop :]
        found = self.repairs.place(step.message, window.field, before)
        after = kept(found[0], found[1] + more, after) if found else after
        return self.replaced(steps, index, window.field, after[: self.max_len])

    def replaced(self, steps: Sequence[Step], index: int, name: str, data: bytes) -> tuple[Step, ...]:
        """The steps with other bytes in a field of one message."""
        step = steps[index]
        assert isinstance(step, Send)
        return (*steps[:index], self._changed(step, {name: data}), *steps[index + 1 :])

    def _step(self, step: Step, numbers: Mapping[str, bytes | None]) -> Step:
        changes = {name: data for name, data in numbers.items() if data is not None}
        if not changes or not isinstance(step, Send):
            return step
        parts: dict[str, dict[Window, bytes]] = {}
        for name, window in [(name, window) for name in list(changes) if (window := window_of(name))]:
            parts.setdefault(window.field, {})[window] = changes.pop(name)
        changes |= {name: self._written(step, name, given) for name, given in parts.items()}
        return self._changed(step, changes)

    def _written(self, step: Send, name: str, given: Mapping[Window, bytes]) -> bytes:
        """The field with other bytes; its checksum is right again, where it was."""
        before = self.data(step, name)
        after = written(before, given)
        found = self.repairs.place(step.message, name, before)
        return kept(*found, after) if found else after

    def _changed(self, step: Send, changes: Mapping[str, bytes]) -> Send:
        given = {part.name: part.data for part in self.protocol.parts(step) or ()}
        made = self.protocol.form(step).mutated([Change(*change) for change in {**given, **changes}.items()])
        return _as_before(made, step)


def _as_before(made: Send, step: Send) -> Send:
    return Send(made.message, made.data, made.live, made.spans, made.mutated, step.callback, step.replay_of, step.wait)


def _moved(scale: Scale, amount: int, random: Random) -> int:
    """Within what is allowed, where it is so now."""
    by = (1 + amount % _LONGER) * random.choice((1, -1)) if scale.kind == "length" else amount
    for moved in (scale.value + by, scale.value - by, scale.value + 1, scale.value - 1):
        if scale.low <= moved <= scale.high:
            return moved
    return scale.value + by if scale.kind == "number" else max(0, scale.value + by)
