"""A bent write between two readings of the same place, and other writes of that place behind it."""

from __future__ import annotations

from functools import cached_property

from fuzzers.moves import Outline, Plan
from fuzzers.planned import PlannedFuzzer
from fuzzers.pools import limits_of
from fuzzers.values import of_leaf
from harness.case import Send
from protocols.model import Message, Protocol

_EDGES = frozenset({"edge", "flip", "wrong length"})


class RelatedFuzzer(PlannedFuzzer):
    """For what shows only in the replies together: a write that is refused and done, or done where nothing is.

    Its cases are valid requests besides the bent one, so that what they answer can be compared.
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
        usual = self._protocol.message(send.message).send()
        around = self._protocol.around(send.data) or self._protocol.around(usual.data)
        steps = (around.read, send, around.read, *around.writes) if around else (send,)
        return Outline(state, steps, f"{send.message} between two readings", field=field)
