"""Who advertises: scans that share one adapter, the next advertisement of an address, and how long it lets one wait."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from bumble import core, crypto, hci
from bumble.device import Advertisement, Device

from harness.radio.wire import Heard

_MOST, _MOST_KEYS = 1024, 64
_NAMES = (core.AdvertisingData.Type.COMPLETE_LOCAL_NAME, core.AdvertisingData.Type.SHORTENED_LOCAL_NAME)


class Scanner:
    """What a device hears while anybody wants it to scan; of many who advertise those that were heard last.

    A resolvable private address is taken for the address of the bond whose key it is made with.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.known: dict[str, Advertisement] = {}
        self._moved: dict[str, str] = {}
        self._keys: dict[str, bytes] = {}
        self._heard = asyncio.Event()
        self._watchers: dict[Heard, None] = {}
        self._scans = 0
        self._switching = asyncio.Lock()
        device.on("advertisement", self._advertised)
        cast("Any", device).refresh_resolving_list = self.learn_keys  # Bumble's has connects wait without an end

    async def learn_keys(self) -> None:
        """Take the keys of the bonds that there are; those of forgotten ones tell whose an address is, too."""
        store = self._device.keystore
        for key, address in await store.get_resolving_keys() if store is not None else []:
            self._keys.pop(plain(address), None)
            self._keys[plain(address)] = key
        while len(self._keys) > _MOST_KEYS:
            del self._keys[next(iter(self._keys))]

    def _advertised(self, advertisement: Advertisement) -> None:
        address = plain(advertisement.address)
        self.known.pop(address, None)
        while len(self.known) >= _MOST:
            del self.known[next(iter(self.known))]
        self.known[address] = advertisement
        for owner in self._owners(advertisement.address):
            self._moved[owner] = address
        self._heard.set()
        for heard in list(self._watchers):
            heard(described(advertisement))

    def found(self, address: str) -> Advertisement | None:
        """The last advertisement of an address, or of the device that had it when it was bonded with."""
        wanted = address.upper()
        return self.known.get(wanted) or self.known.get(self._moved.get(wanted, ""))

    def _owners(self, address: hci.Address) -> list[str]:
        """The address of a bond and its identity address, where this one is made with its key."""
        if not address.is_resolvable or not self._keys:
            return []
        octets = bytes(address)
        return [owner for owner, key in self._keys.items() if crypto.ah(key, octets[3:]) == octets[:3]]

    def follows(self, address: str) -> bool:
        """True where the device's next addresses are known for its own, by a key of its bond."""
        return address.upper() in self._keys

    def forget(self, address: str) -> None:
        """What was heard of an address is of no use any more."""
        while (known := self.found(address)) is not None:
            del self.known[plain(known.address)]

    async def _scan_more(self, more: int) -> None:
        """One more who wants to scan, or one less: the adapter scans while there is any."""
        async with self._switching:
            if not self._scans:
                await self._device.start_scanning(filter_duplicates=False)
            self._scans += more
            if not self._scans:
                await self._device.stop_scanning()

    @asynccontextmanager
    async def _scanning(self) -> AsyncGenerator[None]:
        await self._scan_more(1)
        try:
            yield
        finally:
            await self._scan_more(-1)

    async def scan(self, seconds: float) -> list[dict[str, Any]]:
        """Who advertised within `seconds`."""
        self.known.clear()
        async with self._scanning():
            await asyncio.sleep(seconds)
        return [described(advertisement) for advertisement in self.known.values()]

    async def hear(self, address: str, timeout: float) -> dict[str, Any]:
        """The next advertisement of an address; raises TimeoutError."""
        self.forget(address)
        return described(await self.find(address, timeout))

    async def find(self, address: str, timeout: float) -> Advertisement:
        """The last advertisement of an address, or the next one; raises TimeoutError."""
        if known := self.found(address):
            return known
        try:
            async with asyncio.timeout(timeout), self._scanning():
                while (known := self.found(address)) is None:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError as error:
            if (known := self.found(address)) is not None:  # whoever runs late is told of both in one turn
                return known
            raise TimeoutError(f"{address} does not advertise") from error
        return known

    async def interval(self, address: str, timeout: float) -> float:
        """Seconds between two advertisements, or 0 when two do not come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._scanning():
                await self.hear(address, timeout)
                first = time.monotonic()
                await self.hear(address, timeout)
                return time.monotonic() - first
        return 0.0

    async def watch(self, heard: Heard) -> None:
        """Tell every advertisement, until `unwatch`."""
        if heard not in self._watchers:
            await self._scan_more(1)
            self._watchers[heard] = None

    async def unwatch(self, heard: Heard) -> None:
        """Tell no more; idempotent."""
        if heard in self._watchers:
            del self._watchers[heard]
            await self._scan_more(-1)


def plain(address: hci.Address) -> str:
    """Six octets, whatever the type."""
    return str(address).upper()[:17]


def described(advertisement: Advertisement) -> dict[str, Any]:
    """An advertisement in words: address, its type, name, signal strength, data. A name need not be UTF-8."""
    names = (advertisement.data.get(kind, raw=True) for kind in _NAMES)
    name = next((name for name in names if name), b"")
    return {
        "address": plain(advertisement.address),
        "type": "public" if advertisement.address.is_public else "random",
        "name": bytes(name).decode("utf-8", "replace").rstrip("\0"),
        "rssi": advertisement.rssi,
        "data": bytes(advertisement.data).hex(),
    }
