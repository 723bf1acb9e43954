"""The virtual air: one fresh controller for each host stack that attaches by H4, and nothing mended between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import tty
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bumble import hci, ll
from bumble.controller import Controller
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

from harness.errors import UsageError
from harness.place import place_of

_ACL_LENGTH = 251
_HANDLES = 0xEFF
_CHUNK, _PTY_POLL = 4096, 0.01
_CONTINUATION, _START = 1, 2
Advertised = Callable[["EtherController", hci.Address, bytes], None]


class EtherController(Controller):
    """Bumble's virtual controller with what a fuzzer needs of one.

    Fragments of ACL data pass as they are: the stock one reassembles by the L2CAP length and so swallows wrong ones.
    A connect does not wait for the next advertisement, and cancelling one works.
    """

    le_acl_data_packet_length = _ACL_LENGTH
    on_advertised: Advertised | None = None
    _last_handle = 0

    def allocate_connection_handle(self) -> int:
        """A handle that was not in use lately: hosts (Bumble's too) clean up behind a connection late."""
        self._last_handle = self._last_handle % _HANDLES + 1
        return self._last_handle

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """From our host: say that it is sent, and hand the fragment to the other controller's host."""
        connection = self.find_connection_by_handle(packet.connection_handle)
        if connection is None:
            return
        done = hci.HCI_Number_Of_Completed_Packets_Event(
            connection_handles=[connection.handle], num_completed_packets=[1]
        )
        self.send_hci_packet(done)
        peer = self.link.find_le_controller(connection.peer_address) if self.link else None
        back = peer.le_connections.get(connection.self_address) if peer else None
        if peer and back:
            boundary = _CONTINUATION if packet.pb_flag == _CONTINUATION else _START
            peer.send_hci_packet(hci.HCI_AclDataPacket(back.handle, boundary, 0, len(packet.data), packet.data))

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_SyncCommand[hci.HCI_StatusReturnParameters]
    ) -> hci.HCI_StatusReturnParameters:
        """A no-op in the stock controller, after which the next connect fails."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            self.send_hci_packet(_cancelled(pending))
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_create_connection_command(self, command: hci.HCI_LE_Create_Connection_Command) -> None:
        """Connect, and let those who advertise do it now."""
        super().on_hci_le_create_connection_command(command)
        asyncio.get_running_loop().call_soon(self._everybody_advertises)

    def on_hci_le_extended_create_connection_command(
        self, command: hci.HCI_LE_Extended_Create_Connection_Command
    ) -> None:
        """The same for the extended command."""
        super().on_hci_le_extended_create_connection_command(command)
        asyncio.get_running_loop().call_soon(self._everybody_advertises)

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """As the stock one, and look whether the other side took it."""
        before = list(self.le_connections)
        super().create_le_connection(peer_address)
        for address in [address for address in self.le_connections if address not in before]:
            asyncio.get_running_loop().call_soon(self._look, address)

    def _look(self, peer_address: hci.Address) -> None:
        """An advertiser that stopped meanwhile never saw the connection: it is lost at once, as on the air."""
        connection = self.le_connections.get(peer_address)
        if connection is None:
            return
        if not any(connection.self_address in controller.le_connections for controller in self.link.controllers):
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def _everybody_advertises(self) -> None:
        for controller in list(self.link.controllers) if self.link else []:
            if controller.le_legacy_advertiser.enabled:
                controller.le_legacy_advertiser.send_advertising_data()
            for advertiser in controller.advertising_sets.values():
                if advertiser.enabled:
                    advertiser.send_extended_advertising_data()

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        """Send it, and tell who advertises."""
        if self.on_advertised is not None and isinstance(packet, ll.AdvInd | ll.AdvExtInd):
            self.on_advertised(self, packet.advertiser_address, bytes(packet.data))
        super().send_advertising_pdu(packet)

    def leave(self, link: LocalLink) -> None:
        """The host is gone: to its peers the link is lost, as by a supervision timeout."""
        for connection in list(self.le_connections.values()):
            with contextlib.suppress(Exception):
                connection.send_ll_control_pdu(ll.TerminateInd(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR))
        self.le_connections.clear()
        self.le_legacy_advertiser.stop()
        for advertiser in self.advertising_sets.values():
            advertiser.stop()
        link.remove_controller(self)


def _cancelled(
    pending: hci.HCI_LE_Create_Connection_Command | hci.HCI_LE_Extended_Create_Connection_Command,
) -> hci.HCI_LE_Connection_Complete_Event:
    return hci.HCI_LE_Connection_Complete_Event(
        status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
        connection_handle=0,
        role=hci.Role.CENTRAL,
        peer_address_type=pending.peer_address_type,
        peer_address=pending.peer_address,
        connection_interval=0,
        peripheral_latency=0,
        supervision_timeout=0,
        central_clock_accuracy=0,
    )


class _Sink:
    """From a controller to the host that is attached to it."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def on_packet(self, packet: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(packet)


class HostPort(asyncio.Protocol):
    """One attached host stack: its H4 stream and its controller."""

    def __init__(self, ether: Ether, name: str) -> None:
        self._ether, self.name = ether, name
        self.controller: EtherController | None = None
        self.addresses: set[str] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A new controller with its own public address."""
        connected = transport.get_extra_info("socket")
        if connected is not None and connected.family in (socket.AF_INET, socket.AF_INET6):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._transport = cast("asyncio.Transport", transport)
        self.controller = self._ether.controller(_Sink(cast("asyncio.WriteTransport", transport)))
        self.controller.on_advertised = self._advertised
        self._parser = PacketParser(self.controller)
        self._ether.tell("attached", host=self.name)

    def data_received(self, data: bytes) -> None:
        """H4 from the host. What is none ends the connection: where it would go on cannot be known."""
        try:
            self._parser.feed_data(data)
        except Exception as error:  # noqa: BLE001  the host under test is hostile
            self._ether.tell("nonsense", host=self.name, reason=f"{error}: not H4 HCI, the host is detached")
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The host ended or closed."""
        if self.controller is not None:
            self.controller.leave(self._ether.link)
        self._ether.tell("detached", host=self.name, addresses=sorted(self.addresses))

    def _advertised(self, _controller: EtherController, address: hci.Address, data: bytes) -> None:
        words = str(address)
        if words not in self.addresses:
            self.addresses.add(words)
            self._ether.tell("advertises", host=self.name, address=words, data=data.hex())


class Ether:
    """The air and its listeners. `tell(event, **words)` hears who attaches, advertises and leaves."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self.link, self.tell = LocalLink(), tell
        self._made = 0
        self._servers: list[asyncio.Server] = []
        self._ptys: list[Pty] = []
        self._paths: list[Path] = []

    def controller(self, sink: _Sink | None = None) -> EtherController:
        """A controller on this air."""
        self._made += 1
        address = f"C0:00:00:00:{self._made >> 8 & 255:02X}:{self._made & 255:02X}"
        return EtherController(f"controller {self._made}", host_sink=sink, link=self.link, public_address=address)

    async def listen(self, moniker: str) -> str:
        """`tcp:HOST:PORT` (port 0 chooses one), `unix:PATH` or `pty:PATH`; returns the moniker to attach to.

        Raises OSError when that cannot be had, UsageError for another moniker.
        """
        scheme, _colon, rest = moniker.partition(":")
        match scheme:
            case "tcp":
                host, port = place_of(moniker, any_port=True)
                server = await asyncio.get_running_loop().create_server(self._port, host, port)
                self._servers.append(server)
                return f"tcp:{host}:{server.sockets[0].getsockname()[1]}"
            case "unix":
                self._servers.append(await asyncio.get_running_loop().create_unix_server(self._port, rest))
                self._paths.append(Path(rest))
                return moniker
            case "pty":
                self._pty(Path(rest))
                return moniker
            case _:
                raise UsageError(f"'{moniker}': write tcp:HOST:PORT, unix:PATH or pty:PATH")

    def _port(self) -> HostPort:
        return HostPort(self, f"host {self._made + 1}")

    def _pty(self, path: Path) -> None:
        """A pty, and a symbolic link to it."""
        descriptor, device = os.openpty()
        tty.setraw(device)
        os.set_blocking(descriptor, False)
        path.unlink(missing_ok=True) if path.is_symlink() else None
        path.symlink_to(os.ttyname(device))
        os.close(device)
        self._paths.append(path)
        self._ptys.append(Pty(descriptor, lambda: HostPort(self, f"pty {path}")))

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

    def __init__(self, descriptor: int, attach: Callable[[], HostPort]) -> None:
        self._descriptor, self._attach = descriptor, attach
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
            self._port.connection_made(_PtyWriter(self._descriptor))
            loop.add_reader(self._descriptor, self._readable)
        elif self._port is not None and gone:
            loop.remove_reader(self._descriptor)
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
            os.close(self._descriptor)
            self._descriptor = -1


class _PtyWriter(asyncio.WriteTransport):
    """The part of a transport that a port needs, on a pty's descriptor."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def write(self, data: bytes | bytearray | memoryview) -> None:
        with contextlib.suppress(OSError):
            os.write(self._descriptor, data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Stays open: a new host may come along."""
