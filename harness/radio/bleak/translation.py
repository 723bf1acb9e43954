"""ATT PDUs said with bleak's calls: a desktop's Bluetooth takes values, never PDUs.

What such a call cannot say is answered here, with an Error Response, and never reaches the device.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode
from bleak.uuids import normalize_uuid_16

from harness.radio.att import (
    INDICATION,
    MTU_REQUEST,
    NOTIFICATION,
    READ,
    READ_BLOB,
    READ_BY_TYPE,
    TRANSACTION_SECONDS,
    WRITE,
    WRITE_COMMAND,
    is_request,
    refusal,
)
from harness.radio.bleak.advertisement import uuid_of

_CCCD = normalize_uuid_16(0x2902)
_DECLARATIONS = frozenset(normalize_uuid_16(number) for number in (0x2800, 0x2801, 0x2802, 0x2803))
_WAITING, _LONGEST_LISTED = 256, 253
_ASKED = {MTU_REQUEST: (3,), READ: (3,), READ_BY_TYPE: (7, 21), READ_BLOB: (5,)}  # by length
Code = BleakGATTProtocolErrorCode


def sayable(pdu: bytes) -> bool:
    """True for a PDU that one of bleak's calls says."""
    if pdu[:1] in (bytes([WRITE]), bytes([WRITE_COMMAND])):
        return len(pdu) >= 3
    return bool(pdu) and len(pdu) in _ASKED.get(pdu[0], ())


class Translation:
    """The ATT server of one connection. PDUs are taken in order; `answer` gets what would have come back."""

    def __init__(self, client: BleakClient, answer: Callable[[bytes], None]) -> None:
        self._client, self._answer = client, answer
        self._waiting = asyncio.Queue[bytes](_WAITING)
        self._subscribed: set[int] = set()
        self._worker = asyncio.ensure_future(self._work())

    def take(self, pdu: bytes) -> None:
        """One PDU for the device; one more than 256 that wait is dropped."""
        with contextlib.suppress(asyncio.QueueFull):
            self._waiting.put_nowait(pdu)

    def close(self) -> None:
        """Idempotent."""
        self._worker.cancel()

    async def _work(self) -> None:
        while True:
            answer = await self._answered(await self._waiting.get())
            if answer:
                self._answer(answer)

    async def _answered(self, pdu: bytes) -> bytes:
        """b"" where there is no answer: to a command, and when none comes within ATT's 30 s."""
        try:
            async with asyncio.timeout(TRANSACTION_SECONDS):
                return await self._said(pdu)
        except TimeoutError:
            return b""
        except BleakGATTProtocolError as error:
            code = int(error.code)
        except (BleakError, OSError, EOFError):
            code = Code.UNLIKELY_ERROR
        return refusal(pdu, code) if is_request(pdu) else b""

    async def _said(self, pdu: bytes) -> bytes:
        handle = int.from_bytes(pdu[1:3], "little")
        if not sayable(pdu):
            raise BleakGATTProtocolError(Code.REQUEST_NOT_SUPPORTED)
        if pdu[0] in (WRITE, WRITE_COMMAND):
            await self._write(handle, pdu[3:], response=pdu[0] == WRITE)
            return bytes([WRITE + 1]) if pdu[0] == WRITE else b""
        return await self._told_of(pdu, handle)

    async def _told_of(self, pdu: bytes, handle: int) -> bytes:
        """The answer to a question."""
        if pdu[0] == MTU_REQUEST:
            return bytes([MTU_REQUEST + 1]) + self._client.mtu_size.to_bytes(2, "little")
        if pdu[0] == READ:
            return bytes([READ + 1]) + (await self._read(handle))[: self._room]
        if pdu[0] == READ_BY_TYPE:
            return await self._by_type(handle, int.from_bytes(pdu[3:5], "little"), uuid_of(pdu[5:]))
        return bytes([READ_BLOB + 1]) + await self._part(handle, int.from_bytes(pdu[3:], "little"))

    @property
    def _room(self) -> int:
        return self._client.mtu_size - 1

    def _attribute(self, handle: int) -> BleakGATTCharacteristic | BleakGATTDescriptor:
        """By the handle of a value, which follows that of its declaration, or of a descriptor."""
        services = self._client.services
        found = services.characteristics.get(handle - 1) or services.descriptors.get(handle)
        if found is None:
            raise BleakGATTProtocolError(Code.INVALID_HANDLE)
        return found

    async def _read(self, handle: int) -> bytes:
        match self._attribute(handle):
            case BleakGATTCharacteristic() as characteristic:
                return bytes(await self._client.read_gatt_char(characteristic))
            case descriptor:
                return bytes(await self._client.read_gatt_descriptor(descriptor))

    async def _by_type(self, first: int, last: int, uuid: str) -> bytes:
        """The first value of a type within a range of handles, as a list of one. Declarations are no values."""
        if uuid in _DECLARATIONS:
            raise BleakGATTProtocolError(Code.REQUEST_NOT_SUPPORTED)
        services = self._client.services
        found = {c.handle + 1 for c in services.characteristics.values() if c.uuid == uuid}
        found |= {d.handle for d in services.descriptors.values() if d.uuid == uuid}
        inside = [handle for handle in found if first <= handle <= last]
        if not inside:
            raise BleakGATTProtocolError(Code.ATTRIBUTE_NOT_FOUND)
        value = (await self._read(min(inside)))[: min(self._room - 3, _LONGEST_LISTED)]
        listed = min(inside).to_bytes(2, "little") + value
        return bytes([READ_BY_TYPE + 1, len(listed)]) + listed

    async def _part(self, handle: int, offset: int) -> bytes:
        value = await self._read(handle)
        if offset > len(value):
            raise BleakGATTProtocolError(Code.INVALID_OFFSET)
        return value[offset : offset + self._room]

    async def _write(self, handle: int, value: bytes, *, response: bool) -> None:
        match self._attribute(handle):
            case BleakGATTCharacteristic() as characteristic:
                await self._client.write_gatt_char(characteristic, value, response=response)
            case descriptor if descriptor.uuid != _CCCD:
                await self._client.write_gatt_descriptor(descriptor, value)
            case configuration:
                await self._configure(configuration.characteristic_handle, value)

    async def _configure(self, handle: int, value: bytes) -> None:
        """Notifications and indications on or off; the operating system chooses between the two."""
        if len(value) != 2 or int.from_bytes(value, "little") > 3:
            raise BleakGATTProtocolError(Code.REQUEST_NOT_SUPPORTED)
        if any(value) and handle not in self._subscribed:
            await self._client.start_notify(handle, self._told)
            self._subscribed.add(handle)
        elif not any(value) and handle in self._subscribed:
            await self._client.stop_notify(handle)
            self._subscribed.discard(handle)

    def _told(self, characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        opcode = NOTIFICATION if "notify" in characteristic.properties else INDICATION
        self._answer(bytes([opcode]) + (characteristic.handle + 1).to_bytes(2, "little") + bytes(value))
