"""A port that is asked: a byte comes for each that is written, as from a chip at the other end of SPI."""

from __future__ import annotations

from typing import Any

from targets.board.auto.description import PortDescription
from targets.board.auto.port import BYTE_CYCLES, Port, applied

_ASKING = 20  # times as long as a byte takes


class AskedPort(Port):
    """Says by its interrupt that there is something, once for a message, and then answers as often as it is asked.

    What the firmware does not ask for is lost with the next message; it reads nought where nothing is left.
    """

    def reset(self) -> None:
        super().reset()
        self._asked, self._called = False, False

    def feed(self, data: bytes) -> None:
        """What it will answer from now on."""
        if data:
            self._incoming, self._called = data, self.description.exception > 0
            self.wiring.schedule.arm(self._arrives, self.wiring.schedule.now() + BYTE_CYCLES)

    @property
    def patience(self) -> int:
        return patience(self.description)

    @property
    def receiving(self) -> bool:
        """True until its interrupt was seen; whether the firmware asks is its own affair."""
        return self._called

    @property
    def offering(self) -> bool:
        """True while its interrupt is to be seen."""
        return self.ready

    def _arrived(self) -> None:
        self.ready = self._called
        self._raise()

    def _view(self, address: int, value: int, tried: bool) -> int:
        return applied([gate for gate in self.description.gates if gate.address == address], value, there=True)

    def _send(self, value: int) -> None:
        super()._send(value)
        self._asked = True

    def _take(self) -> int:
        if self._asked:
            self._asked = False
            self.taken += bool(self._incoming)
            self._last, self._incoming = self._incoming[0] if self._incoming else 0, self._incoming[1:]
        return self._last

    def _written(self, address: int, old: int, value: int) -> None:
        """Nothing that it writes asks for an interrupt."""

    def leaving(self, exception: int) -> None:
        """Its call was heard, if it had come."""
        if self.ready:
            self.ready = self._called = False
        self._settled()

    def state(self) -> Any:
        return super().state(), (self._asked, self._called)

    def restore(self, state: Any) -> None:
        own, (self._asked, self._called) = state
        super().restore(own)


def patience(port: PortDescription) -> int:
    """Without an interrupt, cycles until the firmware may have asked."""
    return 0 if port.exception else _ASKING * BYTE_CYCLES
