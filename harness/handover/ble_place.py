"""Where an exported script of a Bluetooth finding talks to: a device by its address, through bleak."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qsl

from bleak import BleakClient
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_16, normalize_uuid_str

from harness.handover.places import Carrier, Gone
from harness.radio.att import WRITE, WRITE_COMMAND, answers
from harness.radio.bleak.translation import Translation

_JOIN_SECONDS = 20.0
_CONFIGURATION = normalize_uuid_16(0x2902)
_KNOWN = ("pair", "char", "layer", "fence", "adapter")


class BlePlace(Carrier):
    """`ble:ADDRESS?pair=on`: ATT PDUs; with `char=UUID` what is sent is the value to write."""

    def __init__(self, address: str) -> None:
        self._address, _mark, query = address.partition("?")
        told = dict(parse_qsl(query))
        if told.keys() - set(_KNOWN) or told.get("layer", "gatt") != "gatt":
            raise ValueError(f"'ble:{address}' is more than this script can; write ble:ADDRESS?pair=on")
        self._paired, self._value = told.get("pair") == "on", told.get("char", "")
        self._runner: asyncio.Runner | None = None
        self._client: BleakClient | None = None
        self._came: asyncio.Queue[bytes] = asyncio.Queue()

    def open(self) -> None:
        """Connect, pair where that is wanted, and ask for what the device tells by itself; raises Gone."""
        self.close()
        self._runner = asyncio.Runner()
        self._run(self._join())

    def send(self, data: bytes) -> None:
        """One PDU, or one value; raises Gone."""
        pdu = data if not self._value else self._written(data)
        self._joined()
        self._translation.take(pdu)

    def receive(self, deadline: float) -> bytes:
        """The next PDU, b"" at the deadline; raises Gone."""
        if self._client is None:
            self.open()
        return self._run(self._next(max(0.0, deadline - time.monotonic())))

    def handle(self, uuid: str) -> int:
        """That of a characteristic's value; raises Gone."""
        return self._characteristic(uuid).handle + 1

    def close(self) -> None:
        """Idempotent."""
        client, self._client = self._client, None
        if client is not None:
            self._translation.close()
            self._run(_left(client))
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        assert self._runner is not None
        try:
            return self._runner.run(work)
        except (BleakError, OSError, EOFError, NotImplementedError) as error:
            raise Gone(f"no connection to {self._address}: {error or type(error).__name__}") from error

    async def _join(self) -> None:
        self._came = asyncio.Queue()
        client = BleakClient(self._address, self._ended, timeout=_JOIN_SECONDS, pair=self._paired)
        await client.connect()
        self._client, self._translation = client, Translation(client, self._came.put_nowait)
        for characteristic in client.services.characteristics.values():
            told = {"notify", "indicate"} & set(characteristic.properties)
            descriptor = characteristic.get_descriptor(_CONFIGURATION)
            if told and descriptor is not None:
                value = b"\1\0" if "notify" in told else b"\2\0"
                await self._asked(bytes([WRITE]) + descriptor.handle.to_bytes(2, "little") + value)

    async def _asked(self, pdu: bytes) -> None:
        self._translation.take(pdu)
        while (answer := await self._next(_JOIN_SECONDS)) and not answers(pdu, answer):
            pass

    async def _next(self, seconds: float) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                pdu = await self._came.get()
        except TimeoutError:
            return b""
        if not pdu:
            self._came.put_nowait(b"")
            raise Gone("the device ended the connection")
        return pdu

    def _ended(self, _client: BleakClient) -> None:
        self._came.put_nowait(b"")

    def _joined(self) -> BleakClient:
        if self._client is None:
            self.open()
        assert self._client is not None
        if not self._client.is_connected:
            raise Gone("the device ended the connection")
        return self._client

    def _characteristic(self, uuid: str) -> Any:
        found = self._joined().services.get_characteristic(normalize_uuid_str(uuid))
        if found is None:
            raise Gone(f"the device has no characteristic {uuid}")
        return found

    def _written(self, value: bytes) -> bytes:
        found = self._characteristic(self._value)
        operation = WRITE if "write" in found.properties else WRITE_COMMAND
        return bytes([operation]) + (found.handle + 1).to_bytes(2, "little") + value


async def _left(client: BleakClient) -> None:
    try:
        await client.disconnect()
    except (BleakError, OSError, EOFError):
        return


def ble_place_at(moniker: str) -> BlePlace:
    """The place that a moniker names, not yet open; raises ValueError."""
    scheme, _colon, address = moniker.partition(":")
    if address and scheme == "ble":
        return BlePlace(address)
    raise ValueError(f"'{moniker}' is no address; write ble:ADDRESS?pair=on")
