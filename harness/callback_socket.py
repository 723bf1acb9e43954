"""The executor's link as a script's callback uses it; what it sends and receives is on record as `callback`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import LinkError
from harness.transcript import Exchange

if TYPE_CHECKING:
    from harness.executor import Executor

CALLBACK = "callback"


class CallbackSocket:
    """Satisfies `harness.interfaces.Socket`; waits `timeout` link seconds at most.

    On a link that is `broken`, sending and receiving raise that error again.
    """

    def __init__(self, executor: Executor, timeout: float, broken: LinkError | None = None) -> None:
        self._executor, self._timeout, self._broken = executor, timeout, broken

    @property
    def last_received(self) -> bytes:
        """What came in answer to the last message."""
        own = self._own()
        if not own:
            return self._executor.conversation.last_received
        return b"".join((*own[-1].replies, *own[-1].unsolicited, own[-1].stray))

    @property
    def last_sent(self) -> bytes:
        """The last message as it went out."""
        return next((exchange.sent for exchange in reversed(self._own())), b"")

    @property
    def messages(self) -> Sequence[str]:
        """Names of the messages sent in this case."""
        return [exchange.message for exchange in self._own()]

    @property
    def mutated(self) -> bool:
        """True when one of them was mutated."""
        return self._executor.mutated

    def send(self, data: bytes) -> None:
        """Send, with a record of it; raises LinkError, GuardRefused."""
        self._check()
        link = self._executor.link
        at = link.now()
        link.send(data, at + self._timeout)
        self._executor.exchanges.append(Exchange(CALLBACK, data, (), (), b"", at, link.now(), False, False))

    def receive(self) -> bytes:
        """What comes next, put on record with what the callback sent before."""
        self._check()
        if greeting := self._executor.greeting:
            self._executor.greeting = b""  # on record already
            return greeting
        link, exchanges = self._executor.link, self._executor.exchanges
        at = link.now()
        received = link.receive(at + self._timeout)
        if received:
            if not exchanges or exchanges[-1].message != CALLBACK:
                exchanges.append(Exchange(CALLBACK, b"", (), (), b"", at, at, False, False))
            last = exchanges.pop()
            exchanges.append(replace(last, replies=(*last.replies, received), ended_at=link.now(), answered=True))
        return received

    def reopen(self) -> None:
        """Another connection."""
        self._check()
        self._executor.reopen()

    def _own(self) -> list[Exchange]:
        return [exchange for exchange in self._executor.exchanges if exchange.message not in ("", CALLBACK)]

    def _check(self) -> None:
        if self._broken is not None:
            raise self._broken
