"""The central: Bumble's host on the virtual air or on a real adapter, with PDUs taken before Bumble parses them."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bumble import att, core, hci
from bumble.device import Connection, Device, DeviceConfiguration, Peer
from bumble.host import Connection as HostConnection
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink

from harness.radio import procedures
from harness.radio.controller import EtherController
from harness.radio.ether import Ether
from harness.radio.inbound import Inbound
from harness.radio.procedures import OWN_ADDRESS
from harness.radio.scanner import Scanner, plain
from harness.radio.wire import Kind, Received, Told, Words

_NUMBERS = 0xFFFF
_OF_THE_TRANSPORT = 0  # no HCI reason: Bumble's, when its adapter is gone
_HARDWARE_ERROR = "on_hci_hardware_error_event"  # where Bumble's host would handle it, and does not
_ESTABLISHED_SECONDS, _SHORTEST, _ROTATING_SECONDS = 0.002, 0.1, 1.5


@dataclass(slots=True)
class Peripheral:
    """One connection: who hears its PDUs, and which channels go to them instead of to Bumble."""

    number: int
    connection: Connection
    received: Received
    told: Told
    taps: frozenset[int] = frozenset()
    everything: bool = False
    peer: Peer = field(init=False)

    def __post_init__(self) -> None:
        self.peer = Peer(self.connection)


class Central:
    """Connects, pairs, and moves raw PDUs; `scanner` scans. Connections have numbers that are not used again."""

    only: frozenset[str] | None = None
    errors: tuple[type[Exception], ...] = (core.BaseBumbleError, hci.HCI_Error)

    def __init__(self, adapter: str, ether: Ether) -> None:
        self.adapter, self._ether = adapter, ether
        self.connections: dict[int, Peripheral] = {}
        self._by_handle: dict[int, Peripheral] = {}
        self._made = 0
        self._connecting = asyncio.Lock()
        self._transport: Any = None
        self._closing: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Power on; raises whatever the adapter's transport raises. Once the adapter is lost, `lost` says how."""
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._device = Device(
            config=DeviceConfiguration(name="medfuzz", address=hci.Address(OWN_ADDRESS)), host=await self._host()
        )
        self._device.pairing_config_factory = _just_works
        self.scanner = Scanner(self._device)
        self._tap(self._device.host)
        await self._device.power_on()
        await self.forget()

    async def _host(self) -> Host:
        if self.adapter == "virtual":
            controller: EtherController = self._ether.controller()
            return Host(controller, AsyncPipeSink(controller))
        self._transport = await open_transport(self.adapter)
        self._transport.source.terminated.add_done_callback(self._unplugged)
        host = Host(self._transport.source, self._transport.sink)
        setattr(host, _HARDWARE_ERROR, self._broken)
        return host

    def _unplugged(self, _ended: object) -> None:
        self._lose("it is gone")

    def _broken(self, _event: object) -> None:
        self._lose("it reports a hardware error")

    def _lose(self, how: str) -> None:
        if not self.lost.done():
            self.lost.set_result(how)

    async def stop(self) -> None:
        """Power off and let go of the adapter."""
        if self._transport is not None:
            if not self.lost.done():
                await self._device.power_off()
            await self._transport.close()

    # -- connections ----------------------------------------------------------------------------------------------

    async def connect(self, address: str, timeout: float, received: Received, told: Told) -> int:
        """Connect within `timeout` seconds; returns its number. Raises TimeoutError, core.ConnectionError.

        Who asks may go away meanwhile: the attempt goes on to its end, because Bumble does not stand being cut short,
        and a connection that nobody wants any more is closed.
        """
        attempt = asyncio.ensure_future(self._alone(address, timeout))
        try:
            connection = await asyncio.shield(attempt)
        except asyncio.CancelledError:
            attempt.add_done_callback(self._unwanted)
            raise
        return self._numbered(connection, received, told)

    async def _alone(self, address: str, timeout: float) -> Connection:
        async with self._connecting:
            try:
                return await self._established(address, time.monotonic() + timeout)
            except (TimeoutError, core.TimeoutError) as error:
                self.scanner.forget(address)
                raise TimeoutError(f"{address} does not advertise, or takes no connection") from error

    def _unwanted(self, attempt: asyncio.Future[Connection]) -> None:
        if not attempt.cancelled() and attempt.exception() is None:
            self._closing = asyncio.ensure_future(attempt.result().disconnect())

    def _numbered(self, connection: Connection, received: Received, told: Told) -> int:
        self._made = self._made % _NUMBERS + 1
        peripheral = Peripheral(self._made, connection, received, told)
        self.connections[self._made] = self._by_handle[connection.handle] = peripheral

        def gone(reason: int) -> None:
            self._gone(peripheral, reason)

        connection.on("disconnection", gone)
        return self._made

    async def _established(self, address: str, deadline: float) -> Connection:
        """A connection that the other side knows of, too: one that was not established (0x3E) is tried again."""
        while (left := deadline - time.monotonic()) > 0:
            found = (await self.scanner.find(address, left)).address
            left = max(deadline - time.monotonic(), _SHORTEST)
            rotates = found.is_resolvable or self.scanner.follows(address)
            if rotates:  # it may be at another one by the time that we connect
                left = min(left, _ROTATING_SECONDS)
            with contextlib.suppress(core.TimeoutError):
                connection = await self._device.connect(found, timeout=left)
                await asyncio.sleep(_ESTABLISHED_SECONDS)
                if self._device.lookup_connection(connection.handle) is connection:
                    _known_as(connection, address)
                    return connection
            if rotates:
                self.scanner.forget(address)
        raise TimeoutError

    def _gone(self, peripheral: Peripheral, reason: int) -> None:
        self.connections.pop(peripheral.number, None)
        if self._by_handle.get(peripheral.connection.handle) is peripheral:
            del self._by_handle[peripheral.connection.handle]
        if reason == _OF_THE_TRANSPORT:
            self._lose("it is gone")
            return
        peripheral.told("disconnected", {"reason": int(reason)})

    def address_type(self, number: int) -> str:
        """`public` or `random`: what the address of the other side is."""
        return "public" if self.connections[number].connection.peer_address.is_public else "random"

    async def disconnect(self, number: int, reason: int = 0x13) -> None:
        """Close a connection; one that is gone already is none."""
        peripheral = self.connections.get(number)
        if peripheral is not None:
            await peripheral.connection.disconnect(hci.HCI_ErrorCode(reason))

    def _tap(self, host: Host) -> None:
        untapped, inbound = host.on_l2cap_pdu, Inbound(host)

        def on_l2cap_pdu(connection: HostConnection, cid: int, pdu: bytes) -> None:
            peripheral = self._by_handle.get(connection.handle)
            if peripheral is not None and (peripheral.everything or cid in peripheral.taps):
                peripheral.received(Kind.PDU, peripheral.number, cid.to_bytes(2, "little") + pdu)
            elif not inbound.take(connection.handle, cid, pdu):
                untapped(connection, cid, pdu)

        host.on_l2cap_pdu = on_l2cap_pdu

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Put a PDU, a whole L2CAP frame or one ACL fragment on a connection; on one that is gone, nothing."""
        if number not in self.connections:
            return
        host, handle = self._device.host, self.connections[number].connection.handle
        if kind == Kind.PDU:
            host.send_l2cap_pdu(handle, int.from_bytes(body[:2], "little"), body[2:])
        elif kind == Kind.FRAME:
            host.send_acl_sdu(handle, body)
        elif kind == Kind.FRAGMENT and body:
            host.send_hci_packet(hci.HCI_AclDataPacket(handle, body[0] & 3, 0, len(body) - 1, body[1:]))

    async def pair(self, number: int) -> str:
        """Encrypt the connection: with the keys of an earlier pairing, or by pairing (Secure Connections, Just Works).

        Returns what became of the bond: `kept`, `new`, or `lost` where the device had none any more and was paired with
        anew. Raises core.ProtocolError, hci.HCI_Error.
        """
        connection = self.connections[number].connection
        store, peer, bond = self._device.keystore, str(connection.peer_address), "new"
        if store is not None and await store.get(peer) is not None:
            try:
                await connection.encrypt()
            except hci.HCI_Error:
                await store.delete(peer)
                await self.scanner.learn_keys()
                bond = "lost"
            else:
                return "kept"
        await procedures.bonded(self._device, connection, connection.pair())
        return bond

    async def perform(self, number: int, name: str, numbers: Mapping[str, int]) -> str:
        """A procedure on a connection and what came of it. Raises ValueError, TypeError for one that is none."""
        return await procedures.perform(self._device, self.connections[number].connection, name, numbers)

    async def change_address(self, kind: int) -> None:
        """The own address of the connections to come, see `procedures.change_address`."""
        await procedures.change_address(self._device, kind)

    async def forget(self, address: str = "") -> None:
        """Forget the pairing with an address, or every one."""
        store, wanted = self._device.keystore, address.upper()
        if store is None or not address:
            self._device.keystore = MemoryKeyStore()
        else:
            for name, _keys in await store.get_all():
                if name.upper().startswith(wanted):
                    await store.delete(name)
        await self.scanner.learn_keys()

    async def drain(self, number: int) -> None:
        """Wait until the adapter has taken all that was sent on a connection."""
        handle = self.connections[number].connection.handle
        queue = self._device.host.get_data_packet_queue(handle)
        if queue is not None:
            await queue.drain(handle)

    async def table(self, number: int, mtu: int) -> Words:
        """Services, characteristics and descriptors of the GATT server, and the MTU, which is exchanged first.

        Or why they make no table: `malformed`.
        """
        peer = self.connections[number].peer
        if mtu > att.ATT_DEFAULT_MTU:
            with contextlib.suppress(core.ProtocolError):  # refused: the default one stays
                await peer.request_mtu(mtu)
        try:
            await peer.discover_services()
            services = [await _service(service) for service in peer.services]
        except (core.InvalidArgumentError, core.InvalidPacketError, struct.error, IndexError) as error:
            return {"malformed": str(error)}
        return {"services": services, "mtu": peer.connection.att_mtu}


async def _service(service: Any) -> dict[str, Any]:
    characteristics = await service.discover_characteristics()
    return {
        "uuid": _uuid(service.uuid),
        "handle": service.handle,
        "end": service.end_group_handle,
        "characteristics": [await _characteristic(characteristic) for characteristic in characteristics],
    }


async def _characteristic(characteristic: Any) -> dict[str, Any]:
    descriptors = await characteristic.discover_descriptors()
    return {
        "uuid": _uuid(characteristic.uuid),
        "handle": characteristic.handle,
        "properties": int(characteristic.properties),
        "descriptors": [{"uuid": _uuid(d.type), "handle": d.handle} for d in descriptors],
    }


def _uuid(uuid: core.UUID) -> str:
    """Short UUIDs as four digits, others in full; lower case."""
    return uuid.to_hex_str("-").lower() if len(uuid.uuid_bytes) == 16 else uuid.to_hex_str().lower()


def _known_as(connection: Connection, address: str) -> None:
    """The device goes by the address that it was asked for by, where it is at another one of its own."""
    spoken_to = connection.peer_address
    if plain(spoken_to) != address.upper():
        connection.peer_address = hci.Address(address, hci.Address.RANDOM_DEVICE_ADDRESS)
        connection.peer_resolvable_address = spoken_to


def _just_works(_connection: Connection) -> PairingConfig:
    """Our identity is the random address that we connect from."""
    return PairingConfig(
        sc=True, mitm=False, delegate=PairingDelegate(), identity_address_type=PairingConfig.AddressType.RANDOM
    )
