"""A bent write between two readings of the same place, and other writes of that place behind it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from fuzzers.keeping import Keeping
from fuzzers.moves import Outline, Plan
from fuzzers.planned import PlannedFuzzer
from fuzzers.pools import limits_of
from fuzzers.values import of_leaf
from harness.case import Origin, Send, TestCase
from harness.interfaces import Related
from harness.learned import Kept, Learned
from harness.outcome import Outcome
from harness.transcript import Transcript, own_exchanges
from protocols.model import Message, Protocol

_EDGES = frozenset({"edge", "flip", "wrong length"})
_PLACES = 256  # that are looked at because a bent write of one was accepted


class RelatedFuzzer(PlannedFuzzer):
    """For what shows only in the replies together: a write that is refused and done, or done where nothing is.

    Its cases are valid requests besides the bent one, so that what they answer can be compared. A bent write that the
    device accepts in any fuzzer's case is soon put between readings of its place, once for each place.
    """

    name = "related"
    needs = "protocols that know which messages tell of the same place"

    @classmethod
    def fits(cls, protocol: Protocol) -> bool:
        """True where one of the messages as it stands has such others."""
        return any(protocol.around(message.send().data) for message in protocol.messages.values())

    @cached_property
    def _plans(self) -> list[Plan]:
        return [
            self._listed(message.name, [(*bent, state) for bent in self._bent(message)], self._compared, 1)
            for message in self._protocol.messages.values()
            if self._protocol.around(message.send().data)
            for state in self._states
        ]

    def _bent(self, message: Message) -> list[tuple[Send, str]]:
        """The message as it stands, and with one field at an edge of what it can be; the field."""
        found = {message.send(): ""}
        for leaf in message.layout.leaves:
            if not leaf.live:
                limits = limits_of(message, leaf)
                classes = of_leaf(message.layout, leaf, self._max_len, f"{self._seed}/{message.name}", limits)
                edges = (values.at(k) for values in classes if values.kind in _EDGES for k in range(values.count))
                found |= dict.fromkeys(map(message.mutated, edges), leaf.name)
        return list(found.items())

    def _compared(self, item: tuple[Send, str, str], _k: int) -> Outline:
        """A request that cannot be carried out anywhere is put between readings of the place that it usually writes."""
        send, field, state = item
        around = self._protocol.around(send.data) or self._protocol.around(self._usual(send).data)
        return Outline(state, _between(around, send), f"{send.message} between two readings", field=field)

    def _usual(self, send: Send) -> Send:
        return self._protocol.message(send.message).send()

    # -- what the device accepted --------------------------------------------------------------------------------------

    _dealt = 0

    @cached_property
    def _keeping(self) -> Keeping:
        return Keeping()

    @cached_property
    def _places(self) -> set[bytes]:
        """Requests that read a place which is looked at."""
        usual = (self._protocol.around(message.send().data) for message in self._protocol.messages.values())
        return {around.read.data for around in usual if around}

    def cases(self) -> Iterator[TestCase]:
        """The planned ones, with one in between that follows what was accepted, where there is one."""
        followed = self._followed()
        for case in super().cases():
            for one in (next(followed, None), case):
                if one is not None:
                    self._dealt += 1
                    yield one

    def _followed(self) -> Iterator[TestCase | None]:
        """None while there is nothing to follow."""
        while True:
            for case, _kept in self._keeping.due(self._dealt):
                yield from self._following(case)
            yield None

    def _following(self, case: TestCase) -> Iterator[TestCase]:
        for send in _bent(case):
            around = self._protocol.around(send.data)
            if around and self._is_new(around):
                self._places.add(around.read.data)
                steps = _between(around, send)
                path = tuple(step.message for step in steps)
                what = f"{send.message} where it was accepted, between two readings"
                origin = Origin(self.name, path, "", what, self._seed, aimed=True)
                yield TestCase(self.interface, case.state, steps, origin)

    def _is_new(self, around: Related) -> bool:
        return around.read.data not in self._places and len(self._places) < _PLACES

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Keep a case in which a bent write of a place that was not looked at is accepted."""
        accepted = _accepted(case, outcome.transcript, self._protocol)
        around = (self._protocol.around(send.data) for send in accepted)
        if case.origin.fuzzer != self.name and any(one and self._is_new(one) for one in around):
            self._keeping.keep(case, Kept(case.id, self._dealt, 1.0))

    def state(self) -> Learned:
        """What was kept, to be written down."""
        return Learned(self._keeping.state())

    def restore(self, learned: Learned) -> None:
        """Before any case is dealt: what will be kept at which place."""
        self._keeping.restore(learned.kept)

    def recall(self, case: TestCase) -> None:
        """A case was dealt again."""
        self._keeping.recall(case)


def _between(around: Related | None, send: Send) -> tuple[Send, ...]:
    return (around.read, send, around.read, *around.writes) if around else (send,)


def _bent(case: TestCase) -> list[Send]:
    return [step for step in case.steps if isinstance(step, Send) and step.mutated]


def _accepted(case: TestCase, transcript: Transcript, protocol: Protocol) -> Iterator[Send]:
    """Bent messages of which a reply says nothing else than that they were carried out."""
    for step, exchange in own_exchanges(case, transcript):
        if step.mutated and exchange.answered and not any(map(protocol.refuses, exchange.replies)):
            yield step
