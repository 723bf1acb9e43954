"""Who advertises, and one peripheral asked for all that it has, over a radio that runs or is started for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from harness.discovery.gatt_bench import bench_text
from harness.discovery.gatt_table import GattTable, survey
from harness.errors import LinkError
from harness.radio.process import BLEAK, VIRTUAL, Radio
from harness.transports import Endpoint, ble, parse_moniker

TIMEOUT = 10.0
_HELLO_SECONDS = 5.0


def advertising(radio: Radio, seconds: float) -> list[dict[str, Any]]:
    """Who was heard within that time, the loudest first: `address`, `type`, `rssi` in dBm, `name`."""
    answer = radio.client(_HELLO_SECONDS).ask("scan", seconds + _HELLO_SECONDS, seconds=seconds)
    found: list[dict[str, Any]] = answer["found"]
    return sorted(found, key=lambda who: int(who["rssi"]), reverse=True)


class Peripheral:
    """A device by its moniker, `ble:ADDRESS?pair=on`, behind a radio. Raises UsageError for what is no address."""

    def __init__(self, radio: Radio, device: str) -> None:
        self._radio = radio
        endpoint = _endpoint(radio, device)
        self.paired, self.address = endpoint.switch("pair", default=False), endpoint.address.upper()

    def table(self) -> GattTable:
        """All that it has; raises LinkError, BenchError."""
        try:
            return survey(self._radio.peer(self.address), TIMEOUT, paired=self.paired)
        except LinkError as error:
            words = f"ble:{self.address}: {error}. Is it on, in range and advertising? Try --scan 5"
            raise LinkError(words) from error

    def bench(self, table: GattTable, where: str) -> str:
        """A bench file for it; `where` is the line under [radio]."""
        adapter = self._radio.client(_HELLO_SECONDS).adapter
        armed, raw = adapter == VIRTUAL, adapter != BLEAK
        return bench_text(table, self.address, where, paired=self.paired, armed=armed, raw=raw)


def _endpoint(radio: Radio, device: str) -> Endpoint:
    """Raises UsageError for what is no address."""
    endpoint = parse_moniker(device if device.startswith("ble:") else f"ble:{device}")
    endpoint.check("pair")
    ble.ble_transport(endpoint, SimpleNamespace(radio=radio))
    return endpoint
