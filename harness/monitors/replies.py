"""Replies that cannot be right, and those that are missing, as far as the protocol's standard leaves no choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.case import Send, TestCase
from harness.interfaces import Dissects, Expects, Frame
from harness.transcript import Exchange, Transcript, Way, own_exchanges
from harness.verdict import Kind, Observation

ACCEPTED_ABSENT = "accepts what is not there"
CHANGED = "changes what it refuses to change"


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of the case, what came of it, and the frame that answered it."""

    step: Send
    exchange: Exchange
    reply: Frame


class ReplyMonitor:
    """Looks at one interface's exchanges as long as each of them was answered.

    Behind the first that was not, an answer may be another message's; so may that to a bent one which others followed
    at once.
    """

    name = "replies"

    def __init__(self, protocol: Expects, interface: str) -> None:
        self._protocol, self._interface = protocol, interface

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """What is wrong with a reply first, then what the replies say together, then what is missing."""
        if case.interface != self._interface:
            return ()
        asked = list(self._answered(case, transcript))
        found = [*self._wrong(asked), *self._contradictions(asked), *self._missing(case, transcript)]
        return found[:1]

    def _answered(self, case: TestCase, transcript: Transcript) -> Iterator[Asked]:
        for step, exchange in own_exchanges(case, transcript):
            frame = self._frame(exchange)
            if frame is None or not (step.wait or exchange.reply_expected):
                return
            yield Asked(step, exchange, frame)

    def _frame(self, exchange: Exchange) -> Frame | None:
        """The first whole reply."""
        frames = self._protocol.split(exchange.replies[0])[0] if exchange.replies else ()
        return next((frame for frame in frames if self._protocol.answers(exchange.sent, frame)), None)

    def _wrong(self, asked: Sequence[Asked]) -> Iterator[Observation]:
        for one in asked:
            if why := self._protocol.wrong(one.exchange.sent, one.reply):
                yield self._observation(one, why, f"the reply to {self._name(one.step)} cannot be right: {why}")

    def _contradictions(self, asked: Sequence[Asked]) -> Iterator[Observation]:
        for place, one in enumerate(asked):
            around = self._protocol.around(one.exchange.sent)
            if around is None:
                continue
            if self._refused(one):
                before, after = _beside(asked, place, around.read)
                if before and after and self._differs(before, after):
                    yield self._observation(one, CHANGED, f"{self._name(one.step)} is refused, and {CHANGED}")
            elif others := [other for other in asked if other.step in around.writes]:
                told = ", ".join(dict.fromkeys(other.step.message for other in others))
                if all(self._protocol.absent(other.reply) for other in others):
                    words = f"{self._name(one.step)} is accepted where {told} says that there is nothing"
                    yield self._observation(one, ACCEPTED_ABSENT, words)

    def _refused(self, one: Asked) -> bool:
        return self._protocol.refuses(one.reply.data)

    def _differs(self, before: Asked, after: Asked) -> bool:
        if self._refused(before) or self._refused(after):
            return False
        return self._protocol.content(before.reply) != self._protocol.content(after.reply)

    def _missing(self, case: TestCase, transcript: Transcript) -> Iterator[Observation]:
        """Where nothing bent or hurried went before it, and the device serves at once behind it, on the connection.

        Behind a reply that ended what could be said on the connection, nothing is owed there any more.
        """
        service = transcript.service
        at_once = service is not None and service.way is Way.AT_ONCE and not service.closed
        if not transcript.probe_served or not at_once or transcript.link_error:
            return
        later, over = list(_frames(self._protocol, transcript)), False
        for step, exchange in own_exchanges(case, transcript):
            owed, over = exchange.reply_expected or not over, over or self._ends(exchange)
            answered = exchange.answered or any(self._protocol.answers(exchange.sent, frame) for frame in later)
            if answered and step.wait and not step.mutated:
                continue
            if step.wait and not answered and owed and self._protocol.demands(exchange.sent):
                words = f"{self._name(step)} is not answered, as it must be{'' if step.mutated else ', and is valid'}"
                blames = "" if step.mutated else step.message
                yield Observation(Kind.NO_REPLY, self.name, words, exchange.ended_at, ("unanswered",), blames=blames)
            return

    def _ends(self, exchange: Exchange) -> bool:
        frame = self._frame(exchange)
        return frame is not None and self._protocol.ends(frame)

    def _observation(self, one: Asked, why: str, words: str) -> Observation:
        at, name = one.exchange.ended_at, self._name(one.step)
        return Observation(Kind.WRONG_REPLY, self.name, words, at, (why,), blames=name)

    def _name(self, step: Send) -> str:
        """Of the message that a device takes it for."""
        protocol: object = self._protocol
        return protocol.meant(step) if step.mutated and isinstance(protocol, Dissects) else step.message

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


def _beside(asked: Sequence[Asked], place: int, read: Send) -> tuple[Asked | None, Asked | None]:
    """The same reading message right before and right behind a place."""
    before = asked[place - 1] if place and asked[place - 1].step == read else None
    after = asked[place + 1] if place + 1 < len(asked) and asked[place + 1].step == read else None
    return before, after


def _frames(protocol: Expects, transcript: Transcript) -> Iterator[Frame]:
    """All that came without being taken for an answer."""
    for exchange in transcript.exchanges:
        for data in exchange.unsolicited:
            yield from protocol.split(data)[0]
