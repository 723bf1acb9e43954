"""The harness's side of the control socket: blocking, without threads, every read with a deadline."""

from __future__ import annotations

import json
import select
import time
from collections import deque
from typing import Any

from harness.errors import BenchError, LinkClosed, LinkError
from harness.place import connected
from harness.radio.wire import VERSION, Kind, Message, Unpacker, packed, spoken

_CHUNK = 65536
_ANSWER_SECONDS = 5.0
_LATE_SECONDS = 20.0  # it answers in time itself, where it runs; one that has died closes the connection


class RadioLost(BenchError):
    """The radio process ended or does not answer: our own tool failed, never the device."""


class RadioClient:
    """One connection to a radio. Messages that come while an answer is awaited are kept for `receive`."""

    def __init__(self, moniker: str, timeout: float) -> None:
        self.moniker = moniker
        try:
            self._socket = connected(moniker, timeout)
        except OSError as error:
            raise BenchError(
                f"radio {moniker}: {error}. Is `medfuzz radio` running there, with --control {moniker}?"
            ) from error
        self._unpacker, self._waiting = Unpacker(), deque[Message]()
        self._asked = 0
        try:
            hello = self.ask("hello")
            if hello.get("version") != VERSION:
                raise BenchError(f"radio {moniker} speaks version {hello.get('version')}, not {VERSION}: start it anew")
        except BenchError:
            self.close()
            raise
        self.listening: list[str] = hello["listening"]
        self.adapter: str = hello["adapter"]

    def ask(self, ask: str, timeout: float = _ANSWER_SECONDS, **words: Any) -> dict[str, Any]:
        """Ask and await the answer; raises LinkError with the radio's reason, LinkClosed, RadioLost."""
        self.begin(ask, timeout, **words)
        deadline, kept = time.monotonic() + timeout + _LATE_SECONDS, list[Message]()
        while (message := self.receive(deadline)) is not None:
            if message.kind == Kind.ANSWER and (answer := _words(message)).get("id") == self._asked:
                self._waiting.extendleft(reversed(kept))
                if "error" in answer:
                    raise (LinkClosed if answer.get("lost") else LinkError)(f"radio: {answer['error']}")
                return answer
            kept.append(message)
        raise RadioLost(f"radio {self.moniker} did not answer '{ask}' within {timeout:g} s")

    def begin(self, ask: str, timeout: float = _ANSWER_SECONDS, **words: Any) -> None:
        """Ask without awaiting the answer, which nobody takes. Raises RadioLost."""
        self._asked += 1
        self._write(spoken(Kind.ASK, {**words, "ask": ask, "id": self._asked, "timeout": timeout}))

    def send(self, connection: int, *bodies: bytes, kind: Kind = Kind.PDU) -> None:
        """Put PDUs on a connection, right behind one another. Raises RadioLost."""
        self._write(b"".join(packed(kind, connection, body) for body in bodies))

    def _write(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error

    def _lost(self, reason: str) -> RadioLost:
        return RadioLost(f"radio {self.moniker}: {reason}: the radio process ended. Start the campaign again")

    def receive(self, deadline: float) -> Message | None:
        """The next message, or None at the deadline (monotonic clock). Raises RadioLost."""
        while not self._waiting:
            left = deadline - time.monotonic()
            if not select.select([self._socket], [], [], max(0.0, left))[0]:
                return None
            try:
                data = self._socket.recv(_CHUNK)
            except OSError as error:
                raise self._lost(error.strerror or str(error)) from error
            if not data:
                raise self._lost("the connection was closed")
            self._waiting.extend(self._unpacker.feed(data))
        return self._waiting.popleft()

    @property
    def closed(self) -> bool:
        """True after `close`."""
        return self._socket.fileno() < 0

    def close(self) -> None:
        """Idempotent; the radio closes this client's connections."""
        self._socket.close()


def _words(message: Message) -> dict[str, Any]:
    try:
        return message.words
    except json.JSONDecodeError as error:
        raise RadioLost(f"the radio spoke nonsense: {error}") from error
