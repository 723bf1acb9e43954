"""The pump's radio front: a GATT server on Bumble whose reads and writes reach the firmware through the mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_server import Server
from bumble.hci import Address, HCI_ErrorCode, OwnAddressType
from bumble.keys import MemoryKeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from targets.insulin import table
from targets.insulin.mailbox import Mailbox, NoResult, Op
from targets.serving.dirty_ble import Dirt

NAME = "IP-7"
VENDOR = 0xF000
VENDOR_BASE = "0000{:04x}-4d46-0001-0000-00805f9b34fb"
_ENCRYPTED, _BONDED, _AUTHENTICATED = 1, 2, 4
_WITH_RESPONSE = 1
_PERMISSIONS = Characteristic.READABLE | Characteristic.WRITEABLE


class Front:
    """Owns the Bumble device. What the firmware asks for is done; what the central does is told to the firmware."""

    def __init__(
        self, device: Device, mailbox: Callable[[Callable[[int, bytes], None]], Mailbox], dirt: Dirt, *, public: bool
    ) -> None:
        self._device, self._dirt, self._public = device, dirt, public
        self._mailbox = mailbox(self._told)
        self._connection: Connection | None = None
        self._advertising, self._on = asyncio.Lock(), False
        self._indicated, self._lost = b"", False
        self._attributes: dict[int, Characteristic[bytes]] = {}
        self._tasks: set[asyncio.Future[Any]] = set()
        self._acts: dict[int, Callable[[bytes], Awaitable[None]]] = {
            Op.NOTIFY: self._notify,
            Op.INDICATE: self._indicate,
            Op.DISCONNECT: self._disconnect,
            Op.ADVERTISE: self._advertise,
            Op.UNBOND: self._unbond,
        }

    async def start(self) -> None:
        """Power on and advertise."""
        for service in table.SERVICES:
            self._device.add_service(Service(uuid_of(service.uuid), [self._place(c) for c in service.characteristics]))
        self._said = bytes(
            AdvertisingData([(AdvertisingData.FLAGS, b"\x06"), (AdvertisingData.COMPLETE_LOCAL_NAME, NAME.encode())])
        )
        self._device.pairing_config_factory = _pairing
        self._device.on(Device.EVENT_CONNECTION, self._connected)
        self._hear_confirmations(self._device.gatt_server)
        _keep_declarations(self._device.gatt_server)
        await self._device.power_on()
        self._device.keystore = MemoryKeyStore()
        self._dirt.dress()
        self._on = True
        await self._advertise(b"\x01")

    def _place(self, row: table.Characteristic) -> Characteristic[bytes]:
        permissions = _PERMISSIONS
        if row.needs_encryption:
            permissions |= Characteristic.READ_REQUIRES_ENCRYPTION | Characteristic.WRITE_REQUIRES_ENCRYPTION

        def read(_connection: Connection) -> bytes:
            return self._ask(Op.READ, row.id.to_bytes(2, "little"))

        def write(_connection: Connection, value: bytes) -> None:
            self._ask(Op.WRITE, row.id.to_bytes(2, "little") + bytes([_WITH_RESPONSE]) + value)

        delegate = CharacteristicValue(read=read, write=write)
        made = Characteristic(uuid_of(row.id), _properties(row.properties), permissions, delegate)
        self._attributes[row.id] = made

        def subscribed(_bearer: object, notify: bool, indicate: bool) -> None:
            self._mailbox.tell(Op.SUBSCRIBE, _words(row.id, notify | indicate << 1))

        made.on(Characteristic.EVENT_SUBSCRIPTION, subscribed)
        return made

    def _hear_confirmations(self, server: Server) -> None:
        """In their place among the requests: Bumble's own waiting task would tell of them behind the next one."""
        taken = server.on_att_handle_value_confirmation

        def confirmed(bearer: att.Bearer, confirmation: att.ATT_Handle_Value_Confirmation) -> None:
            if self._indicated:
                told, self._indicated = self._indicated, b""
                self._mailbox.tell(Op.CONFIRMED, told)
            taken(bearer, confirmation)

        server.on_att_handle_value_confirmation = confirmed

    def _ask(self, op: Op, body: bytes) -> bytes:
        try:
            error, value = self._mailbox.ask(op, body)
        except NoResult:
            raise att.ATT_Error(att.ErrorCode.UNLIKELY_ERROR) from None
        if error:
            raise att.ATT_Error(att.ErrorCode(error))
        return value

    def restarted(self) -> None:
        """The firmware was put back to its baseline: no connection, no bonds."""
        self._device.keystore = MemoryKeyStore()
        self._told(Op.ADVERTISE, b"\x01")

    # -- what the central does ------------------------------------------------------------------------------------

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        self._mailbox.tell(Op.CONNECTED, b"\x01" + bytes(connection.peer_address) + bytes([_security(connection)]))

        def encryption() -> None:
            self._mailbox.tell(Op.SECURITY, bytes([_security(connection)]))

        def paired(keys: PairingKeys) -> None:
            key = keys.ltk or keys.ltk_peripheral
            if key is not None:
                self._mailbox.tell(Op.BOND, bytes(connection.peer_address) + key.value)
                encryption()
            self._device.smp_manager.sessions.pop(connection.handle, None)  # which would not pair a second time

        def mtu() -> None:
            self._mailbox.tell(Op.MTU, connection.att_mtu.to_bytes(2, "little"))

        def gone(reason: int) -> None:
            self._disconnected(connection, reason)

        connection.on(Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, encryption)
        connection.on(Connection.EVENT_PAIRING, paired)
        connection.on(Connection.EVENT_CONNECTION_ATT_MTU_UPDATE, mtu)
        connection.on(Connection.EVENT_DISCONNECTION, gone)

    def _disconnected(self, connection: Connection, reason: int) -> None:
        if connection is not self._connection:
            return  # an earlier one, told late
        self._connection = None
        if self._lost:
            self._lost = False
            self._told(Op.ADVERTISE, b"\x01")
        self._mailbox.tell(Op.DISCONNECTED, bytes([reason & 0xFF]))

    # -- what the firmware asks for -------------------------------------------------------------------------------

    def _told(self, op: int, body: bytes) -> None:
        """Do it behind what is being done now: an answer goes out before what follows from it."""
        act = self._acts.get(op) if self._on else None
        if act is not None:
            task = asyncio.ensure_future(act(body))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a central that went away in the middle is no news

    async def _notify(self, body: bytes) -> None:
        if self._connection and (attribute := self._attributes.get(_word(body))):
            await self._device.gatt_server.notify_subscriber(self._connection, attribute, body[2:], force=True)

    async def _indicate(self, body: bytes) -> None:
        if self._connection and (attribute := self._attributes.get(_word(body))):
            self._indicated = body[:2]
            await self._device.gatt_server.indicate_subscriber(self._connection, attribute, body[2:], force=True)

    async def _disconnect(self, body: bytes) -> None:
        if self._connection:
            await self._connection.disconnect(HCI_ErrorCode(body[0]))

    async def _advertise(self, body: bytes) -> None:
        """A firmware that advertises in the middle of a connection has restarted, and its connection is lost."""
        if body[:1] == b"\0":
            await self._device.stop_advertising()
            return
        if self._connection:
            self._lost = True
            await self._connection.disconnect(HCI_ErrorCode.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR)
            return
        if self._advertising.locked():
            return
        async with self._advertising:
            await self._device.stop_advertising()  # Bumble may take it for advertising still, if connected at once
            await self._dirt.before_advertising()
            own = OwnAddressType.PUBLIC if self._public else OwnAddressType.RANDOM
            await self._device.start_advertising(
                own_address_type=own,
                advertising_data=self._dirt.data(self._said),
                advertising_interval_min=self._dirt.interval,
                advertising_interval_max=self._dirt.interval,
            )

    async def _unbond(self, body: bytes) -> None:
        if self._device.keystore is not None:
            await self._device.keystore.delete(str(Address(bytes(body[:6]))))


def uuid_of(number: int) -> UUID:
    """The UUID of a service or characteristic: the vendor's own from F000 on, else the Bluetooth SIG's."""
    return UUID(VENDOR_BASE.format(number)) if number >= VENDOR else UUID.from_16_bits(number)


def _properties(wanted: table.Property) -> Characteristic.Properties:
    names = [bit.name for bit in wanted if bit.name]
    found = Characteristic.Properties(0)
    for name in names:
        found |= Characteristic.Properties[name]
    return found


def _security(connection: Connection) -> int:
    bonded = _BONDED if connection.is_encrypted else 0
    authenticated = _AUTHENTICATED if connection.authenticated else 0
    return (_ENCRYPTED if connection.is_encrypted else 0) | bonded | authenticated


def _pairing(_connection: Connection) -> PairingConfig:
    return PairingConfig(sc=True, mitm=False, bonding=True, delegate=PairingDelegate())


def _keep_declarations(server: Server) -> None:
    """Bumble lets a peer write to any attribute, that of a service's own UUID included."""

    async def refuse(bearer: att.Bearer, value: bytes) -> None:
        del bearer, value
        raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)

    for attribute in cast("list[att.Attribute[Any]]", server.attributes):
        if not attribute.permissions & attribute.WRITEABLE:
            attribute.write_value = refuse


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "little") for number in numbers)


def _word(body: bytes) -> int:
    return int.from_bytes(body[:2], "little")
