"""The radio's control socket: what the harness asks is done, what the air tells is passed on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.errors import UsageError
from harness.load import Load
from harness.place import place_of, socket_path, vacated
from harness.radio.wire import VERSION, Kind, Message, Unpacker, Words, packed, spoken

if TYPE_CHECKING:
    from harness.radio.central import Central

_LONGEST_WAIT = 60.0
_UNREAD, _UNREAD_PDUS = 1 << 16, 1 << 22
_MOST_ASKED = 64
_MOST_LINES, _LINES_SECONDS = 200, 10.0


class Session(asyncio.Protocol):
    """One client. The connections that it asked for are its own, and end with it."""

    def __init__(self, server: RadioServer) -> None:
        self._server, self._central = server, server.central
        self._unpacker = Unpacker()
        self._own: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._asks: dict[str, Callable[[dict[str, Any]], Awaitable[Words]]] = {
            "hello": self._hello,
            "scan": self._scan,
            "watch": self._watch,
            "hear": self._hear,
            "stalled": self._stalled,
            "connect": self._connect,
            "disconnect": self._disconnect,
            "tap": self._tap,
            "drain": self._drain,
            "table": self._table,
            "pair": self._pair,
            "forget": self._forget,
            "perform": self._perform,
            "change_address": self._change_address,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = cast("asyncio.Transport", transport)
        connected = transport.get_extra_info("socket")
        if connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.sessions.add(self)

    def data_received(self, data: bytes) -> None:
        """PDUs go out at once, in order; what is asked runs beside them."""
        try:
            for message in self._unpacker.feed(data):
                self._take(message)
        except (ValueError, KeyError) as error:
            self._server.say(f"a client spoke nonsense ({error}) and was sent away")
            self._transport.close()

    def _take(self, message: Message) -> None:
        if message.kind == Kind.ASK:
            if len(self._tasks) >= _MOST_ASKED:
                raise ValueError("more asked at once than is answered")
            task = asyncio.get_running_loop().create_task(self._answer(message.words))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif message.connection in self._own:
            self._central.send(message.kind, message.connection, message.body)

    async def _answer(self, words: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(float(words.get("timeout", _LONGEST_WAIT)) + 1.0):
                answer = await self._asked(words["ask"])(words)
        except TimeoutError as error:
            answer = {"error": str(error) or "no answer in time"}
        except UsageError as error:
            answer = {"error": str(error)}
        except ConnectionError as error:
            answer = {"error": str(error), "lost": True}
        except (*self._central.errors, KeyError, TypeError, ValueError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        except asyncio.CancelledError:
            answer = {"error": "the connection was lost", "lost": True}
        self._say(Kind.ANSWER, {**answer, "id": words.get("id", 0)})

    def _asked(self, ask: str) -> Callable[[dict[str, Any]], Awaitable[Words]]:
        if self._central.only is not None and ask not in self._central.only:
            raise UsageError(
                f"adapter '{self._central.adapter}' has no '{ask}': it takes Bumble's, like usb:0 or virtual"
            )
        return self._asks[ask]

    def _say(self, kind: Kind, words: Words, connection: int = 0) -> None:
        if not self._transport.is_closing():
            self._transport.write(spoken(kind, words, connection))

    def tell(self, event: str, words: Words, connection: int = 0) -> None:
        """Pass an event on."""
        self._say(Kind.EVENT, {**words, "event": event}, connection)

    # -- what can be asked ----------------------------------------------------------------------------------------

    async def _hello(self, _words: dict[str, Any]) -> Words:
        return {"version": VERSION, "adapter": self._central.adapter, "listening": self._server.listening}

    async def _scan(self, words: dict[str, Any]) -> Words:
        return {"found": await self._central.scanner.scan(float(words["seconds"]))}

    async def _hear(self, words: dict[str, Any]) -> Words:
        return await self._central.scanner.hear(str(words["address"]), float(words["timeout"]))

    async def _stalled(self, words: dict[str, Any]) -> Words:
        return {"seconds": self._server.load.lost(time.monotonic() - float(words["within"]))}

    async def _watch(self, words: dict[str, Any]) -> Words:
        scanner = self._central.scanner
        await (scanner.watch if words["on"] else scanner.unwatch)(self._heard)
        return {}

    def _heard(self, advertisement: Words) -> None:
        """Pass an advertisement on, unless the client does not read them."""
        if self._transport.get_write_buffer_size() < _UNREAD:
            self.tell("advertisement", advertisement)

    async def _connect(self, words: dict[str, Any]) -> Words:
        number = 0

        def received(kind: Kind, connection: int, body: bytes) -> None:
            if self._transport.get_write_buffer_size() < _UNREAD_PDUS:  # beyond that, nobody reads them
                self._transport.write(packed(kind, connection, body))

        def told(event: str, about: Words) -> None:
            self._own.discard(number)
            self.tell(event, about, number)

        address, timeout = str(words["address"]), float(words["timeout"])
        ends, interval = asyncio.get_running_loop().time() + timeout, 0.0
        if words.get("measure"):
            interval = await self._central.scanner.interval(address, timeout / 2)
        left = ends - asyncio.get_running_loop().time()
        number = await self._central.connect(address, left, received, told)
        self._own.add(number)
        return {"connection": number, "type": self._central.address_type(number), "interval": interval}

    async def _disconnect(self, words: dict[str, Any]) -> Words:
        if int(words["connection"]) in self._own:
            await self._central.disconnect(int(words["connection"]), int(words.get("reason", 0x13)))
        return {}

    async def _tap(self, words: dict[str, Any]) -> Words:
        peripheral = self._central.connections[self._owned(words)]
        peripheral.taps = frozenset(int(cid) for cid in words["channels"])
        peripheral.everything = bool(words.get("everything"))
        return {}

    async def _table(self, words: dict[str, Any]) -> Words:
        return await self._central.table(self._owned(words), int(words["mtu"]))

    async def _drain(self, words: dict[str, Any]) -> Words:
        await self._central.drain(self._owned(words))
        return {}

    async def _pair(self, words: dict[str, Any]) -> Words:
        return {"bond": await self._central.pair(self._owned(words))}

    async def _forget(self, words: dict[str, Any]) -> Words:
        await self._central.forget(str(words.get("address", "")))
        return {}

    async def _perform(self, words: dict[str, Any]) -> Words:
        numbers = {str(name): int(number) for name, number in words["numbers"].items()}
        return {"outcome": await self._central.perform(self._owned(words), str(words["name"]), numbers)}

    async def _change_address(self, words: dict[str, Any]) -> Words:
        await self._central.change_address(int(words["kind"]))
        return {}

    def _owned(self, words: dict[str, Any]) -> int:
        number = int(words["connection"])
        if number not in self._own:
            raise ConnectionError("the connection was lost")
        return number

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone, and with it its connections."""
        self._server.sessions.discard(self)
        for task in self._tasks:
            task.cancel()
        self._server.later(self._central.scanner.unwatch(self._heard))
        for number in self._own:
            self._server.later(self._central.disconnect(number))


class RadioServer:
    """Owns the control socket, and says on standard output who comes and goes."""

    def __init__(self, central: Central, load: Load) -> None:
        self.central, self.sessions, self.load = central, set[Session](), load
        self.listening: list[str] = []
        self._tasks: set[asyncio.Future[None]] = set()
        self._path: Path | None = None
        self._lines, self._lines_since = 0, 0.0

    async def open(self, moniker: str) -> str:
        """Listen for clients on `tcp:HOST:PORT` or `unix:PATH`; returns where. Raises OSError, UsageError."""
        loop, path = asyncio.get_running_loop(), socket_path(moniker)
        if path is not None:
            self._server = await loop.create_unix_server(lambda: Session(self), vacated(path))
            self._path = path
            return f"unix:{path}"
        host, port = place_of(moniker, any_port=True)
        self._server = await loop.create_server(lambda: Session(self), host, port)
        return f"tcp:{host}:{self._server.sockets[0].getsockname()[1]}"

    def close(self, *, owned: bool) -> None:
        """Take the socket away, and the folder that was made for it; idempotent."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            if owned:
                with contextlib.suppress(OSError):  # somebody else's things are in it
                    self._path.parent.rmdir()

    def later(self, what: Awaitable[None]) -> None:
        """Run something to its end, whatever it raises."""
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def air(self, event: str, **words: Any) -> None:
        """What the virtual air tells."""
        for session in self.sessions:
            session.tell(event, words)
        self.say(
            " ".join(
                [f"{words.get('host', '')}:", event, *(str(words[k]) for k in ("address", "reason") if k in words)]
            )
        )

    def say(self, line: str) -> None:
        """One line for whoever reads; a host stack that has more to say than anybody reads is cut short."""
        now = time.monotonic()
        if now - self._lines_since > _LINES_SECONDS:
            self._lines, self._lines_since = 0, now
        self._lines += 1
        if self._lines <= _MOST_LINES:
            more = " (and more)" if self._lines == _MOST_LINES else ""
            sys.stdout.write(f"{line}{more}\n")
            sys.stdout.flush()
