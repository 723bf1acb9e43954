"""The central on the desktop's own Bluetooth, through bleak: GATT only, in place of Bumble's in the radio process."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, cast

from bleak import BleakClient, BleakScanner
from bleak.assigned_numbers import CHARACTERISTIC_PROPERTIES
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.backends.service import BleakGATTService
from bleak.exc import BleakError

from harness.errors import BenchError
from harness.radio.att import ATT
from harness.radio.bleak.translation import Translation
from harness.radio.process import BLEAK
from harness.radio.wire import Heard, Kind, Received, Told, Words

_START_SECONDS = 10.0
_NUMBERS = 0xFFFF
_OURS, _UNSPECIFIED = 0x16, 0x1F
_BASE = "-0000-1000-8000-00805f9b34fb"
_BITS = {name: bit for bit, name in CHARACTERISTIC_PROPERTIES.items()}
_CHANNEL = ATT.to_bytes(2, "little")


@dataclass(slots=True)
class DesktopPeripheral:
    """One connection. `everything` is for channels that a desktop does not have."""

    client: BleakClient
    translation: Translation
    address_type: str
    taps: frozenset[int] = frozenset()
    everything: bool = False
    reason: int = field(default=_UNSPECIFIED)


class BleakCentral:
    """What `central.Central` does, as far as an operating system lets a program: see `only`."""

    adapter = BLEAK
    only = frozenset({"hello", "stalled", "scan", "watch", "hear", "connect", "disconnect", "tap", "table", "pair"})
    errors: tuple[type[Exception], ...] = (BleakError, OSError, EOFError)

    def __init__(self) -> None:
        self.scanner = self
        self.connections: dict[int, DesktopPeripheral] = {}
        self._known: dict[str, BLEDevice] = {}
        self._watchers: dict[Heard, BleakScanner] = {}
        self._made = 0

    async def start(self) -> None:
        """Scan for a moment, which shows that there is Bluetooth; raises BenchError. The system tells of no loss."""
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(_START_SECONDS), BleakScanner():
                pass
        except (*self.errors, ImportError) as error:
            raise BenchError(
                f"the desktop's Bluetooth cannot be had ({type(error).__name__}: {error}). Is its service running, and "
                "an adapter on, as `bluetoothctl show` tells? Or give Bumble an adapter: usb:0, hci-socket:0, serial:…"
            ) from error

    async def stop(self) -> None:
        """End every connection and scan."""
        for heard in list(self._watchers):
            await self.unwatch(heard)
        for number in list(self.connections):
            with contextlib.suppress(*self.errors):
                await self.disconnect(number)

    # -- who is there ---------------------------------------------------------------------------------------------

    async def scan(self, seconds: float) -> list[Words]:
        """Who advertised within `seconds`."""
        found = await BleakScanner.discover(timeout=seconds, return_adv=True)
        self._known = {address.upper(): device for address, (device, _data) in found.items()}
        return [described(device, data) for device, data in found.values()]

    async def watch(self, heard: Heard) -> None:
        """Tell every advertisement that the operating system tells, until `unwatch`."""
        scanner = BleakScanner(lambda device, data: heard(described(device, data)))
        await scanner.start()
        self._watchers[heard] = scanner

    async def unwatch(self, heard: Heard) -> None:
        """Tell no more; idempotent."""
        if heard in self._watchers:
            await self._watchers.pop(heard).stop()

    async def hear(self, address: str, timeout: float) -> Words:
        """The next advertisement of an address; raises TimeoutError."""
        told: list[Words] = []

        def ours(device: BLEDevice, data: AdvertisementData) -> bool:
            told[:] = [described(device, data)]
            return device.address.upper() == address.upper()

        device = await BleakScanner.find_device_by_filter(ours, timeout)
        if device is None:
            raise TimeoutError(f"{address} does not advertise")
        self._known[address.upper()] = device
        return told[0]

    async def interval(self, _address: str, _timeout: float) -> float:
        """Operating systems do not tell of every advertisement."""
        return 0.0

    # -- connections ----------------------------------------------------------------------------------------------

    async def connect(self, address: str, timeout: float, received: Received, told: Told) -> int:
        """Connect within `timeout` seconds; returns its number. Raises TimeoutError, BleakError."""
        try:
            async with asyncio.timeout(timeout):
                return await self._connected(address.upper(), timeout, received, told)
        except (TimeoutError, BleakError) as error:
            self._known.pop(address.upper(), None)
            raise TimeoutError(f"{address} does not advertise, or takes no connection: {error}".rstrip(": ")) from error

    async def _connected(self, address: str, timeout: float, received: Received, told: Told) -> int:
        if address not in self._known:
            await self.hear(address, timeout)
        self._made = number = self._made % _NUMBERS + 1
        kind = _address_type(self._known[address])
        client = BleakClient(self._known[address], lambda _client: self._gone(number, told), timeout=timeout)
        await client.connect()
        if not client.is_connected:
            raise BleakError("disconnected at once")

        def answer(pdu: bytes) -> None:
            peripheral = self.connections.get(number)
            if peripheral is not None and ATT in peripheral.taps:
                received(Kind.PDU, number, _CHANNEL + pdu)

        self.connections[number] = DesktopPeripheral(client, Translation(client, answer), kind)
        return number

    def address_type(self, number: int) -> str:
        """`public` or `random`, from BlueZ; "" from another operating system."""
        return self.connections[number].address_type

    def _gone(self, number: int, told: Told) -> None:
        peripheral = self.connections.pop(number, None)
        if peripheral is not None:
            peripheral.translation.close()
            told("disconnected", {"reason": peripheral.reason})

    async def disconnect(self, number: int, _reason: int = 0x13) -> None:
        """Close a connection, for the operating system's reason; one that is gone already is none."""
        peripheral = self.connections.get(number)
        if peripheral is not None:
            peripheral.reason = _OURS
            await peripheral.client.disconnect()

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Say an ATT PDU; of what else is sent nothing reaches the device."""
        peripheral = self.connections.get(number)
        if peripheral is not None and kind == Kind.PDU and body[:2] == _CHANNEL:
            peripheral.translation.take(body[2:])

    async def pair(self, number: int) -> str:
        """Pair as the operating system does, and keeps; the bond is `kept`, since nobody says. Raises BleakError."""
        await self.connections[number].client.pair()
        return "kept"

    async def table(self, number: int, _mtu: int) -> Words:
        """The GATT table as the operating system has read it; it keeps some services to itself."""
        client = self.connections[number].client
        services = sorted(client.services, key=lambda service: service.handle)
        return {"services": [_service(service) for service in services], "mtu": client.mtu_size}


def _service(service: BleakGATTService) -> dict[str, Any]:
    characteristics = [_characteristic(each) for each in sorted(service.characteristics, key=lambda c: c.handle)]
    return {"uuid": _short(service.uuid), "handle": service.handle, "characteristics": characteristics}


def _characteristic(characteristic: BleakGATTCharacteristic) -> dict[str, Any]:
    descriptors = sorted(characteristic.descriptors, key=lambda descriptor: descriptor.handle)
    return {
        "uuid": _short(characteristic.uuid),
        "handle": characteristic.handle + 1,
        "properties": sum(_BITS.get(name, 0) for name in characteristic.properties),
        "descriptors": [{"uuid": _short(each.uuid), "handle": each.handle} for each in descriptors],
    }


def _short(uuid: str) -> str:
    """Those of the Bluetooth SIG as four digits."""
    return uuid[4:8] if uuid.startswith("0000") and uuid.endswith(_BASE) else uuid


def _address_type(device: BLEDevice) -> str:
    details = cast("dict[str, Any]", device.details) if isinstance(device.details, dict) else {}
    return str(details.get("props", {}).get("AddressType", ""))


def described(device: BLEDevice, data: AdvertisementData) -> dict[str, Any]:
    """An advertisement in words, as `central.described`; its bytes are not told, its address' type by BlueZ only."""
    return {
        "address": device.address.upper(),
        "type": _address_type(device),
        "name": data.local_name or device.name or "",
        "rssi": data.rssi,
        "data": "",
    }
