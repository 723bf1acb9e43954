"""Which Modbus requests tell of the same coil or register as one that writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.case import Send
from harness.interfaces import Related
from protocols.modbus_expected import ADDRESSES, BOTH, COIL, COILS, MASK, REGISTER, REGISTERS, places_of
from protocols.modbus_pdu import must_be_answered
from protocols.model import Message

_MOST_COILS, _MOST_REGISTERS = 2000, 125  # that can be read at once


class Places:
    """For `sent` bytes what reads the place, and another request that writes it. `opened` gives the PDU in a frame."""

    def __init__(self, messages: Mapping[str, Message], opened: Callable[[bytes], tuple[int, bytes] | None]) -> None:
        self._messages, self._opened = messages, opened

    def __call__(self, sent: bytes) -> Related | None:
        """None for what writes nothing, or nothing that could be there and read at once.

        What must be refused for another reason must not write either.
        """
        opened = self._opened(sent)
        if opened is None or not must_be_answered(opened[1]):
            return None
        pdu = opened[1]
        written = places_of(pdu)
        address, quantity = written[-1] if written else (int.from_bytes(pdu[1:3]), 1)
        most = _MOST_COILS if pdu[0] in (COIL, COILS) else _MOST_REGISTERS
        if not 1 <= quantity <= most or address + quantity > ADDRESSES:
            return None
        if pdu[0] in (COIL, COILS):
            return self._related("read_coils", address, quantity, *self._coil(pdu[0], address))
        if pdu[0] == REGISTERS:
            value = self._send("write_single_register", address=address, value=int.from_bytes(pdu[6:8]))
            return self._related("read_holding_registers", address, quantity, value)
        values = {REGISTER: pdu[3:5], MASK: pdu[3:5], BOTH: pdu[10:]}.get(pdu[0])
        return None if values is None else self._registers(address, quantity, values)

    def _coil(self, code: int, address: int) -> tuple[Send, ...]:
        return (self._send("write_single_coil", address=address),) if code == COILS else ()

    def _registers(self, address: int, quantity: int, values: bytes) -> Related:
        written = self._send("write_multiple_registers", address=address, values=values)
        return self._related("read_holding_registers", address, quantity, written)

    def _related(self, read: str, address: int, quantity: int, *writes: Send) -> Related:
        return Related(self._send(read, address=address, quantity=quantity), writes)

    def _send(self, name: str, **values: int | bytes) -> Send:
        return self._messages[name].send(**values)
