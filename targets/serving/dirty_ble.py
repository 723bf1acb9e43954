"""What peripherals in the field do that is no fault: to be put on a Bumble device by name (`bench_faults`)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, cast

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, Service
from bumble.hci import Address

SLOW_MS, FAST_MS = 2000.0, 20.0
_LATE_SECONDS, _IDLE_SECONDS = 2.0, 1.0
_KEY = bytes(range(16))
_NAMES = (b"P\xfcmp \xff", b"p\xfcMP \xff")
_TWICE = UUID("a2000001-0000-4000-8000-000000000000")
_VALUE = UUID("a2000002-0000-4000-8000-000000000000")


class Dirt:
    """The chosen faults on one device. Its owner asks it for an interval and data, and awaits `before_advertising`."""

    def __init__(self, device: Device, names: Collection[str]) -> None:
        self._device, self._names = device, frozenset(names)
        self._connections = 0
        self._asked = 0.0
        if "rotating-address" in names:
            device.irk = _KEY

    @property
    def interval(self) -> float:
        """Milliseconds from one advertisement to the next."""
        return SLOW_MS if "slow-advertising" in self._names else FAST_MS

    def dress(self) -> None:
        """Once, when the device's own services are there and it is on."""
        if not self._names:
            return
        server = cast("Any", self._device.gatt_server)
        self._taken = server.on_gatt_pdu
        server.on_gatt_pdu = self._pdu
        self._device.on(Device.EVENT_CONNECTION, self._connected)
        if "duplicate-uuids" in self._names:
            for value in (b"first", b"second"):
                read = Characteristic(_VALUE, Characteristic.Properties.READ, Characteristic.READABLE, value)
                self._device.add_service(Service(_TWICE, [read]))

    def data(self, data: bytes) -> bytes:
        """What is advertised in place of `data`."""
        if "odd-name" not in self._names:
            return data
        kept = [entry for entry in AdvertisingData.from_bytes(data).ad_structures if entry[0] not in (0x08, 0x09)]
        return bytes(AdvertisingData([*kept, (0x09, _NAMES[self._connections % 2])]))

    async def before_advertising(self) -> None:
        """The pause after a connection, and another address."""
        if "late-advertising" in self._names and self._connections:
            await asyncio.sleep(_LATE_SECONDS)
        if "rotating-address" in self._names and self._connections:
            self._device.random_address = Address.generate_private_address(self._device.irk)

    def _connected(self, connection: Connection) -> None:
        self._connections += 1
        self._asked = asyncio.get_running_loop().time()
        if "idle-disconnect" in self._names:
            asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._look, connection)

    def _look(self, connection: Connection) -> None:
        """End it if nothing was asked, else look again when that could be."""
        if self._device.lookup_connection(connection.handle) is not connection:
            return
        loop = asyncio.get_running_loop()
        left = self._asked + _IDLE_SECONDS - loop.time()
        if left > 0:
            loop.call_later(left, self._look, connection)
        else:
            self._ending = asyncio.ensure_future(connection.disconnect())

    def _pdu(self, bearer: att.Bearer, pdu: att.ATT_PDU) -> None:
        self._asked = asyncio.get_running_loop().time()
        if "mtu-refused" in self._names and pdu.op_code == att.Opcode.ATT_EXCHANGE_MTU_REQUEST:
            refusal = att.ATT_Error_Response(
                request_opcode_in_error=pdu.op_code,
                attribute_handle_in_error=0,
                error_code=att.ErrorCode.REQUEST_NOT_SUPPORTED,
            )
            self._device.gatt_server.send_response(bearer, refusal)
        else:
            self._taken(bearer, pdu)
