"""The insulin pump on the wire: GATT, and the login's nonce and proof."""

from __future__ import annotations

from collections.abc import Mapping

from harness.case import LiveField
from harness.interfaces import Conversation, Frame
from protocols.att_wire import ERROR, INDICATION
from protocols.gatt import cgm, ids
from protocols.gatt.packets import READ_RESPONSE, fields_read
from protocols.gatt.wire import GattWire
from protocols.packets import integer_places
from protocols.wire import Fields, Place
from targets.insulin.protocol.packets import DELIVERY, PumpStatus, proof

INSUFFICIENT_AUTHORIZATION = 0x08
STATUS_SIZE = 16
ALARMS = 0xFF
GIVEN = b"\x81\x00"
LOGIN_ANSWERS, LOGIN_SIZES = range(0x81, 0x86), (2, 10)
LOGIN = {
    0: "ok",
    1: "unknown",
    2: "bad length",
    3: "no nonce",
    4: "denied",
    5: "locked",
    6: "bad value",
    7: "no session",
    8: "not ready",
}


def told(opcode: int, value: bytes) -> Fields:
    """The pump's status where it can be nothing else; a measurement; what a control point answered."""
    if opcode == READ_RESPONSE:
        return _status(value)
    if opcode == INDICATION and value[0] in LOGIN_ANSWERS and len(value) in LOGIN_SIZES:
        return {"request": value[0] & 0x7F, "response": LOGIN.get(value[1], f"code {value[1]}")}
    return cgm.told(opcode, value) or ids.told(opcode, value)


def _status(value: bytes) -> Fields:
    """A read's response does not say of what: the length and the ranges of its fields do."""
    return fields_read(PumpStatus)(value) if _is_status(value) else {}


def _is_status(value: bytes) -> bool:
    return len(value) == STATUS_SIZE and value[6] in DELIVERY and value[7] in (0, 1) and value[15] == 0


class InsulinWire(GattWire):
    """`commands` maps messages to the first bytes of what they write."""

    def __init__(self, commands: Mapping[str, bytes]) -> None:
        super().__init__(told, commands)

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The login's answer besides what every GATT service needs."""
        if live.name == "answer":
            value = proof(conversation.values.get("nonce", bytes(8)))
            return value[: live.length].ljust(live.length, b"\0")
        return super().resolve(live, data, conversation)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """The nonce."""
        value = frame.data[3:]
        if frame.data[0] == INDICATION and value[:2] == GIVEN and len(value) == max(LOGIN_SIZES):
            conversation.values["nonce"] = value[2:]
        return super().learn(frame, conversation)

    def served(self, frame: Frame) -> bool:
        """The pump's status was read."""
        return frame.data[0] == READ_RESPONSE and _is_status(frame.data[1:])

    def places(self) -> Mapping[str, Place]:
        """Those of the status, behind the opcode."""
        return integer_places(PumpStatus, 1)

    def session_lapsed(self, frame: Frame) -> bool:
        """The ATT error that every request for a session gives without one."""
        return frame.data[:1] == bytes([ERROR]) and frame.data[4:5] == bytes([INSUFFICIENT_AUTHORIZATION])
