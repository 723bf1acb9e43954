"""Probes: one case three times over, its fields with other numbers each time, to see what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from fuzzers.scales import Scale, scales_of
from harness.case import Send, Step
from protocols.model import Protocol
from protocols.render import Change

_STEP = 63  # by which a number is moved at most
_LONGER = 5  # bytes by which a text is longer or shorter
Place = tuple[int, str]  # the step, the field
Numbers = Mapping[Place, int]


@dataclass(frozen=True, slots=True)
class Painter:
    """Gives the fields of messages other numbers."""

    protocol: Protocol
    max_len: int

    def scales(self, steps: Sequence[Step], index: int, *, lengths: bool) -> dict[Place, Scale]:
        """What can be seen as a number in one message, live fields left alone.

        `lengths`: how long texts are, of which only those with digits are numbers otherwise.
        """
        found = {(index, name): scales for name, scales in self._of_step(steps[index])}
        wanted = {place: [one for one in some if (one.kind == "length") is lengths] for place, some in found.items()}
        return {place: some[0] for place, some in wanted.items() if some}

    def _of_step(self, step: Step) -> Iterator[tuple[str, list[Scale]]]:
        parts = self.protocol.parts(step) if isinstance(step, Send) and step.replay_of < 0 else None
        if parts is None or not isinstance(step, Send):
            return
        message, given = self.protocol.form(step), {part.name: part.data for part in parts}
        for leaf in message.layout.leaves:
            if not leaf.live or leaf.name in given:
                data = given.get(leaf.name, message.layout.usual(leaf))
                yield leaf.name, scales_of(message, leaf, data, self.max_len)

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

    def _step(self, step: Step, written: Mapping[str, bytes | None]) -> Step:
        changes = {name: data for name, data in written.items() if data is not None}
        if not changes or not isinstance(step, Send):
            return step
        kept = {part.name: part.data for part in self.protocol.parts(step) or ()}
        made = self.protocol.form(step).mutated([Change(*change) for change in (kept | changes).items()])
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
