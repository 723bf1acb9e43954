"""Where a device is: in processes that the bench has started, not on this machine at all, or nobody knows."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from harness.radio.process import VIRTUAL, Radio
from harness.tasks import tree_of
from harness.transports import Endpoint, parse_moniker
from targets.proc import listening_of

_TREE_SECONDS = 1.0
_PORTS = ("tcp", "tls")


class Whereabouts:
    """Of the device behind some monikers, the Bluetooth ones on a radio."""

    def __init__(self, monikers: Iterable[str], radio: Radio) -> None:
        self._endpoints, self._radio = [parse_moniker(moniker) for moniker in monikers], radio
        self._elsewhere: bool | None = None
        self._pid, self._looked, self._serves = 0, 0.0, False
        self._tree: tuple[int, ...] = ()

    def processes(self, pid: int | None) -> tuple[int, ...] | None:
        """All that the device is, where process `pid` was started to be it; none where it is not on this machine.

        None where that is not known, as of a program that only has another one start the device: in its tree nobody
        listens at the device's ports.
        """
        if pid is None:
            if self._elsewhere is None:
                self._elsewhere = all(map(self._is_elsewhere, self._endpoints))
            return () if self._elsewhere else None
        now = time.monotonic()
        if pid != self._pid or now - self._looked > _TREE_SECONDS:
            self._serves = self._serves and pid == self._pid
            self._pid, self._looked, self._tree = pid, now, tree_of(pid)
            self._serves = self._serves or self._ports <= set(listening_of(self._tree))
        return self._tree if self._serves else None

    @property
    def _ports(self) -> set[int]:
        found = (endpoint.address.rpartition(":")[2] for endpoint in self._endpoints if endpoint.scheme in _PORTS)
        return {int(port) for port in found if port.isdigit()}

    def _is_elsewhere(self, endpoint: Endpoint) -> bool:
        """True behind a serial port that hardware has, and in the air."""
        if endpoint.scheme == "ble":
            return self._radio.adapter not in ("", VIRTUAL)
        port = Path(endpoint.address).resolve().name
        return endpoint.scheme == "serial" and Path(f"/sys/class/tty/{port}/device").exists()
