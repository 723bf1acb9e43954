"""The virtual air: one fresh controller for each host stack that attaches by H4, and nothing mended between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import struct
import tty
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bumble import hci, ll
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

from harness.errors import UsageError
from harness.place import place_of, socket_path, vacated
from harness.radio.controller import EtherController, others
from harness.tasks import holders_of, tree_of

_CHUNK, _PTY_POLL = 4096, 0.01
_UNREAD, _MOST_ADDRESSES, _MOST_HOSTS = 1 << 20, 64, 255
CENTRAL = "C0:00:00:00:00:01"
_CREDENTIALS = struct.Struct("=iII")


class Air(LocalLink):
    """What one controller says to another goes by their connection: an address may be taken twice, or be gone."""

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        for receiver, _handle in others(self, sender_address, receiver_address):
            asyncio.get_running_loop().call_soon(receiver.on_ll_control_pdu, sender_address, packet)


class _Sink:
    """From a controller to the host that is attached to it."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def on_packet(self, packet: bytes) -> None:
        """A host that does not read what it is told misses it."""
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() < _UNREAD:
            self._transport.write(packet)


class HostPort(asyncio.Protocol):
    """One attached host stack: its H4 stream and its controller."""

    def __init__(self, ether: Ether, place: Place) -> None:
        self._ether, self._place, self._slot = ether, place, 0
        self.controller: EtherController | None = None
        self.addresses: set[str] = set()
        self.pids: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """Where it is attached: the number of the place, and its own there."""
        return f"host {self._place.number}.{self._slot}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A controller with the place's public address; where all are taken, the host is detached again."""
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = cast("asyncio.Transport", transport)
        self.pids = _pids(connected) if connected is not None else holders_of(transport.get_extra_info("path", ""))
        self._slot = self._place.take()
        if not self._slot:
            self._transport.close()
            return
        sink = _Sink(cast("asyncio.WriteTransport", transport))
        self.controller = self._ether.controller(self._place.address(self._slot), sink)
        self.controller.on_advertised = self._advertised
        self._ether.hosts.add(self)
        self._parser = PacketParser(self.controller)
        self._ether.tell("attached", host=self.name)

    def data_received(self, data: bytes) -> None:
        """H4 from the host. What is none ends the connection: where it would go on cannot be known."""
        if self.controller is None:
            return
        try:
            self._parser.feed_data(data)
        except Exception as error:  # noqa: BLE001  the host under test is hostile
            self._ether.tell("nonsense", host=self.name, reason=f"{error}: not H4 HCI, the host is detached")
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The host ended or closed; the next one at the place gets its address."""
        if self.controller is None:
            return
        self.controller.leave(self._ether.link)
        self._ether.tell("detached", host=self.name, addresses=sorted(self.addresses))
        self._place.free(self._slot)
        self._ether.hosts.discard(self)
        self.controller = None

    def _advertised(self, _controller: EtherController, address: hci.Address, data: bytes) -> None:
        words = str(address)
        if words not in self.addresses and len(self.addresses) < _MOST_ADDRESSES:
            self.addresses.add(words)
            self._ether.tell("advertises", host=self.name, address=words, data=data.hex())


def _pids(connected: socket.socket) -> tuple[int, ...]:
    """Who is at the other end of a Unix domain socket; nobody where the system does not tell."""
    if connected.family != socket.AF_UNIX or not hasattr(socket, "SO_PEERCRED"):
        return ()
    found = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return tuple(filter(None, _CREDENTIALS.unpack(found)[:1]))


class Place:
    """A place where hosts attach, and its public addresses: the first free one goes to the next host.

    A host that comes again, as a device that restarted does, has the address that it had.
    """

    def __init__(self, number: int) -> None:
        self.number, self._taken = number, set[int]()

    def take(self) -> int:
        """The number of the next host, or 0 when the place is full."""
        free = next((slot for slot in range(1, _MOST_HOSTS + 1) if slot not in self._taken), 0)
        self._taken.add(free)
        return free

    def free(self, slot: int) -> None:
        """The host with a number is gone."""
        self._taken.discard(slot)

    def address(self, slot: int) -> str:
        """The public address of a host here."""
        return f"C0:00:00:00:{self.number & 255:02X}:{slot:02X}"


class Ether:
    """The air and its listeners. `tell(event, **words)` hears who attaches, advertises and leaves."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self.link, self.tell = Air(), tell
        self.hosts: set[HostPort] = set()
        self._places = 0
        self._servers: list[asyncio.Server] = []
        self._ptys: list[Pty] = []
        self._paths: list[Path] = []

    def pids(self) -> list[int]:
        """Process ids of the hosts that are attached, as far as the system tells."""
        return [pid for host in self.hosts for pid in host.pids]

    def device(self) -> list[int] | None:
        """Those of the hosts and of all that they started; None where it is not known who one of them is."""
        if not all(host.pids for host in self.hosts):
            return None
        return [pid for host in self.pids() for pid in tree_of(host)]

    def controller(self, address: str = CENTRAL, sink: _Sink | None = None) -> EtherController:
        """A controller on this air."""
        made = EtherController(f"controller {address}", host_sink=sink, link=self.link, public_address=address)
        made.begin()
        return made

    async def listen(self, moniker: str) -> str:
        """`tcp:HOST:PORT` (port 0 chooses one), `unix:PATH` or `pty:PATH`; returns the moniker to attach to.

        Raises OSError when that cannot be had, UsageError for another moniker.
        """
        scheme, _colon, rest = moniker.partition(":")
        self._places += 1
        place = Place(self._places)

        def port_here() -> HostPort:
            return HostPort(self, place)

        match scheme:
            case "tcp":
                host, port = place_of(moniker, any_port=True)
                server = await asyncio.get_running_loop().create_server(port_here, host, port)
                self._servers.append(server)
                return f"tcp:{host}:{server.sockets[0].getsockname()[1]}"
            case "unix":
                path = socket_path(moniker) or Path(rest)
                self._servers.append(await asyncio.get_running_loop().create_unix_server(port_here, vacated(path)))
                self._paths.append(path)
                return f"unix:{path}"
            case "pty":
                self._pty(Path(rest), port_here)
                return moniker
            case _:
                raise UsageError(f"'{moniker}': write tcp:HOST:PORT, unix:PATH or pty:PATH")

    def _pty(self, path: Path, attach: Callable[[], HostPort]) -> None:
        """A pty, and a symbolic link to it."""
        descriptor, device = os.openpty()
        tty.setraw(device)
        os.set_blocking(descriptor, False)
        path.unlink(missing_ok=True) if path.is_symlink() else None
        path.symlink_to(os.ttyname(device))
        os.close(device)
        self._paths.append(path)
        self._ptys.append(Pty(descriptor, path.resolve(), attach))

    def close(self) -> None:
        """Close the listeners and take the links away."""
        for server in self._servers:
            server.close()
        for pty in self._ptys:
            pty.close()
        for path in self._paths:
            path.unlink(missing_ok=True)


class Pty:
    """Our end of a pty. The other end is taken while somebody holds it open, which only polling tells."""

    def __init__(self, descriptor: int, path: Path, attach: Callable[[], HostPort]) -> None:
        self._descriptor, self._path, self._attach = descriptor, path, attach
        self._port: HostPort | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._look()

    def _look(self) -> None:
        """Every 10 ms: has a host come, or the one that was there gone?"""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_PTY_POLL, self._look)
        gone = any(event & select.POLLHUP for _descriptor, event in self._poll.poll(0))
        if self._port is None and not gone:
            self._port = self._attach()
            self._port.connection_made(_PtyWriter(self._descriptor, self._path))
            loop.add_reader(self._descriptor, self._readable)
        elif self._port is not None and gone:
            loop.remove_reader(self._descriptor)
            loop.remove_writer(self._descriptor)
            port, self._port = self._port, None
            port.connection_lost(None)

    def _readable(self) -> None:
        with contextlib.suppress(OSError):
            data = os.read(self._descriptor, _CHUNK)
            if self._port is not None and data:
                self._port.data_received(data)

    def close(self) -> None:
        """Idempotent."""
        self._timer.cancel()
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            asyncio.get_running_loop().remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


class _PtyWriter(asyncio.WriteTransport):
    """The part of a transport that a port needs, on a pty's descriptor."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__({"path": str(path)})
        self._descriptor, self._unsent = descriptor, b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """What the pty does not take at once follows when it does."""
        waiting, self._unsent = bool(self._unsent), self._unsent + bytes(data)
        if not waiting:
            self._send()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[os.write(self._descriptor, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._unsent = b""
        with contextlib.suppress(OSError, ValueError):
            loop = asyncio.get_running_loop()
            loop.add_writer(self._descriptor, self._send) if self._unsent else loop.remove_writer(self._descriptor)

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Stays open: a new host may come along."""
