"""bleak's scanner on a radio: advertisements as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from bleak.backends.scanner import AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import BleakError

from harness.radio.bleak.advertisement import advertisement_data
from harness.radio.bleak.line import RadioLine, dial
from harness.radio.wire import CONTROL, Kind, Message

_SECONDS = 5.0


class RadioBleakScanner(BaseBleakScanner):
    """`BleakScanner(backend=RadioBleakScanner)`. The radio scans actively, whatever `scanning_mode` says."""

    radio: ClassVar[str] = CONTROL

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_platform: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._line: RadioLine | None = None

    async def start(self) -> None:
        """Raises BleakError, BleakBluetoothNotAvailableError."""
        if self._line is not None:
            raise BleakError("this scanner is scanning already")
        self.seen_devices = {}
        line = await dial(self.radio, _SECONDS, self._take, lambda: None)
        try:
            await line.ask("watch", _SECONDS, on=True)
        except BaseException:
            line.close()
            raise
        self._line = line

    async def stop(self) -> None:
        """Idempotent."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _take(self, message: Message) -> None:
        if message.kind == Kind.EVENT and (words := message.words).get("event") == "advertisement":
            asyncio.get_running_loop().call_soon(self._heard, words)

    def _heard(self, words: Mapping[str, Any]) -> None:
        """Loop callback, so that what the user's callback raises reaches the loop's handler and not the socket's."""
        found = advertisement_data(bytes.fromhex(words["data"]), int(words["rssi"]))
        address, details = str(words["address"]), {"props": {"AddressType": words["type"]}}
        if self._line is not None and self.is_allowed_uuid(found.service_uuids):
            device = self.create_or_update_device(address, address, found.local_name, details, found)
            self.call_detection_callbacks(device, found)
