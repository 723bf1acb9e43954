"""A bleak backend's connection to a radio: the control socket in asyncio, with bleak's exceptions."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, cast

from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason, BleakError

from harness.errors import UsageError
from harness.place import connected
from harness.radio.wire import VERSION, Kind, Message, Unpacker, Words, packed, spoken

_GRACE = 2.0


class RadioLine(asyncio.Protocol):
    """One control connection. `taken` gets every PDU and event; `lost` is called once, when the radio is gone."""

    def __init__(self, moniker: str, taken: Callable[[Message], None], lost: Callable[[], None]) -> None:
        self._moniker, self._taken, self._lost = moniker, taken, lost
        self._unpacker = Unpacker()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """PDUs do not wait for one another."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answers to whoever asked, everything else to `taken`; nonsense ends the connection."""
        try:
            for message in self._unpacker.feed(data):
                if message.kind == Kind.ANSWER:
                    self._answered(message.words)
                else:
                    self._taken(message)
        except (ValueError, KeyError):
            self._transport.abort()

    def _answered(self, words: dict[str, Any]) -> None:
        waiting = self._answers.get(int(words.get("id", 0)))
        if waiting is not None and not waiting.done():
            waiting.set_result(words)

    async def ask(self, ask: str, timeout: float, **words: Any) -> Words:
        """Ask and await the answer, at most `timeout` seconds and two; raises BleakError."""
        self._asked += 1
        number = self._asked
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            self._write(spoken(Kind.ASK, {**words, "ask": ask, "id": number, "timeout": timeout}))
            async with asyncio.timeout(timeout + _GRACE):
                answer = await waiting
        except TimeoutError as error:
            raise BleakError(f"radio {self._moniker} did not answer '{ask}' within {timeout:g} s") from error
        finally:
            del self._answers[number]
        if "error" in answer:
            raise BleakError(f"radio: {answer['error']}")
        return answer

    def send(self, connection: int, body: bytes) -> None:
        """Put a PDU on a connection; raises BleakError."""
        self._write(packed(Kind.PDU, connection, body))

    def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise self._ended()
        self._transport.write(data)

    def _ended(self) -> BleakError:
        return BleakError(f"radio {self._moniker}: the radio process ended, or closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits is told."""
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(self._ended())
        self._lost()

    def close(self) -> None:
        """Idempotent, and nothing is told after it; the radio closes the connections that were made over this one."""
        self._taken, self._lost = _nothing, _nothing
        self._transport.close()


def _why(error: OSError | UsageError) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else str(error) or "no answer"


def _nothing(*_message: Message) -> None:
    """For whom nothing is to be told."""


async def dial(moniker: str, timeout: float, taken: Callable[[Message], None], lost: Callable[[], None]) -> RadioLine:
    """Connect to the radio at a place within `timeout` seconds; raises BleakBluetoothNotAvailableError."""
    try:
        async with asyncio.timeout(timeout):
            stream = await asyncio.to_thread(connected, moniker, timeout)
            stream.setblocking(False)
            loop = asyncio.get_running_loop()
            _transport, line = await loop.create_connection(lambda: RadioLine(moniker, taken, lost), sock=stream)
    except (OSError, UsageError) as error:
        words = f"radio {moniker}: {_why(error)}. Is `medfuzz radio` running there, with --control {moniker}?"
        raise _not_available(words) from error
    version = (await line.ask("hello", timeout)).get("version")
    if version != VERSION:
        line.close()
        raise _not_available(f"radio {moniker} speaks version {version}, not {VERSION}: start it anew")
    return line


def _not_available(words: str) -> BleakBluetoothNotAvailableError:
    return BleakBluetoothNotAvailableError(words, BleakBluetoothNotAvailableReason.NO_BLUETOOTH)
