"""The meter's radio side: its firmware's HCI is bridged to the radio, and its address is written into its flash."""

from __future__ import annotations

import select
from collections.abc import Callable

from harness.errors import UsageError
from targets.board.memory import STM32F405
from targets.emulated import EmulatedTarget
from targets.serving.h4 import Bridge
from targets.serving.serve import Server

LINK = "hci"
ADDRESS = "C7:47:4D:33:00:01"
_IDENTITY = "identity_flash"
_OCTETS = 6
_TICK, _QUIET_SECONDS, _MOST_TURNS = 0.02, 0.03, 16


def provision(target: EmulatedTarget, address: str, *, public: bool) -> None:
    """Write the address that a started device advertises into its flash, as the factory does, and restart it.

    Raises UsageError.
    """
    image = target.machine.image
    symbol = image.symbols.get(_IDENTITY)
    if symbol is None:
        raise UsageError(f"{image.path.name}: has no '{_IDENTITY}' to write an address to; leave --address out")
    start, value = symbol.address - STM32F405.rom, address_bytes(address) + bytes([0 if public else 1])
    target.machine.cpu.flash[start : start + len(value)] = value
    target.reset()


def address_bytes(address: str) -> bytes:
    """The address as it is on the wire; raises UsageError."""
    try:
        octets = bytes.fromhex(address.replace(":", ""))
    except ValueError:
        octets = b""
    if len(octets) != _OCTETS:
        raise UsageError(f"address '{address}': write six octets, like C7:47:4D:33:00:01")
    return octets[::-1]


class Front:
    """Moves bytes between the firmware and its controller, and lets the firmware answer ahead of the wall clock."""

    def __init__(self, target: EmulatedTarget, server: Server, bridge: Bridge) -> None:
        self._machine, self._server, self._bridge = target.machine, server, bridge
        self._answered = False
        bridge.feed = server.local(LINK, self._heard)
        server.restarted = bridge.restarted

    def _heard(self, data: bytes) -> None:
        self._answered = True
        self._bridge.heard(data)

    def run(self, ended: Callable[[], bool]) -> None:
        """Serve until `ended`; raises OSError when the radio is gone."""
        while not ended():
            ready, _writable, _failed = select.select([self._server.fileno(), self._bridge.fileno()], (), (), _TICK)
            if self._bridge.fileno() in ready and self._bridge.readable():
                self._answer()
            self._server.turn()

    def _answer(self) -> None:
        """Until the firmware sleeps and has had nothing to say for a while of its own time."""
        for _ in range(_MOST_TURNS):
            self._answered = False
            self._server.ahead(LINK, _QUIET_SECONDS)
            if self._machine.sleeping and not self._answered:
                return
