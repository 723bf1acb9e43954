"""bleak's client on a radio: GATT over raw ATT PDUs, which are matched with their answers in the script's process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar

from bleak.args import SizedBuffer
from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bleak.uuids import normalize_uuid_16, normalize_uuid_str

from harness.radio.att import ATT, MTU
from harness.radio.bleak.bearer import Bearer
from harness.radio.bleak.line import RadioLine, dial
from harness.radio.wire import CONTROL, Kind, Message

_CCCD = normalize_uuid_16(0x2902)
_SECONDS = 5.0
_DEFAULT_MTU = 23


class RadioBleakClient(BaseBleakClient):
    """`BleakClient(address, backend=RadioBleakClient)`; each has its own connection to the radio.

    Handles of characteristics are those of their declarations, as in bleak's own backends; their values' are one more.
    """

    radio: ClassVar[str] = CONTROL

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        services: Collection[str] | None = None,
        **_platform: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._name = address_or_ble_device.name if isinstance(address_or_ble_device, BLEDevice) else None
        self._wanted = services
        self._line: RadioLine | None = None
        self._bearer: Bearer | None = None
        self._connection = 0
        self._callbacks: dict[int, NotifyCallback] = {}

    @property
    def name(self) -> str:
        """The advertised name, else the address with dashes."""
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """The MTU that was negotiated; 23 before."""
        return self._bearer.mtu if self._bearer is not None else _DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """True while the connection is up and ready to use."""
        return self._bearer is not None

    # -- the connection -------------------------------------------------------------------------------------------

    async def connect(self, pair: bool, **_platform: Any) -> None:
        """Connect, pair if wanted, and read the table; raises BleakDeviceNotFoundError, BleakError."""
        if self._line is not None:
            raise BleakError("already connected")
        self._line = line = await dial(self.radio, self._timeout, self._take, self._gone)
        try:
            await self._joined(line, pair=pair)
        except BaseException:
            self._let_go()
            raise

    async def _joined(self, line: RadioLine, *, pair: bool) -> None:
        try:
            self._connection = int((await line.ask("connect", self._timeout, address=self.address))["connection"])
        except BleakError as error:
            raise BleakDeviceNotFoundError(self.address, str(error)) from error
        if pair:
            await self.pair()
        table = await line.ask("table", self._timeout, connection=self._connection, mtu=MTU)
        await line.ask("tap", self._timeout, connection=self._connection, channels=[ATT])
        if self._line is not line:
            raise BleakError(f"{self.address}: disconnected")
        self._bearer = Bearer(int(table["mtu"]), self._put, self._notified, self._gone)
        self.services = self._collection(table["services"])

    def _put(self, body: bytes) -> None:
        if self._line is not None:
            self._line.send(self._connection, body)

    def _take(self, message: Message) -> None:
        if message.kind == Kind.PDU and self._bearer is not None:
            self._bearer.take(message.body[2:])
        elif message.kind == Kind.EVENT and message.words.get("event") == "disconnected":
            self._gone()

    def _gone(self) -> None:
        """The device or the radio is gone, or we are."""
        ready = self.is_connected
        self._let_go()
        if ready and self._disconnected_callback is not None:
            asyncio.get_running_loop().call_soon(self._disconnected_callback)

    def _let_go(self) -> None:
        """The radio ends the connection with the control socket."""
        line, bearer = self._line, self._bearer
        self._line = self._bearer = self.services = None
        self._callbacks.clear()
        if bearer is not None:
            bearer.close(f"{self.address}: disconnected")
        if line is not None:
            line.close()

    async def disconnect(self) -> None:
        """Idempotent."""
        line, connection = self._line, self._connection
        if line is not None:
            with contextlib.suppress(BleakError):
                await line.ask("drain", _SECONDS, connection=connection)
                await line.ask("disconnect", _SECONDS, connection=connection)
        self._gone()

    async def pair(self, *_args: Any, **_platform: Any) -> None:
        """Just Works, and encrypt; raises BleakError."""
        if self._line is None:
            raise BleakError("not connected")
        await self._line.ask("pair", self._timeout, connection=self._connection)

    async def unpair(self) -> None:
        """Forget the keys, and disconnect."""
        line = self._line or await dial(self.radio, self._timeout, self._take, self._gone)
        try:
            await line.ask("forget", _SECONDS, address=self.address)
            await self.disconnect()
        finally:
            line.close()

    # -- the table ------------------------------------------------------------------------------------------------

    def _collection(self, services: list[dict[str, Any]]) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for found in services:
            service = BleakGATTService(found, int(found["handle"]), normalize_uuid_str(found["uuid"]))
            if self._wanted is None or service.uuid in self._wanted:
                collection.add_service(service)
                for characteristic in found["characteristics"]:
                    self._add(collection, service, characteristic)
        return collection

    def _add(self, collection: BleakGATTServiceCollection, service: BleakGATTService, found: Mapping[str, Any]) -> None:
        characteristic = BleakGATTCharacteristic(
            found,
            int(found["handle"]) - 1,
            normalize_uuid_str(found["uuid"]),
            sorted(gatt_char_props_to_strs(int(found["properties"]))),
            lambda: self.mtu_size - 3,
            service,
        )
        collection.add_characteristic(characteristic)
        for each in found["descriptors"]:
            uuid = normalize_uuid_str(each["uuid"])
            collection.add_descriptor(BleakGATTDescriptor(each, int(each["handle"]), uuid, characteristic))

    # -- values ---------------------------------------------------------------------------------------------------

    def _ready(self) -> Bearer:
        if self._bearer is None:
            raise BleakError("not connected")
        return self._bearer

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_platform: Any
    ) -> bytearray:
        """Always read from the device; raises BleakGATTProtocolError, BleakError."""
        return await self._ready().read(characteristic.handle + 1)

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_platform: Any
    ) -> bytearray:
        """Always read from the device; raises BleakGATTProtocolError, BleakError."""
        return await self._ready().read(descriptor.handle)

    async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool) -> None:
        """Without response: returns when the adapter has taken it. Raises BleakGATTProtocolError, BleakError."""
        bearer = self._ready()
        if response:
            await bearer.write(characteristic.handle + 1, bytes(data))
            return
        bearer.command(characteristic.handle + 1, bytes(data))
        if self._line is not None:
            await self._line.ask("drain", self._timeout, connection=self._connection)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Raises BleakGATTProtocolError, BleakError."""
        await self._ready().write(descriptor.handle, bytes(data))

    # -- what the device tells ------------------------------------------------------------------------------------

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_platform: Any
    ) -> None:
        """Notifications, or indications where there are no notifications; raises BleakError."""
        if characteristic.handle in self._callbacks:
            raise BleakError(f"{characteristic.uuid} notifies already")
        self._callbacks[characteristic.handle] = callback
        try:
            await self._configure(characteristic, 1 if "notify" in characteristic.properties else 2)
        except BaseException:
            self._callbacks.pop(characteristic.handle, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Raises BleakError."""
        await self._configure(characteristic, 0)
        self._callbacks.pop(characteristic.handle, None)

    async def _configure(self, characteristic: BleakGATTCharacteristic, value: int) -> None:
        configuration = characteristic.get_descriptor(_CCCD)
        if configuration is None:
            raise BleakError(f"{characteristic.uuid} neither notifies nor indicates")
        await self.write_gatt_descriptor(configuration, value.to_bytes(2, "little"))

    def _notified(self, handle: int, value: bytes) -> None:
        callback = self._callbacks.get(handle - 1)
        if callback is not None:
            asyncio.get_running_loop().call_soon(callback, bytearray(value))
